// test_op_topk.c - topk finds what sorting would, of equals the lower column, and with it what
// a softmax needs; numbers that cannot be logits show.
#include "support/gpu_op.h"
#include "support/ref_ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct shape {
    uint32_t batch, rows, cols, gap, k;
    float mean, spread;
    bool equals; // whole numbers, many of them the same
} shapes[] = {
    {3, 1, 30524, 0, 7, 0, 10, false}, // a step of 3 beams
    {2, 3, 30524, 4, 31, -1e3F, 50, false},
    {1, 1, 1, 0, 1, 5, 1, false},
    {2, 2, 7, 5, 7, 0, 1, false}, // all of a row
    {1, 3, 513, 3, 2, 0, 1, false},
    {5, 1, 1023, 0, VB_TOPK_MOST, 0, 1000, false},
    {3, 1, 30524, 0, 40, 0, 3, true},
    {1, 2, 600, 0, VB_TOPK_MOST, 2, 0, true}, // nothing else
    {1, 70, 65, 0, 3, 0, 2, true},
    {1, 1, 33000, 0, 1, 0, 1, false}, // columns beyond 65 of each part
};

static float *values_of(const struct shape *s)
{
    const size_t count = (size_t)s->batch * s->rows * s->cols;
    float *values = gpu_random(count, (gpu_values){1, s->mean, s->spread});
    for (size_t i = 0; i < count; i++)
        values[i] = s->equals ? roundf(values[i]) : values[i];
    return values;
}

static gpu_operand x_of(gpu_fixture *fx, const struct shape *s, const float *values)
{
    if (s->equals)
        return gpu_data(fx, VB_F32, s->batch, s->rows, s->cols, values);
    return gpu_floats(fx, s->batch, s->rows, s->cols, s->gap,
                      (gpu_values){1, s->mean, s->spread});
}

// Values and columns are copies: equal. Sums are floats: 1e-7 of the largest, but that a
// driver's exp may be off by 8e-7.
static void check_row(const float *got, const double *want, const struct shape *s,
                      const char *what)
{
    const double size = fabs((double)s->mean) + (double)s->spread;
    const double bounds[] = {1e-6 * want[VB_TOPK_SUM], 1e-6 * size, 0};
    for (uint32_t i = 0; i < vb_topk_cols(s->k); i++) {
        const double bound = i < VB_TOPK_VALUES ? bounds[i] : 0;
        if (!(fabs((double)got[i] - want[i]) <= bound))
            fail_msg("%s: element %u is %.9g, expected %.9g", what, i, (double)got[i],
                     want[i]);
    }
}

static void run(gpu_fixture *fx, const struct shape *s, bool gathers)
{
    char what[64];
    snprintf(what, sizeof what, "topk %u of %ux%ux%u", s->k, s->batch, s->rows,
             s->cols);
    const uint32_t rows = s->batch * s->rows, cols = vb_topk_cols(s->k);
    float *values = values_of(s), *got = gpu_alloc((size_t)rows * cols, sizeof *got);
    double *want = gpu_alloc((size_t)rows * cols, sizeof *want);
    int32_t *ids = gpu_alloc(rows, sizeof *ids);
    for (uint32_t r = 0; r < rows; r++) {
        ids[r] = gathers ? (int32_t)((r * 7919 + 5) % s->cols) : -1;
        ref_topk(want + (size_t)r * cols, values + (size_t)r * s->cols, s->cols, s->k,
                 ids[r]);
    }
    gpu_operand x = x_of(fx, s, values);
    gpu_operand y = gpu_floats(fx, s->batch, s->rows, cols, 0, (gpu_values){2, 0, 1});
    gpu_operand id = gpu_data(fx, VB_I32, 1, s->batch, s->rows, ids);
    vb_topk(&fx->rec, .y = y.t, .x = x.t, .k = s->k,
            .ids = gathers ? id.t : (vb_tensor){0});
    vb_download(&fx->rec, got, y.t);
    gpu_check(fx, &y, want, 1e-9, what);
    for (uint32_t r = 0; r < rows; r++)
        check_row(got + (size_t)r * cols, want + (size_t)r * cols, s, what);
    free(values);
    free(got);
    free(want);
    free(ids);
    gpu_operand_free(&x);
    gpu_operand_free(&y);
    gpu_operand_free(&id);
}

static void test_matches_sorting(void **state)
{
    (void)state;
    for (const char *const *device = op_devices("topk"); *device; device++) {
        gpu_fixture fx = gpu_open(*device);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            run(&fx, &shapes[i], i % 2 == 0);
        gpu_in_pieces(&fx);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            run(&fx, &shapes[i], i % 2 == 1);
        gpu_close(&fx);
    }
}

// Halves overflow and files are damaged: then the mean is no number, whatever else is.
static void test_the_mean_shows_damage(void **state)
{
    (void)state;
    enum { COLS = 2000, K = 3 };
    static const float damage[] = {NAN, INFINITY, -INFINITY};
    for (const char *const *device = op_devices("topk"); *device; device++) {
        gpu_fixture fx = gpu_open(*device);
        for (size_t d = 0; d < sizeof damage / sizeof *damage; d++) {
            float *values = gpu_random(COLS, (gpu_values){1, 0, 1}), got[3 + 2 * K];
            values[d * 999] = damage[d];
            gpu_operand x = gpu_data(&fx, VB_F32, 1, 1, COLS, values);
            gpu_operand y = gpu_floats(&fx, 1, 1, 3 + 2 * K, 0, (gpu_values){2, 0, 1});
            vb_topk(&fx.rec, .y = y.t, .x = x.t, .k = K);
            vb_download(&fx.rec, got, y.t);
            gpu_submit(&fx);
            if (isfinite(got[VB_TOPK_MEAN]))
                fail_msg("%s: the mean of a row with %g is %g", *device,
                         (double)damage[d], (double)got[VB_TOPK_MEAN]);
            free(values);
            gpu_operand_free(&x);
            gpu_operand_free(&y);
        }
        gpu_close(&fx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches_sorting),
        cmocka_unit_test(test_the_mean_shows_damage),
    };
    return cmocka_run_group_tests_name("op_topk", tests, NULL, NULL);
}
