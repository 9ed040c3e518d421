// test_op_linear.c - linear is right for every shape, stride and epilogue, on every device,
// with weights of each type.
#include "support/gpu_op.h"
#include "support/ref_ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BIAS = 1, GELU = 2, RESIDUAL = 4, IN_PLACE = 8, RELU = 16 };

// Float sums of K products of independent errors of 2^-24: nmse about K * 2^-48 when
// added one by one, so 1e-10 leaves room for K = 4096 and the errors of GELU.
static const double max_nmse = 1e-10;

static const struct shape {
    uint32_t batch, rows, in, out;
    uint32_t x_gap, y_gap; // elements between rows
    uint32_t epilogue;
    float spread;
} shapes[] = {
    {1, 1, 4, 1, 0, 0, 0, 1},
    {1, 1, 16, 32, 0, 0, BIAS, 1},
    {1, 16, 64, 64, 0, 0, BIAS | GELU, 1},
    {1, 17, 68, 33, 0, 0, BIAS | RESIDUAL, 1},
    {1, 37, 192, 192, 0, 0, BIAS | RESIDUAL | IN_PLACE, 1},
    {3, 5, 20, 7, 4, 8, BIAS | GELU | RESIDUAL, 1},
    {2, 37, 48, 131, 96, 4, BIAS | RESIDUAL | IN_PLACE, 1},
    {8, 1, 192, 2, 0, 0, BIAS, 1}, // heads on a row of each matrix
    {2, 1, 192, 192, 0, 0, BIAS | RELU, 1},
    {1, 19, 36, 70, 0, 4, BIAS | RELU | RESIDUAL, 1},
    {3, 1, 64, 515, 0, 0, BIAS, 1},     // a step of decoding
    {1, 7, 768, 96, 0, 0, BIAS, 1},     //
    {1, 8, 1020, 64, 0, 0, 0, 1},       // in_cols = 16 * n + 12
    {1, 9, 1000, 64, 0, 0, 0, 1},       // in_cols = 16 * n + 8
    {1, 4, 16, 8300, 0, 0, BIAS, 1},    // a vocabulary
    {1, 8, 520, 1030, 8, 0, RELU, 1},   // the most rows of one pass
    {1, 577, 64, 40, 0, 0, BIAS, 1},    // tokens of ViT-B/16 at 384 px
    {1, 33, 4096, 70, 0, 0, BIAS, 1e4}, // extreme activations
    {5, 65, 132, 65, 12, 20, BIAS | GELU, 3},
    // The most rows that a GPU takes as few, and one more.
    {2, 12, 264, 70, 4, 8, BIAS | GELU | RESIDUAL | IN_PLACE, 1},
    {1, 25, 72, 70, 0, 0, BIAS, 1},
    {1, 150, 72, 136, 8, 4, BIAS | GELU | RESIDUAL,
     1}, // more than a tile of any kernel
    {3, 1, 3072, 40, 0, 0, BIAS | RESIDUAL | IN_PLACE, 1}, // fc2 of a step of decoding
};

static void run_typed(gpu_fixture *fx, const struct shape *s, vb_dtype x_type,
                      vb_dtype y_type)
{
    char what[96];
    snprintf(what, sizeof what, "linear %ux%ux%ux%u epilogue %u, %s to %s", s->batch,
             s->rows, s->in, s->out, s->epilogue, vb_dtype_name(x_type),
             vb_dtype_name(y_type));
    const size_t lines = (size_t)s->batch * s->rows;
    gpu_operand x = gpu_typed(fx, x_type, s->batch, s->rows, s->in, s->x_gap,
                              (gpu_values){1, 0, s->spread});
    gpu_operand y = gpu_typed(fx, y_type, s->batch, s->rows, s->out, s->y_gap,
                              (gpu_values){2, 0, s->spread});
    gpu_operand r =
        gpu_floats(fx, s->batch, s->rows, s->out, 4, (gpu_values){3, 0, s->spread});
    gpu_operand b = gpu_floats(fx, 1, 1, s->out, 0, (gpu_values){4, 0.5F, 1});
    float *weights = gpu_random((size_t)s->out * s->in, (gpu_values){5, 0, 0.2F});
    vb_matrix *w = gpu_matrix(fx, weights, s->out, s->in, VB_USE_LINEAR);

    const gpu_operand *residual = s->epilogue & IN_PLACE ? &y : &r;
    vb_linear_args args = {.y = y.t, .x = x.t, .w = w};
    if (s->epilogue & BIAS)
        args.bias = b.t;
    if (s->epilogue & RESIDUAL)
        args.residual = residual->t;
    if (s->epilogue & GELU)
        args.act = VB_ACT_GELU;
    if (s->epilogue & RELU)
        args.act = VB_ACT_RELU;
    vb_linear_op(&fx->rec, &args);

    float *x_data = gpu_packed(&x), *b_data = gpu_packed(&b);
    float *r_data = gpu_packed(residual);
    gpu_round_factor(fx, x_data, lines, s->in, s->out);
    double *want = gpu_alloc(lines * s->out, sizeof *want);
    ref_linear(want, x_data, weights, s->epilogue & BIAS ? b_data : NULL,
               s->epilogue & RESIDUAL ? r_data : NULL, lines, s->in, s->out,
               s->epilogue & GELU   ? ref_gelu
               : s->epilogue & RELU ? ref_relu
                                    : NULL);
    gpu_check(fx, &y, want, max_nmse + gpu_rounding(y_type), what);

    free(want);
    free(x_data);
    free(b_data);
    free(r_data);
    free(weights);
    vb_matrix_free(&w);
    gpu_operand_free(&x);
    gpu_operand_free(&y);
    gpu_operand_free(&r);
    gpu_operand_free(&b);
}

static void run(gpu_fixture *fx, const struct shape *s)
{
    run_typed(fx, s, VB_F32, VB_F32);
}

// In the type that activations of the device may have, whole eights of columns.
static const struct shape narrow_shapes[] = {
    {1, 1, 8, 8, 0, 0, 0, 1},
    {1, 16, 64, 64, 0, 0, BIAS | GELU, 1},
    {1, 3, 768, 3072, 0, 0, BIAS | GELU, 1}, // fc1 of a step of decoding
    {3, 1, 64, 520, 8, 16, BIAS | RESIDUAL, 1},
    {1, 4, 16, 8304, 0, 0, BIAS, 1},
    {1, 8, 520, 1032, 8, 0, RELU, 1}, // the most rows of one pass
    {2, 12, 264, 72, 8, 8, BIAS | GELU | RESIDUAL, 1},
    {1, 25, 72, 72, 0, 0, BIAS, 1},
    {1, 150, 72, 136, 8, 16, BIAS | GELU | RESIDUAL, 1},
    {3, 37, 192, 200, 24, 8, BIAS | RESIDUAL, 1},
    {5, 65, 136, 72, 16, 24, BIAS | GELU, 3},
    {1, 577, 64, 40, 0, 0, BIAS, 1},
};

static void run_narrow(gpu_fixture *fx)
{
    const vb_dtype narrow = vb_device_activations(fx->device);
    for (size_t i = 0; i < sizeof narrow_shapes / sizeof *narrow_shapes; i++) {
        run_typed(fx, &narrow_shapes[i], narrow, narrow);
        run_typed(fx, &narrow_shapes[i], narrow, VB_F32);
        run_typed(fx, &narrow_shapes[i], VB_F32, narrow);
    }
}

static void test_narrow_activations(void **state)
{
    (void)state;
    for (const char *const *family = op_devices("linear"); *family; family++) {
        gpu_fixture fx = gpu_open_in(*family, op_narrowest(*family));
        if (vb_device_activations(fx.device) != VB_F32) {
            run_narrow(&fx);
            gpu_in_pieces(&fx);
            run_narrow(&fx);
        }
        gpu_close(&fx);
    }
}

static void test_matches_double(void **state)
{
    (void)state;
    for (const char *const *family = op_devices("linear"); *family; family++) {
        for (const char *const *precision = op_precisions(*family); *precision;
             precision++) {
            gpu_fixture fx = gpu_open_in(*family, *precision);
            for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
                run(&fx, &shapes[i]);
            gpu_in_pieces(&fx);
            for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
                run(&fx, &shapes[i]);
            gpu_close(&fx);
        }
    }
}

// Few rows where the lanes of a subgroup cannot add.
static void test_without_subgroup_sums(void **state)
{
    (void)state;
    gpu_fixture fx;
    gpu_open_masked(&fx, &(vb_gpu_options){.kernels = "simt"},
                    &(vb_gpu_mask){.subgroup_sums = true});
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (shapes[i].batch * shapes[i].rows <= 24)
            run(&fx, &shapes[i]);
    }
    gpu_close(&fx);
}

// Row blocks of every float type become one matrix, as text layers' q, k and v do. Halves
// are stored as they are, so the answers do not depend on the precision.
static void join_blocks(gpu_fixture *fx)
{
    static const uint16_t half[2][4] = {{0x3c00, 0xc000, 0x0000, 0x3555},
                                        {0x7bff, 0x0001, 0x3800, 0xbc00}};
    static const uint16_t brain[1][4] = {{0x3f80, 0xc040, 0x0000, 0x3eab}};
    static const float single[2][4] = {{1, 2, 3, 4}, {-1, 0.5F, 0.25F, 8}};
    const vb_matrix_block blocks[] = {vb_matrix_in_memory(half, VB_F16, 2),
                                      vb_matrix_in_memory(brain, VB_BF16, 1),
                                      vb_matrix_in_memory(single, VB_F32, 2)};
    float rows[5][4];
    vb_widen(rows[0], half, VB_F16, 8);
    vb_widen(rows[2], brain, VB_BF16, 4);
    vb_widen(rows[3], single, VB_F32, 8);
    vb_matrix *w;
    assert_int_equal(vb_matrix_make(&w, fx->device, blocks, 3, 4,
                                    VB_USE_LINEAR | VB_USE_ROWS, "w", NULL),
                     VBLIP_OK);
    assert_int_equal(w->rows, 5);
    gpu_operand x = gpu_floats(fx, 1, 3, 4, 0, (gpu_values){1, 0, 1});
    gpu_operand y = gpu_floats(fx, 1, 3, 5, 0, (gpu_values){2, 0, 1});
    vb_linear(&fx->rec, .y = y.t, .x = x.t, .w = w);
    float *x_data = gpu_packed(&x);
    double want[15];
    gpu_round_factor(fx, x_data, 3, 4, 5);
    gpu_round(fx, rows[0], 20);
    ref_linear(want, x_data, rows[0], NULL, NULL, 3, 4, 5, NULL);
    gpu_check(fx, &y, want, 1e-12, "joined blocks");
    free(x_data);
    vb_matrix_free(&w);
    gpu_operand_free(&x);
    gpu_operand_free(&y);
}

static void test_joins_blocks_of_any_type(void **state)
{
    (void)state;
    for (const char *const *family = op_devices("linear"); *family; family++) {
        for (const char *const *precision = op_precisions(*family); *precision;
             precision++) {
            gpu_fixture fx = gpu_open_in(*family, *precision);
            join_blocks(&fx);
            gpu_close(&fx);
        }
    }
}

// A weight that f16 cannot hold is named; the largest that rounds to what it can is taken.
static void test_refuses_weights_beyond_f16(void **state)
{
    (void)state;
    static const struct {
        float value;
        const char *refused; // NULL = taken
    } rows[] = {
        {65504, NULL},
        {-65519.996F, NULL},
        {INFINITY, NULL}, // as the checkpoint has it
        {65520, "w: 65520 in row 2, column 1: f16 holds up to 65504"},
        {-1e30F, "w: -1.00000002e+30 in row 2, column 1"},
    };
    for (const char *const *family = gpu_families(); *family; family++) {
        gpu_fixture fx = gpu_open_in(*family, "f16");
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            const float first[2][4] = {{1, 2, 3, 4}, {5, 6, 7, 8}};
            const float second[1][4] = {{0, rows[i].value, 0, 0}};
            const vb_matrix_block blocks[] = {vb_matrix_in_memory(first, VB_F32, 2),
                                              vb_matrix_in_memory(second, VB_F32, 1)};
            vb_matrix *w;
            vblip_error err = {0};
            const vblip_status status = vb_matrix_make(
                &w, fx.device, blocks, 2, 4, VB_USE_LINEAR | VB_USE_ROWS, "w", &err);
            assert_int_equal(status,
                             rows[i].refused ? VBLIP_ERR_UNSUPPORTED : VBLIP_OK);
            if (rows[i].refused)
                assert_non_null(strstr(err.message, rows[i].refused));
            vb_matrix_free(&w);
        }
        gpu_close(&fx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches_double),
        cmocka_unit_test(test_narrow_activations),
        cmocka_unit_test(test_without_subgroup_sums),
        cmocka_unit_test(test_joins_blocks_of_any_type),
        cmocka_unit_test(test_refuses_weights_beyond_f16),
    };
    return cmocka_run_group_tests_name("op_linear", tests, NULL, NULL);
}
