// test_recorder.c - the recorder keeps the first failure of a list of ops; pools cut
// tensors apart, reuse their memory and refuse what no device holds.
#include "compute/pool.h"
#include "compute/recorder.h"
#include "support/counting_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_first_failure_is_kept(void **state)
{
    (void)state;
    counting_device device = counting_device_make();
    vb_buffer buffer = {&device.base, 1024};
    vb_recorder rec = vb_recorder_begin(&device.base);
    vb_tensor y = vb_tensor_view(&buffer, 0, VB_F32, 1, 2, 4), wrong = y;
    wrong.type = VB_I32;
    vb_recorder_fail(&rec, VBLIP_ERR_FORMAT, "frame %d: torn", 7);
    vb_recorder_fail(&rec, VBLIP_ERR_IO, "later");
    vb_l2norm(&rec, .y = y, .x = wrong); // wrong, but not the first
    vb_l2norm(&rec, .y = y, .x = y);
    assert_int_equal(device.ops, 0);
    vblip_error err = {0};
    assert_int_equal(vb_recorder_submit(&rec, &err), VBLIP_ERR_FORMAT);
    assert_string_equal(err.message, "frame 7: torn");
    assert_int_equal(device.submits, 0);
    assert_int_equal(device.discards, 1);

    vb_l2norm(&rec, .y = y, .x = y); // usable again
    vb_error_reset(&err);
    assert_int_equal(vb_recorder_submit(&rec, &err), VBLIP_OK);
    assert_int_equal(err.status, VBLIP_OK);
    assert_int_equal(device.ops, 1);
}

static void test_failures_beside_it_are_latched(void **state)
{
    (void)state;
    counting_device device = counting_device_make();
    vb_recorder rec = vb_recorder_begin(&device.base);
    vblip_error why = {0}, err = {0};
    vb_recorder_check(&rec, VBLIP_OK, &why);
    vb_recorder_check(&rec, vb_fail(&why, VBLIP_ERR_IO, "100%%: cut"), &why);
    vb_recorder_fail(&rec, VBLIP_ERR_FORMAT, "later");
    assert_int_equal(vb_recorder_submit(&rec, &err), VBLIP_ERR_IO);
    assert_string_equal(err.message, "100%: cut");
}

static void test_device_failures_come_through(void **state)
{
    (void)state;
    counting_device device = counting_device_make();
    vb_buffer buffer = {&device.base, 1024};
    vb_recorder rec = vb_recorder_begin(&device.base);
    vb_tensor y = vb_tensor_view(&buffer, 0, VB_F32, 1, 2, 4);
    device.fail_ops = true;
    vb_l2norm(&rec, .y = y, .x = y);
    vb_l2norm(&rec, .y = y, .x = y);
    assert_int_equal(device.ops, 1);
    vblip_error err = {0};
    assert_int_equal(vb_recorder_submit(&rec, &err), VBLIP_ERR_DEVICE);
    assert_string_equal(err.message, "lost");
    assert_int_equal(device.discards, 1);

    device.fail_ops = false;
    device.fail_submit = true;
    vb_error_reset(&err);
    vb_l2norm(&rec, .y = y, .x = y);
    assert_int_equal(vb_recorder_submit(&rec, &err), VBLIP_ERR_DEVICE);
    assert_string_equal(err.message, "hung");
}

static void test_pool_cuts_apart_and_reuses(void **state)
{
    (void)state;
    counting_device device = counting_device_make();
    vb_pool pool = {.device = &device.base, .name = "test"};
    vb_tensor first, last = {0}, t;
    assert_int_equal(vb_pool_tensor(&first, &pool, VB_F32, 1, 1, 1, NULL), VBLIP_OK);
    uint64_t end = first.offset + vb_tensor_bytes(&first);
    for (uint32_t i = 1; i < 40; i++) {
        assert_int_equal(vb_pool_tensor(&t, &pool, VB_F16, i % 3 + 1, 7, i, NULL),
                         VBLIP_OK);
        assert_true(vb_tensor_packed(&t));
        assert_int_equal(t.offset % 256, 0);
        assert_ptr_equal(t.buffer, first.buffer);
        assert_true(t.offset >= end);
        end = t.offset + vb_tensor_bytes(&t);
        last = t;
    }
    assert_true(end <= last.buffer->size);
    assert_int_equal(device.buffers, 1);

    // More than a block holds gets a block of its own.
    assert_int_equal(vb_pool_tensor(&t, &pool, VB_F32, 2, 1024, 1024, NULL), VBLIP_OK);
    assert_int_equal(device.buffers, 2);
    assert_true(t.buffer->size >= 8u << 20);
    uint64_t bytes = pool.bytes;

    // After a reset the same tensors need no new memory.
    for (int round = 0; round < 3; round++) {
        vb_pool_reset(&pool);
        assert_int_equal(vb_pool_tensor(&t, &pool, VB_F32, 2, 1024, 1024, NULL),
                         VBLIP_OK);
        assert_int_equal(vb_pool_tensor(&t, &pool, VB_F32, 1, 256, 512, NULL),
                         VBLIP_OK);
    }
    assert_int_equal(device.buffers, 2);
    assert_true(pool.bytes == bytes);
    vb_pool_free(&pool);
    assert_int_equal(device.alive, 0);
    assert_true(pool.bytes == 0);
    vb_pool_free(&pool); // again is fine
}

static void test_pool_refusals(void **state)
{
    (void)state;
    static const struct {
        uint32_t batch, rows, cols;
    } bad[] = {
        {0, 1, 1},          {1, 0, 1},
        {1, 1, 0},          {1, 65536, 65536},
        {65536, 1, 65536},  {2, 65536, 32768},
        {1, UINT32_MAX, 2}, {UINT32_MAX, UINT32_MAX, UINT32_MAX},
    };
    counting_device device = counting_device_make();
    vb_pool pool = {.device = &device.base, .name = "weights"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        vblip_error err = {0};
        vb_tensor t = {.rows = 1};
        assert_int_equal(vb_pool_tensor(&t, &pool, VB_F32, bad[i].batch, bad[i].rows,
                                        bad[i].cols, &err),
                         VBLIP_ERR_UNSUPPORTED);
        assert_int_equal(strncmp(err.message, "weights: tensor of ", 19), 0);
        assert_null(t.buffer);
        assert_int_equal(t.rows, 0);
    }
    assert_int_equal(device.buffers, 0);

    vblip_error err = {0};
    vb_tensor t;
    assert_int_equal(vb_pool_tensor(&t, &pool, VB_F32, 1, 1 << 14, 1025, &err),
                     VBLIP_ERR_UNSUPPORTED);
    assert_string_equal(err.message, "counting: weights: 67174400 bytes, a buffer "
                                     "holds at most 67108864");
    vb_error_reset(&err);
    device.fail_buffers = true;
    assert_int_equal(vb_pool_tensor(&t, &pool, VB_F32, 1, 1, 1, &err),
                     VBLIP_ERR_MEMORY);
    assert_string_equal(err.message, "weights: out of memory");
    device.fail_buffers = false; // and the pool is as it was
    assert_int_equal(vb_pool_tensor(&t, &pool, VB_F32, 1, 1, 1, NULL), VBLIP_OK);
    vb_pool_free(&pool);
    assert_int_equal(device.alive, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_failure_is_kept),
        cmocka_unit_test(test_failures_beside_it_are_latched),
        cmocka_unit_test(test_device_failures_come_through),
        cmocka_unit_test(test_pool_cuts_apart_and_reuses),
        cmocka_unit_test(test_pool_refusals),
    };
    return cmocka_run_group_tests_name("recorder", tests, NULL, NULL);
}
