// test_op_rows.c - ops that move or add rows are right and stay in their rows.
#include "support/gpu_op.h"
#include "support/ref_ops.h"
#include "support/tensor_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Moves are exact; one addition or a short sum is off by 2^-24.
static const double exact = 0, one_rounding = 1e-13;

static const struct shape {
    uint32_t batch, rows, cols, gap;
} shapes[] = {
    {1, 1, 1, 0}, {1, 5, 3, 1}, {2, 37, 192, 0}, {3, 4, 65, 3}, {16, 9, 64, 192},
};

static void widen(double *dst, const float *src, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dst[i] = (double)src[i];
}

static void run_rows(gpu_fixture *fx, const struct shape *s)
{
    const size_t matrix = (size_t)s->rows * s->cols, count = s->batch * matrix;
    gpu_operand x =
        gpu_floats(fx, s->batch, s->rows, s->cols, s->gap, (gpu_values){1, 0, 1});
    gpu_operand one = gpu_floats(fx, 1, s->rows, s->cols, 2, (gpu_values){2, 3, 1});
    gpu_operand row = gpu_floats(fx, 1, 1, s->cols, 0, (gpu_values){3, 0, 1});
    float *x_data = gpu_packed(&x), *one_data = gpu_packed(&one);
    float *row_data = gpu_packed(&row);
    double *want = gpu_alloc(count, sizeof *want);

    gpu_operand y =
        gpu_floats(fx, s->batch, s->rows, s->cols, 5, (gpu_values){4, 0, 1});
    vb_copy(&fx->rec, y.t, x.t);
    widen(want, x_data, count);
    gpu_check(fx, &y, want, exact, "copy");
    gpu_operand p =
        gpu_floats(fx, s->batch, s->rows, s->cols, 0, (gpu_values){6, 0, 1});
    vb_copy(&fx->rec, p.t, x.t); // a transfer, when both are packed
    gpu_check(fx, &p, want, exact, "copy to packed");

    gpu_operand mean = gpu_floats(fx, s->batch, 1, s->cols, 3, (gpu_values){5, 0, 1});
    vb_mean_rows(&fx->rec, .y = mean.t, .x = x.t);
    ref_mean_rows(want, x_data, s->batch, s->rows, s->cols);
    gpu_check(fx, &mean, want, one_rounding, "mean_rows");

    const uint32_t place = s->rows / 2;
    gpu_operand z =
        gpu_floats(fx, s->batch, s->rows, s->cols, s->gap, (gpu_values){1, 0, 1});
    vb_set_row(&fx->rec, .y = z.t, .x = row.t, .row = place);
    ref_set_row(want, x_data, row_data, s->batch, s->rows, s->cols, place);
    gpu_check(fx, &z, want, exact, "set_row");

    vb_add_rows(&fx->rec, .y = x.t, .x = one.t);
    ref_add_rows(want, x_data, one_data, s->batch, s->rows, s->cols);
    gpu_check(fx, &x, want, one_rounding, "add_rows");

    free(want);
    free(x_data);
    free(one_data);
    free(row_data);
    gpu_operand_free(&x);
    gpu_operand_free(&y);
    gpu_operand_free(&p);
    gpu_operand_free(&z);
    gpu_operand_free(&one);
    gpu_operand_free(&row);
    gpu_operand_free(&mean);
}

// Between floats and the type that activations of the device may have, and within it.
static void run_conversions(gpu_fixture *fx, uint32_t cols, uint32_t gap,
                            uint32_t y_gap)
{
    enum { BATCH = 3, ROWS = 5 };
    const vb_dtype narrow = vb_device_activations(fx->device);
    const vb_dtype types[][2] = {{VB_F32, narrow}, {narrow, VB_F32}, {narrow, narrow}};
    double *want = gpu_alloc((size_t)BATCH * ROWS * cols, sizeof *want);
    for (size_t i = 0; i < 3; i++) {
        gpu_operand x =
            gpu_typed(fx, types[i][0], BATCH, ROWS, cols, gap, (gpu_values){1, 0, 100});
        gpu_operand y =
            gpu_typed(fx, types[i][1], BATCH, ROWS, cols, y_gap, (gpu_values){2, 0, 1});
        float *x_data = gpu_packed(&x);
        widen(want, x_data, (size_t)BATCH * ROWS * cols);
        vb_copy(&fx->rec, y.t, x.t);
        gpu_check(fx, &y, want, i == 0 ? gpu_rounding(narrow) : exact, "conversion");
        free(x_data);
        gpu_operand_free(&x);
        gpu_operand_free(&y);
    }
    free(want);
}

// Bindings begin before their tensors, as on devices with large alignments.
static void begin_bindings_earlier(gpu_fixture *fx)
{
    if (fx->vulkan)
        vb_gpu_of(fx->device)->physical.limits.minStorageBufferOffsetAlignment = 512;
}

static void test_conversions(void **state)
{
    (void)state;
    for (const char *const *device = op_devices("copy"); *device; device++) {
        gpu_fixture fx = gpu_open_in(*device, op_narrowest(*device));
        if (vb_device_activations(fx.device) != VB_F32) {
            run_conversions(&fx, 8, 0, 8);
            run_conversions(&fx, 72, 24, 8);
            run_conversions(&fx, 72, 0, 0);
            begin_bindings_earlier(&fx);
            run_conversions(&fx, 72, 24, 8);
        }
        gpu_close(&fx);
    }
}

static void run_embed(gpu_fixture *fx, uint32_t cols)
{
    enum { WORDS = 41, MOST = 20, TEXTS = 3, TOKENS = 7, FIRST = 2 };
    static const int32_t ids[TEXTS][TOKENS] = {
        {0, 40, 1, 1, 7, 9, 3}, {5, 4, 3, 2, 1, 0, 40}, {39, 38, 0, 0, 0, 0, 12}};
    float *words = gpu_random((size_t)WORDS * cols, (gpu_values){1, 0, 1});
    gpu_operand positions = gpu_floats(fx, 1, 16, cols, 3, (gpu_values){2, 0, 1});
    gpu_operand y = gpu_floats(fx, TEXTS, TOKENS, cols, 4, (gpu_values){3, 0, 1});
    gpu_operand i = gpu_data(fx, VB_I32, 1, TEXTS, TOKENS, ids);
    vb_matrix *w = gpu_matrix(fx, words, WORDS, cols, VB_USE_ROWS);
    vb_embed(&fx->rec, .y = y.t, .ids = i.t, .words = w, .positions = positions.t,
             .first_position = FIRST);
    float *position_data = gpu_packed(&positions);
    double want[TEXTS * TOKENS * MOST];
    for (size_t b = 0; b < TEXTS; b++)
        ref_embed(want + b * TOKENS * cols, ids[b], words, position_data + FIRST * cols,
                  TOKENS, cols);
    gpu_check(fx, &y, want, one_rounding, "embed");

    free(words);
    free(position_data);
    vb_matrix_free(&w);
    gpu_operand_free(&positions);
    gpu_operand_free(&y);
    gpu_operand_free(&i);
}

static const float mean[3] = {0.48145466F, 0.4578275F, 0.40821073F};
static const float deviation[3] = {0.26862954F, 0.26130258F, 0.27577711F};

static void patchify_as(gpu_fixture *fx, const uint8_t *frames, uint32_t count,
                        uint32_t side, uint32_t patch, const double *want,
                        double max_nmse)
{
    const uint32_t grid = side / patch, cols = 3 * patch * patch;
    gpu_operand x = gpu_data(fx, VB_U8, count, side, side * 3, frames);
    gpu_operand y = gpu_floats(fx, count, grid * grid, cols, 4, (gpu_values){1, 0, 1});
    vb_patchify_args args = {.y = y.t, .frames = x.t, .patch = patch};
    for (int c = 0; c < 3; c++) {
        args.mean[c] = mean[c];
        args.deviation[c] = deviation[c];
    }
    vb_patchify_op(&fx->rec, &args);
    gpu_check(fx, &y, want, max_nmse, "patchify");
    gpu_operand_free(&x);
    gpu_operand_free(&y);
}

static void run_patchify(gpu_fixture *fx, uint32_t count, uint32_t side, uint32_t patch)
{
    const size_t bytes = (size_t)count * side * side * 3;
    const size_t values =
        (size_t)count * (side / patch) * (side / patch) * 3 * patch * patch;
    uint8_t *frames = gpu_alloc(bytes, 1);
    for (size_t i = 0; i < bytes; i++)
        frames[i] = (uint8_t)(i * 37 + i / 251);
    double *want = gpu_alloc(values, sizeof *want);
    ref_patchify(want, frames, count, side, patch, mean, deviation);
    patchify_as(fx, frames, count, side, patch, want, 1e-12);
    free(want);
    free(frames);
}

// Every byte value in every channel, against the numbers that torch gives.
static void test_normalises_like_torch(void **state)
{
    (void)state;
    tensor_file file;
    assert_int_equal(
        tensor_file_open(&file, VB_GOLDEN "/preprocess/preprocess.safetensors", NULL),
        VBLIP_OK);
    const vb_weight *table = vb_weight_find(&file.tensors.list, "normalise_table");
    assert_non_null(table);
    double want[3 * 256];
    assert_int_equal(table->size, sizeof(float) * 3 * 256);
    for (size_t i = 0; i < 3 * 256; i++) {
        float value;
        memcpy(&value, tensor_bytes(table) + i * sizeof value, sizeof value);
        want[i] = (double)value;
    }
    uint8_t frame[256 * 3]; // 16 x 16
    for (size_t i = 0; i < sizeof frame; i++)
        frame[i] = (uint8_t)(i / 3);
    for (const char *const *family = op_devices("rows"); *family; family++) {
        gpu_fixture fx = gpu_open(*family);
        patchify_as(&fx, frame, 1, 16, 16, want,
                    1e-13); // its division is off by 2.5 ulp at most
        gpu_close(&fx);
    }
    tensor_file_close(&file);
}

static void run_all(gpu_fixture *fx)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        run_rows(fx, &shapes[i]);
    run_embed(fx, 20);
    run_patchify(fx, 2, 96, 16);
    run_patchify(fx, 3, 15, 5);
}

static void test_matches_double(void **state)
{
    (void)state;
    for (const char *const *family = op_devices("rows"); *family; family++) {
        gpu_fixture fx = gpu_open(*family);
        run_all(&fx);
        gpu_in_pieces(&fx);
        run_all(&fx);
        gpu_close(&fx);
    }
}

static void test_embeds_from_halves(void **state)
{
    (void)state;
    for (const char *const *family = op_devices("rows"); *family; family++) {
        for (const char *const *precision = op_precisions(*family) + 1; *precision;
             precision++) {
            gpu_fixture fx = gpu_open_in(*family, *precision);
            run_embed(&fx, 20);
            run_embed(&fx, 7); // rows that begin in the middle of a word
            gpu_close(&fx);
        }
    }
}

// More elements than 4096, or 65,535, workgroups of 64: the row of workgroups is folded.
static void copy_large(gpu_fixture *fx, uint32_t rows, uint32_t cols)
{
    gpu_operand x = gpu_floats(fx, 1, rows, cols, 0, (gpu_values){1, 0, 1});
    gpu_operand y = gpu_floats(fx, 1, rows, cols, 1, (gpu_values){2, 0, 1});
    vb_copy(&fx->rec, y.t, x.t);
    float *data = gpu_packed(&x);
    double *want = gpu_alloc((size_t)rows * cols, sizeof *want);
    widen(want, data, (size_t)rows * cols);
    gpu_check(fx, &y, want, exact, "large copy");
    free(data);
    free(want);
    gpu_operand_free(&x);
    gpu_operand_free(&y);
}

static void test_large_tensors_are_covered(void **state)
{
    (void)state;
    gpu_fixture fx = gpu_open("simt");
    copy_large(&fx, 4100, 1030);
    copy_large(&fx, 281, 1030); // 4523 workgroups in two rows, one of them idle
    gpu_in_pieces(&fx);
    copy_large(&fx, 4100, 1030);
    copy_large(&fx, 281, 1030);
    gpu_close(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches_double),
        cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_normalises_like_torch),
        cmocka_unit_test(test_embeds_from_halves),
        cmocka_unit_test(test_large_tensors_are_covered),
    };
    return cmocka_run_group_tests_name("op_rows", tests, NULL, NULL);
}
