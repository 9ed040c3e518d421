// test_op_norm.c - layernorm and l2norm survive what BLIP's residual stream holds.
#include "support/gpu_op.h"
#include "support/ref_ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct shape {
    uint32_t batch, rows, cols, gap; // between rows of x and y
    float mean, spread;
    bool in_place;
    double max_nmse; // that layernorm may reach
} shapes[] = {
    // Float statistics over C values: 2^-24 relative each, far below 1e-12 in square.
    {1, 1, 16, 0, 0, 1, false, 1e-12},
    {1, 577, 64, 0, 0, 1, false, 1e-12},
    {2, 37, 192, 4, 0.5F, 1, true, 1e-12},
    {1, 5, 769, 7, 0, 1, false, 1e-12}, // rows that do not begin on 16 bytes
    {2, 5, 64, 2, 0, 1, false, 1e-12},  //
    {3, 5, 1540, 8, 0, 1, true, 1e-12}, // more than a subgroup holds
    {3, 9, 1024, 0, 0, 1e4F, true, 1e-12},
    {1, 3, 3, 1, 0, 1, false, 1e-12},
    // The mean alone would be off by up to 1e-4, which is nmse 3e-8: the kernels mend it.
    {1, 20, 769, 0, 1000, 1, false, 1e-12},
    {1, 20, 768, 0, 1000, 1, false, 1e-12},
    {1, 6, 64, 0, 3, 0, false, 0}, // constant rows give the bias alone
    {2, 5, 264, 8, 0.5F, 1, false, 1e-12},
};

static void run(gpu_fixture *fx, const struct shape *s)
{
    char what[96];
    snprintf(what, sizeof what, "norm of %ux%ux%u mean %g", s->batch, s->rows, s->cols,
             (double)s->mean);
    const size_t lines = (size_t)s->batch * s->rows;
    const gpu_values values = {1, s->mean, s->spread};
    gpu_operand x = gpu_floats(fx, s->batch, s->rows, s->cols, s->gap, values);
    gpu_operand y = gpu_floats(fx, s->batch, s->rows, s->cols, s->gap, values);
    gpu_operand gain = gpu_floats(fx, 1, 1, s->cols, 0, (gpu_values){2, 1, 0.5F});
    gpu_operand bias = gpu_floats(fx, 1, 1, s->cols, 0, (gpu_values){3, 0, 0.5F});
    float *x_data = gpu_packed(&x), *gain_data = gpu_packed(&gain);
    float *bias_data = gpu_packed(&bias);
    double *want = gpu_alloc(lines * s->cols, sizeof *want);

    const gpu_operand *to = s->in_place ? &x : &y;
    vb_layernorm(&fx->rec, .y = to->t, .x = x.t, .gain = gain.t, .bias = bias.t,
                 .eps = 1e-6F);
    ref_layernorm(want, x_data, gain_data, bias_data, lines, s->cols, (double)1e-6F);
    gpu_check(fx, to, want, s->max_nmse, what);

    gpu_operand z = gpu_floats(fx, s->batch, s->rows, s->cols, s->gap, values);
    vb_l2norm(&fx->rec, .y = z.t, .x = z.t, .eps = 1e-12F);
    ref_l2norm(want, x_data, lines, s->cols, (double)1e-12F);
    gpu_check(fx, &z, want, 1e-12, what);

    free(want);
    free(x_data);
    free(gain_data);
    free(bias_data);
    gpu_operand_free(&x);
    gpu_operand_free(&y);
    gpu_operand_free(&z);
    gpu_operand_free(&gain);
    gpu_operand_free(&bias);
}

static void test_matches_double(void **state)
{
    (void)state;
    for (const char *const *family = op_devices("layernorm"); *family; family++) {
        gpu_fixture fx = gpu_open(*family);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            run(&fx, &shapes[i]);
        gpu_in_pieces(&fx);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            run(&fx, &shapes[i]);
        gpu_close(&fx);
    }
}

// y in the type that activations of the device may have.
static void run_narrow(gpu_fixture *fx, const struct shape *s)
{
    const vb_dtype narrow = vb_device_activations(fx->device);
    const size_t lines = (size_t)s->batch * s->rows;
    const gpu_values values = {1, s->mean, s->spread};
    gpu_operand x = gpu_floats(fx, s->batch, s->rows, s->cols, s->gap, values);
    gpu_operand y = gpu_typed(fx, narrow, s->batch, s->rows, s->cols, s->gap, values);
    gpu_operand gain = gpu_floats(fx, 1, 1, s->cols, 0, (gpu_values){2, 1, 0.5F});
    gpu_operand bias = gpu_floats(fx, 1, 1, s->cols, 0, (gpu_values){3, 0, 0.5F});
    float *x_data = gpu_packed(&x), *gain_data = gpu_packed(&gain);
    float *bias_data = gpu_packed(&bias);
    double *want = gpu_alloc(lines * s->cols, sizeof *want);
    vb_layernorm(&fx->rec, .y = y.t, .x = x.t, .gain = gain.t, .bias = bias.t,
                 .eps = 1e-6F);
    ref_layernorm(want, x_data, gain_data, bias_data, lines, s->cols, (double)1e-6F);
    gpu_check(fx, &y, want, s->max_nmse + gpu_rounding(narrow), "narrow norm");
    free(want);
    free(x_data);
    free(gain_data);
    free(bias_data);
    gpu_operand_free(&x);
    gpu_operand_free(&y);
    gpu_operand_free(&gain);
    gpu_operand_free(&bias);
}

static void run_narrow_shapes(gpu_fixture *fx)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (shapes[i].cols % 8 == 0 && shapes[i].gap % 8 == 0)
            run_narrow(fx, &shapes[i]);
    }
}

static void test_narrow_activations(void **state)
{
    (void)state;
    for (const char *const *family = op_devices("layernorm"); *family; family++) {
        gpu_fixture fx = gpu_open_in(*family, op_narrowest(*family));
        if (vb_device_activations(fx.device) != VB_F32)
            run_narrow_shapes(&fx);
        gpu_close(&fx);
    }
}

static void test_without_subgroup_sums(void **state)
{
    (void)state;
    gpu_fixture fx;
    gpu_open_masked(&fx, &(vb_gpu_options){.kernels = "simt"},
                    &(vb_gpu_mask){.subgroup_sums = true});
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        run(&fx, &shapes[i]);
    gpu_close(&fx);
    gpu_open_masked(&fx, &(vb_gpu_options){.kernels = "simt", .precision = "f16"},
                    &(vb_gpu_mask){.subgroup_sums = true, .untested = true});
    run_narrow_shapes(&fx);
    gpu_close(&fx);
}

static void test_l2norm_of_zero_is_zero(void **state)
{
    (void)state;
    gpu_fixture fx = gpu_open("simt");
    gpu_operand x = gpu_floats(&fx, 1, 2, 8, 0, (gpu_values){0, 0, 0});
    gpu_operand y = gpu_floats(&fx, 1, 2, 8, 0, (gpu_values){1, 0, 1});
    vb_l2norm(&fx.rec, .y = y.t, .x = x.t, .eps = 1e-12F);
    const double want[16] = {0};
    gpu_check(&fx, &y, want, 0, "l2norm of zero");
    gpu_operand_free(&x);
    gpu_operand_free(&y);
    gpu_close(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches_double),
        cmocka_unit_test(test_narrow_activations),
        cmocka_unit_test(test_without_subgroup_sums),
        cmocka_unit_test(test_l2norm_of_zero_is_zero),
    };
    return cmocka_run_group_tests_name("op_norm", tests, NULL, NULL);
}
