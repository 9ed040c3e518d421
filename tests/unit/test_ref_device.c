// test_ref_device.c - the plain-C device of the tests does what ref_ops.h says, also on
// views with strides, and the recorder refuses what ops.h forbids.
#include "compute/bench.h"
#include "compute/pool.h"
#include "compute/recorder.h"
#include "support/ref_device.h"
#include "support/ref_ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_VALUES = 4096 };
static const double bound = 1e-12; // fp32 sums of at most 100 terms

typedef struct fixture {
    vb_device *device;
    vb_pool pool;
    vb_recorder rec;
    uint32_t noise;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(ref_device_open(&f->device, NULL, NULL), VBLIP_OK);
    f->pool = (vb_pool){.device = f->device, .name = "test"};
    f->rec = vb_recorder_begin(f->device);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    vb_pool_free(&f->pool);
    assert_int_equal(ref_device_look(f->device).alive, 0);
    vb_device_close(&f->device);
    free(f);
    return 0;
}

static void fill(fixture *f, float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        f->noise = f->noise * 1664525u + 1013904223u;
        values[i] = (float)(f->noise >> 8) / 8388608.0f - 1.0f;
    }
}

// A tensor whose rows and matrices lie apart from each other.
static vb_tensor apart(fixture *f, uint32_t batch, uint32_t rows, uint32_t cols)
{
    vb_tensor t;
    assert_int_equal(vb_pool_tensor(&t, &f->pool, VB_F32, batch, rows + 1,
                                    (cols + 11) / 4 * 4, NULL),
                     VBLIP_OK);
    return vb_rows(vb_columns(t, 4, cols), 1, rows);
}

static vb_tensor packed(fixture *f, const void *values, vb_dtype type, uint32_t batch,
                        uint32_t rows, uint32_t cols)
{
    vb_tensor t;
    assert_int_equal(vb_pool_tensor(&t, &f->pool, type, batch, rows, cols, NULL),
                     VBLIP_OK);
    vb_upload(&f->rec, t, values);
    return t;
}

static vb_tensor spread(fixture *f, const float *values, uint32_t batch, uint32_t rows,
                        uint32_t cols)
{
    vb_tensor t = apart(f, batch, rows, cols);
    vb_copy(&f->rec, t, packed(f, values, VB_F32, batch, rows, cols));
    return t;
}

static void expect_near(fixture *f, vb_tensor y, const double *want)
{
    static float got[MAX_VALUES];
    vb_tensor flat = packed(f, got, VB_F32, y.batch, y.rows, y.cols);
    vb_copy(&f->rec, flat, y);
    vb_download(&f->rec, got, flat);
    vblip_error err = {0};
    if (vb_recorder_submit(&f->rec, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    double nmse = ref_nmse(got, want, (size_t)vb_tensor_elements(&y));
    if (!(nmse <= bound))
        fail_msg("nmse %g, at most %g", nmse, bound);
}

static float a[MAX_VALUES], b[MAX_VALUES], c[MAX_VALUES], d[MAX_VALUES];
static double want[MAX_VALUES], scores[64];

static void test_linear(void **state)
{
    fixture *f = *state;
    const uint32_t rows = 7, in = 20, out = 13;
    fill(f, a, 2 * rows * in), fill(f, b, out * in), fill(f, c, out);
    fill(f, d, 2 * rows * out);
    vb_matrix *w = NULL;
    vb_matrix_block blocks[] = {vb_matrix_in_memory(b, VB_F32, 5),
                                vb_matrix_in_memory(b + 5 * in, VB_F32, 8)};
    assert_int_equal(
        vb_matrix_make(&w, f->device, blocks, 2, in, VB_USE_LINEAR, "w", NULL),
        VBLIP_OK);
    const vb_tensor x = spread(f, a, 2, rows, in), y = spread(f, d, 2, rows, out);
    vb_linear(&f->rec, .y = y, .x = x, .w = w, .bias = packed(f, c, VB_F32, 1, 1, out),
              .residual = y, .act = VB_ACT_GELU);
    ref_linear(want, a, b, c, d, 2 * rows, in, out, ref_gelu);
    expect_near(f, y, want);
    vb_linear(&f->rec, .y = y, .x = x, .w = w, .act = VB_ACT_RELU);
    ref_linear(want, a, b, NULL, NULL, 2 * rows, in, out, ref_relu);
    expect_near(f, y, want);
    vb_matrix_free(&w);
}

static void test_layernorm(void **state)
{
    fixture *f = *state;
    fill(f, a, 3 * 5 * 24), fill(f, b, 24), fill(f, c, 24);
    vb_tensor x = spread(f, a, 3, 5, 24);
    vb_layernorm(&f->rec, .y = x, .x = x, .gain = packed(f, b, VB_F32, 1, 1, 24),
                 .bias = packed(f, c, VB_F32, 1, 1, 24), .eps = 0.25f);
    ref_layernorm(want, a, b, c, 15, 24, 0.25);
    expect_near(f, x, want);
}

static void attention_case(fixture *f, ref_attention_shape s)
{
    const uint32_t width = (uint32_t)(s.heads * s.head_dim);
    const uint32_t batch = (uint32_t)s.batch, kv_batch = (uint32_t)s.kv_batch;
    const uint32_t q_len = (uint32_t)s.q_len, kv_len = (uint32_t)s.kv_len;
    fill(f, a, batch * q_len * width), fill(f, b, kv_batch * kv_len * width);
    fill(f, c, kv_batch * kv_len * width);
    vb_tensor y = apart(f, batch, q_len, width), lengths = {0};
    if (s.lengths)
        lengths = packed(f, s.lengths, VB_I32, 1, 1, batch);
    vb_attention(&f->rec, .y = y, .q = spread(f, a, batch, q_len, width),
                 .k = spread(f, b, kv_batch, kv_len, width),
                 .v = spread(f, c, kv_batch, kv_len, width), .heads = (uint32_t)s.heads,
                 .causal = s.causal, .first_query = (uint32_t)s.first_query,
                 .lengths = lengths);
    ref_attention(want, a, b, c, &s, scores);
    expect_near(f, y, want);
}

static void test_attention(void **state)
{
    fixture *f = *state;
    const int32_t lengths[] = {3, 1, 6};
    attention_case(f, (ref_attention_shape){2, 2, 5, 6, 2, 16, false, 0, NULL});
    attention_case(f, (ref_attention_shape){3, 1, 2, 9, 1, 32, false, 0, NULL});
    attention_case(f, (ref_attention_shape){2, 2, 3, 7, 2, 16, true, 4, NULL});
    attention_case(f, (ref_attention_shape){3, 3, 6, 6, 2, 16, false, 0, lengths});
    attention_case(f, (ref_attention_shape){3, 3, 6, 6, 2, 16, true, 0, lengths});
}

static void test_patchify(void **state)
{
    fixture *f = *state;
    uint8_t frames[2 * 8 * 8 * 3];
    for (size_t i = 0; i < sizeof frames; i++)
        frames[i] = (uint8_t)(i * 37 % 251);
    vb_tensor y = apart(f, 2, 4, 48);
    const float mean[3] = {0.5f, 0.25f, 0.125f}, deviation[3] = {0.25f, 0.5f, 0.75f};
    vb_patchify_args args = {
        .y = y, .frames = packed(f, frames, VB_U8, 2, 8, 24), .patch = 4};
    memcpy(args.mean, mean, sizeof mean);
    memcpy(args.deviation, deviation, sizeof deviation);
    vb_patchify_op(&f->rec, &args);
    ref_patchify(want, frames, 2, 8, 4, mean, deviation);
    expect_near(f, y, want);
}

static void test_embed(void **state)
{
    fixture *f = *state;
    fill(f, a, 11 * 16), fill(f, b, 9 * 16);
    const int32_t ids[] = {3, 0, 10, 10, 7, 1};
    vb_matrix *words = NULL;
    vb_matrix_block block = vb_matrix_in_memory(a, VB_F32, 11);
    assert_int_equal(
        vb_matrix_make(&words, f->device, &block, 1, 16, VB_USE_ROWS, "words", NULL),
        VBLIP_OK);
    vb_tensor y = apart(f, 2, 3, 16);
    vb_embed(&f->rec, .y = y, .ids = packed(f, ids, VB_I32, 1, 2, 3), .words = words,
             .positions = packed(f, b, VB_F32, 1, 9, 16), .first_position = 6);
    ref_embed(want, ids, a, b + (size_t)6 * 16, 3, 16);
    ref_embed(want + (size_t)3 * 16, ids + 3, a, b + (size_t)6 * 16, 3, 16);
    expect_near(f, y, want);
    vb_matrix_free(&words);
}

static void test_rows(void **state)
{
    fixture *f = *state;
    fill(f, a, 2 * 3 * 8), fill(f, b, 3 * 8);
    vb_tensor y = spread(f, a, 2, 3, 8);
    vb_add_rows(&f->rec, .y = y, .x = spread(f, b, 1, 3, 8));
    ref_add_rows(want, a, b, 2, 3, 8);
    expect_near(f, y, want);

    y = spread(f, a, 2, 3, 8);
    vb_set_row(&f->rec, .y = y, .x = packed(f, b, VB_F32, 1, 1, 8), .row = 2);
    ref_set_row(want, a, b, 2, 3, 8, 2);
    expect_near(f, y, want);

    y = apart(f, 2, 1, 8);
    vb_mean_rows(&f->rec, .y = y, .x = spread(f, a, 2, 3, 8));
    ref_mean_rows(want, a, 2, 3, 8);
    expect_near(f, y, want);

    const int32_t ids[] = {3, 0, 7, 7, 1, 6};
    y = apart(f, 2, 3, vb_topk_cols(5));
    vb_topk(&f->rec, .y = y, .x = spread(f, a, 2, 3, 8), .k = 5,
            .ids = packed(f, ids, VB_I32, 1, 2, 3));
    for (size_t r = 0; r < 6; r++)
        ref_topk(want + r * vb_topk_cols(5), a + r * 8, 8, 5, ids[r]);
    expect_near(f, y, want);

    y = spread(f, a, 2, 3, 8);
    vb_l2norm(&f->rec, .y = y, .x = y, .eps = 1e-12f);
    ref_l2norm(want, a, 6, 8, 1e-12);
    expect_near(f, y, want);
}

static void test_downloads_arrive_at_submit(void **state)
{
    fixture *f = *state;
    float in[4] = {1, 2, 3, 4}, out[4] = {0};
    vb_tensor t = packed(f, in, VB_F32, 1, 1, 4);
    vb_download(&f->rec, out, t);
    assert_true(out[0] == 0.0f);
    assert_int_equal(vb_recorder_submit(&f->rec, NULL), VBLIP_OK);
    assert_memory_equal(in, out, sizeof in);
}

// The first bad operand is latched, named at submit, and nothing after it runs.
static void test_recorder_latches(void **state)
{
    fixture *f = *state;
    float in[8] = {0};
    vb_tensor x = packed(f, in, VB_F32, 1, 2, 4), y = packed(f, in, VB_F32, 1, 2, 3);
    vb_layernorm(&f->rec, .y = y, .x = x, .gain = x, .bias = x);
    uint64_t ops = ref_device_look(f->device).ops;
    vb_l2norm(&f->rec, .y = x, .x = x, .eps = 1.0f);
    assert_int_equal(ref_device_look(f->device).ops, ops);
    vblip_error err = {0};
    assert_int_equal(vb_recorder_submit(&f->rec, &err), VBLIP_ERR_ARGUMENT);
    assert_string_equal(err.message, "layernorm: x: shape 1x2x4, expected 1x2x3");
    vb_l2norm(&f->rec, .y = x, .x = x, .eps = 1.0f);
    assert_int_equal(vb_recorder_submit(&f->rec, NULL), VBLIP_OK);
}

// What `vblip doctor` prints of a device comes through the table.
static void test_says_what_it_is(void **state)
{
    fixture *f = *state;
    vblip_error err = {0};
    const vblip_device_info *info = vb_device_describe(f->device);
    assert_string_equal(info->name, "reference");
    assert_int_equal(info->memory_bytes, f->device->caps.memory_bytes);
    assert_null(info->unusable);
    assert_int_equal(vb_device_profile(f->device, NULL, NULL, &err),
                     VBLIP_ERR_ARGUMENT);
    assert_string_equal(err.message, "reference: keeps no times");
}

static int on_result(void *user, const vblip_bench_result *result)
{
    assert_string_equal(result->name, "layernorm");
    assert_non_null(strstr(result->detail, " reference ("));
    assert_true(result->runs >= 3 && result->min_s > 0 && result->work > 0);
    ++*(int *)user;
    return 0;
}

// Benchmarks need nothing but the table: no driver, and one set of kernels.
static void test_is_timed_like_any_device(void **state)
{
    fixture *f = *state;
    int results = 0;
    assert_int_equal(vb_device_bench(f->device, "layernorm", on_result, &results, NULL),
                     VBLIP_OK);
    assert_int_equal(results, 2);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROW(test_linear),
        ROW(test_layernorm),
        ROW(test_attention),
        ROW(test_patchify),
        ROW(test_embed),
        ROW(test_rows),
        ROW(test_downloads_arrive_at_submit),
        ROW(test_recorder_latches),
        ROW(test_says_what_it_is),
        ROW(test_is_timed_like_any_device),
    };
    return cmocka_run_group_tests_name("reference device", tests, NULL, NULL);
}
