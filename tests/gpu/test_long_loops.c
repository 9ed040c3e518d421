// test_long_loops.c - no op is cut short: at the longest operands that a device accepts
// the answer is right, and beyond that the op is refused.
//
// Mesa 22's llvmpipe leaves the loops of an invocation after 65,535 iterations without a
// word, so each dispatch says how many it needs. Where a driver has no such limit, the longest
// operands are those of the table.
#include "support/gpu_op.h"
#include "support/ref_ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 16, STEP = 16 }; // STEP: between the lengths that are tried

static void record_mean_rows(vb_recorder *rec, vb_tensor y, vb_tensor x, vb_tensor q)
{
    (void)q;
    vb_mean_rows(rec, .y = y, .x = x);
}

static void record_attention(vb_recorder *rec, vb_tensor y, vb_tensor x, vb_tensor q)
{
    vb_attention(rec, .y = y, .q = q, .k = x, .v = x, .heads = 1);
}

static void record_l2norm(vb_recorder *rec, vb_tensor y, vb_tensor x, vb_tensor q)
{
    (void)q;
    vb_l2norm(rec, .y = y, .x = x, .eps = 1e-12F);
}

static void record_layernorm(vb_recorder *rec, vb_tensor y, vb_tensor x, vb_tensor q)
{
    (void)q;
    vb_layernorm(rec, .y = y, .x = x, .gain = x, .bias = x, .eps = 1e-6F);
}

static void mean_of(double *y, const float *x, const float *q, uint32_t length)
{
    (void)q;
    ref_mean_rows(y, x, 1, length, WIDTH);
}

static void attention_of(double *y, const float *x, const float *q, uint32_t length)
{
    double *scores = gpu_alloc(length, sizeof *scores);
    const ref_attention_shape shape = {.batch = 1,
                                       .kv_batch = 1,
                                       .q_len = 1,
                                       .kv_len = length,
                                       .heads = 1,
                                       .head_dim = WIDTH};
    ref_attention(y, q, x, x, &shape, scores);
    free(scores);
}

static void l2norm_of(double *y, const float *x, const float *q, uint32_t length)
{
    (void)q;
    ref_l2norm(y, x, 1, length, (double)1e-12F);
}

static void layernorm_of(double *y, const float *x, const float *q, uint32_t length)
{
    (void)q;
    ref_layernorm(y, x, x, x, 1, length, (double)1e-6F);
}

// Ops over x, which has `most` rows of WIDTH, or one row of `most` columns.
static const struct long_op {
    const char *name;
    uint32_t most;
    bool by_row; // y is one row of WIDTH; else it is shaped like x
    void (*record)(vb_recorder *rec, vb_tensor y, vb_tensor x, vb_tensor q);
    void (*reference)(double *y, const float *x, const float *q, uint32_t length);
} long_ops[] = {
    {"mean_rows", 70000, true, record_mean_rows, mean_of},
    {"attention", 530000, true, record_attention, attention_of},
    {"l2norm", 2200000, false, record_l2norm, l2norm_of},
    {"layernorm", 1500000, false, record_layernorm, layernorm_of},
};

// Ones, and a thousand in the last STEP rows or columns, so that leaving out any of them
// shows.
static gpu_operand make_x(gpu_fixture *fx, const struct long_op *op, uint32_t length)
{
    const uint32_t width = op->by_row ? WIDTH : 1;
    const size_t count = (size_t)length * width;
    float *data = gpu_alloc(count, sizeof *data);
    for (size_t i = 0; i < count; i++)
        data[i] = i < count - (size_t)STEP * width ? 1 : 1000;
    gpu_operand x = op->by_row ? gpu_data(fx, VB_F32, 1, length, WIDTH, data)
                               : gpu_data(fx, VB_F32, 1, 1, length, data);
    free(data);
    return x;
}

static gpu_operand make_y(gpu_fixture *fx, const struct long_op *op, uint32_t length)
{
    return gpu_floats(fx, 1, 1, op->by_row ? WIDTH : length, 0, (gpu_values){2, 0, 1});
}

typedef struct operands {
    gpu_operand x, y, q; // q is zeros: attention to all keys alike
} operands;

static bool accepts(gpu_fixture *fx, const struct long_op *op, const operands *o,
                    uint32_t length)
{
    if (op->by_row)
        op->record(&fx->rec, o->y.t, vb_rows(o->x.t, 0, length), o->q.t);
    else
        op->record(&fx->rec, vb_columns(o->y.t, 0, length),
                   vb_columns(o->x.t, 0, length), o->q.t);
    const vblip_status status = fx->rec.status;
    if (status != VBLIP_OK && (status != VBLIP_ERR_UNSUPPORTED ||
                               !strstr(fx->rec.error.message, " iterations")))
        fail_msg("%s: %s", op->name, fx->rec.error.message);
    vb_recorder_fail(&fx->rec, VBLIP_ERR_CANCELLED, "only asked");
    assert_true(vb_recorder_submit(&fx->rec, NULL) != VBLIP_OK);
    return status == VBLIP_OK;
}

static uint32_t longest(gpu_fixture *fx, const struct long_op *op, const operands *o)
{
    uint32_t good = STEP, bad = op->most + STEP;
    while (bad - good > STEP) {
        const uint32_t middle = (good + (bad - good) / 2) / STEP * STEP;
        if (accepts(fx, op, o, middle))
            good = middle;
        else
            bad = middle;
    }
    return good;
}

static void check_longest(gpu_fixture *fx, const struct long_op *op)
{
    const float zeros[WIDTH] = {0};
    operands o = {make_x(fx, op, op->most), make_y(fx, op, op->most),
                  gpu_data(fx, VB_F32, 1, 1, WIDTH, zeros)};
    gpu_submit(fx);
    const uint32_t length = longest(fx, op, &o);
    gpu_operand_free(&o.x);
    gpu_operand_free(&o.y);
    o.x = make_x(fx, op, length);
    o.y = make_y(fx, op, length);
    op->record(&fx->rec, o.y.t, o.x.t, o.q.t);
    float *x = gpu_packed(&o.x);
    double *want = gpu_alloc(op->by_row ? WIDTH : length, sizeof *want);
    op->reference(want, x, zeros, length);
    char what[64];
    snprintf(what, sizeof what, "%s of %u", op->name, length);
    gpu_check(fx, &o.y, want, 1e-8, what);
    free(x);
    free(want);
    gpu_operand_free(&o.x);
    gpu_operand_free(&o.y);
    gpu_operand_free(&o.q);
}

static void test_the_longest_operands_are_right(void **state)
{
    (void)state;
    for (const char *const *family = gpu_families(); *family; family++) {
        gpu_fixture fx = gpu_open(*family);
        for (size_t i = 0; i < sizeof long_ops / sizeof *long_ops; i++)
            check_longest(&fx, &long_ops[i]);
        gpu_close(&fx);
    }
}

// More than 65,535 iterations, were the loads not unrolled.
static void test_a_long_linear_is_right(void **state)
{
    (void)state;
    enum { COLS = 350000 };
    for (const char *const *family = gpu_families(); *family; family++) {
        gpu_fixture fx = gpu_open(*family);
        gpu_operand x = gpu_floats(&fx, 1, 1, COLS, 0, (gpu_values){1, 0.5F, 1});
        gpu_operand y = gpu_floats(&fx, 1, 1, 4, 0, (gpu_values){2, 0, 1});
        float *weights = gpu_random((size_t)4 * COLS, (gpu_values){3, 0.5F, 1});
        vb_matrix *w = gpu_matrix(&fx, weights, 4, COLS, VB_USE_LINEAR);
        float *x_data = gpu_packed(&x);
        double want[4];
        ref_linear(want, x_data, weights, NULL, NULL, 1, COLS, 4, NULL);
        vb_linear(&fx.rec, .y = y.t, .x = x.t, .w = w);
        gpu_check(&fx, &y, want, 1e-8, "a long linear");
        vb_matrix_free(&w);
        free(weights);
        free(x_data);
        gpu_operand_free(&x);
        gpu_operand_free(&y);
        gpu_close(&fx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_longest_operands_are_right),
        cmocka_unit_test(test_a_long_linear_is_right),
    };
    return cmocka_run_group_tests_name("long_loops", tests, NULL, NULL);
}
