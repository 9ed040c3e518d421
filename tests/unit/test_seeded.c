// test_seeded.c - models made of noise are whole checkpoints of the released sizes, and any
// part of a tensor is the same whether it is read alone or with all of it.
#include "checkpoint/checkpoint.h"
#include "checkpoint/seeded.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static vb_checkpoint *make_seeded_or_fail(const char *size, uint32_t task)
{
    vb_checkpoint *c;
    vblip_error err = {0};
    if (vb_checkpoint_make_seeded(&c, size, task, VB_GOLDEN "/text/vocab.txt", &err) !=
        VBLIP_OK)
        fail_msg("%s, task %u: %s", size, task, err.message);
    return c;
}

static void test_every_size_for_every_task(void **state)
{
    (void)state;
    for (const char *const *size = vb_seeded_sizes; *size; size++) {
        for (uint32_t task = 1; task <= VBLIP_TASK_ITC; task *= 2) {
            vb_checkpoint *c = make_seeded_or_fail(*size, task);
            const vblip_model_info *info = vb_checkpoint_info(c);
            assert_true(info->tasks & task);
            assert_null(info->missing[0]);
            assert_null(info->unexpected[0]);
            assert_null(info->files[0]);
            vb_checkpoint_close(&c);
        }
    }
}

// What the paper's models have: ViT-B/16 with BERT-base and cross-attention, and heads.
static void test_as_large_as_released(void **state)
{
    (void)state;
    static const struct {
        const char *size;
        uint32_t task, image_size;
        uint64_t least, most; // parameters
    } rows[] = {
        {"base-384", VBLIP_TASK_RETRIEVAL, 384, 220000000, 226000000},
        {"base-480", VBLIP_TASK_VQA, 480, 355000000, 365000000},
        {"large-384", VBLIP_TASK_CAPTION, 384, 440000000, 452000000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vb_checkpoint *c = make_seeded_or_fail(rows[i].size, rows[i].task);
        const vblip_model_info *info = vb_checkpoint_info(c);
        assert_int_equal(info->image_size, rows[i].image_size);
        if (info->parameters < rows[i].least || info->parameters > rows[i].most)
            fail_msg("%s: %llu parameters", rows[i].size,
                     (unsigned long long)info->parameters);
        vb_checkpoint_close(&c);
    }
}

static void test_parts_are_those_of_the_whole(void **state)
{
    (void)state;
    vb_checkpoint *c = make_seeded_or_fail("base-384", VBLIP_TASK_RETRIEVAL);
    const vb_weight *w = vb_checkpoint_find(c, "text_proj.weight");
    assert_non_null(w);
    const size_t count = w->size / sizeof(float);
    float *whole = malloc(w->size), *parts = malloc(w->size);
    assert_true(whole && parts);
    assert_int_equal(vb_checkpoint_read(c, w, whole, 0, w->size, NULL), VBLIP_OK);
    for (size_t at = 0; at < count; at += 1000) {
        const size_t left = count - at, now = left < 1000 ? left : 1000;
        assert_int_equal(vb_checkpoint_read(c, w, parts + at, at * sizeof *parts,
                                            now * sizeof *parts, NULL),
                         VBLIP_OK);
    }
    assert_memory_equal(whole, parts, w->size);
    double sum = 0, square = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)whole[i];
        square += (double)whole[i] * (double)whole[i];
    }
    assert_true(fabs(sum / (double)count) < 5e-4);
    assert_true(fabs(sqrt(square / (double)count) - 0.02) < 5e-4);
    free(whole);
    free(parts);
    vb_checkpoint_close(&c);
}

static void test_norms_change_nothing(void **state)
{
    (void)state;
    vb_checkpoint *c = make_seeded_or_fail("base-384", VBLIP_TASK_RETRIEVAL);
    float gain[768], bias[768];
    const vb_weight *w = vb_checkpoint_find(c, "vision_model.post_layernorm.weight");
    const vb_weight *b = vb_checkpoint_find(c, "vision_model.post_layernorm.bias");
    assert_true(w && b && w->size == sizeof gain && b->size == sizeof bias);
    assert_int_equal(vb_checkpoint_read(c, w, gain, 0, sizeof gain, NULL), VBLIP_OK);
    assert_int_equal(vb_checkpoint_read(c, b, bias, 0, sizeof bias, NULL), VBLIP_OK);
    for (size_t i = 0; i < 768; i++)
        assert_true(gain[i] == 1 && bias[i] == 0);
    vb_checkpoint_close(&c);
}

static void test_refuses_an_unknown_size(void **state)
{
    (void)state;
    vb_checkpoint *c;
    vblip_error err = {0};
    assert_int_equal(vb_checkpoint_make_seeded(&c, "huge", VBLIP_TASK_VQA,
                                               VB_GOLDEN "/text/vocab.txt", &err),
                     VBLIP_ERR_ARGUMENT);
    assert_null(c);
    assert_string_equal(
        err.message, "size: huge: unknown, expected base-384, base-480 or large-384");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size_for_every_task),
        cmocka_unit_test(test_as_large_as_released),
        cmocka_unit_test(test_parts_are_those_of_the_whole),
        cmocka_unit_test(test_norms_change_nothing),
        cmocka_unit_test(test_refuses_an_unknown_size),
    };
    return cmocka_run_group_tests_name("seeded", tests, NULL, NULL);
}
