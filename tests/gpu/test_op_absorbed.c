// test_op_absorbed.c - absorbed attention gives what keys and values would have given, for
// every count of queries, states and heads, on the devices that have it.
#include "compute/pool.h"
#include "support/gpu_op.h"
#include "support/ref_ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct shape {
    uint32_t batch, x_batch, q_len, states, heads, head_dim, cols;
    uint32_t gap; // between rows of q and y
    float spread; // of q
} shapes[] = {
    // Pieces of unlike size; first, while no room has grown.
    {1, 1, 54, 3000, 2, 16, 16, 0, 1},
    {1, 1, 1, 1, 1, 16, 16, 0, 1},
    {1, 1, 3, 577, 12, 64, 768, 0, 1},   // a step of a beam over a frame
    {1, 1, 20, 300, 12, 64, 1024, 0, 1}, // a text over a large ViT's
    {1, 1, 7, 65, 3, 48, 80, 4, 1},
    {4, 1, 5, 130, 2, 64, 128, 0, 1}, // four texts, one image
    {8, 8, 3, 37, 3, 64, 192, 4, 1},  // a beam of each of eight frames
    {2, 2, 60, 70, 2, 32, 64, 0, 1},
    {1, 1, 20, 4616, 2, 64, 96, 0, 1},  // eight frames: states are divided
    {1, 1, 2, 14416, 1, 128, 48, 0, 1}, // sixteen of 480 pixels
    {1, 1, 7, 65, 2, 64, 96, 0, 100},   // one state takes it all
};

// Scores of the last shape reach thousands, of which a float carries 2^-24.
static const double max_nmse = 1e-11, max_nmse_large = 1e-7;
// In bf16, weights of states have 8 bits: a sum is off by 2^-9 of its terms. Fewer than
// eight queries are sums of two values in bf16, so that their scores, however large, are
// no worse; many are rounded, and with states of floats those as well.
static const double max_nmse_bf16 = 1e-5, max_nmse_rounded = 3e-5;

static float *to_floats(const double *values, size_t count)
{
    float *out = gpu_alloc(count, sizeof *out);
    for (size_t i = 0; i < count; i++)
        out[i] = (float)values[i];
    return out;
}

// Keys, or values, of all states: x times half of the rows of w.
static float *keys_of(const struct shape *s, const float *x, const float *w,
                      const float *bias, uint32_t half)
{
    const size_t width = (size_t)s->heads * s->head_dim;
    const size_t rows = (size_t)s->x_batch * s->states;
    double *y = gpu_alloc(rows * width, sizeof *y);
    ref_linear(y, x, w + half * width * s->cols, bias + half * width, NULL, rows,
               s->cols, width, NULL);
    float *floats = to_floats(y, rows * width);
    free(y);
    return floats;
}

static double *expected(const struct shape *s, const float *q, const float *x,
                        const float *w, const float *bias)
{
    const size_t width = (size_t)s->heads * s->head_dim;
    double *want = gpu_alloc((size_t)s->batch * s->q_len * width, sizeof *want);
    double *scores = gpu_alloc(s->states, sizeof *scores);
    float *k = keys_of(s, x, w, bias, 0), *v = keys_of(s, x, w, bias, 1);
    const ref_attention_shape shape = {
        .batch = s->batch,
        .kv_batch = s->x_batch,
        .q_len = s->q_len,
        .kv_len = s->states,
        .heads = s->heads,
        .head_dim = s->head_dim,
    };
    ref_attention(want, q, k, v, &shape, scores);
    free(scores);
    free(k);
    free(v);
    return want;
}

// `x` is an activation as the device keeps them, or of floats.
static void run(gpu_fixture *fx, const struct shape *s, bool floats)
{
    char what[128];
    snprintf(what, sizeof what,
             "absorbed attention batch %u/%u, %u queries, %u states of %u%s, %ux%u",
             s->batch, s->x_batch, s->q_len, s->states, s->cols,
             floats ? " floats" : "", s->heads, s->head_dim);
    const uint32_t width = s->heads * s->head_dim;
    const size_t x_count = (size_t)s->x_batch * s->states * s->cols;
    gpu_operand q = gpu_floats(fx, s->batch, s->q_len, width, s->gap,
                               (gpu_values){1, 0, s->spread});
    gpu_operand y =
        gpu_floats(fx, s->batch, s->q_len, width, s->gap, (gpu_values){2, 0, 1});
    gpu_operand bias = gpu_floats(fx, 1, 1, 2 * width, 0, (gpu_values){3, 0, 1});
    gpu_operand x =
        gpu_floats(fx, s->x_batch, s->states, s->cols, 0, (gpu_values){4, 0, 1});
    float *x_data = gpu_packed(&x), *q_data = gpu_packed(&q);
    float *bias_data = gpu_packed(&bias);
    float *w_data = gpu_random((size_t)2 * width * s->cols, (gpu_values){5, 0, 0.5F});
    vb_matrix *w = gpu_matrix(fx, w_data, 2 * width, s->cols, VB_USE_ROWS);

    vb_pool pool = {.device = fx->device, .name = "test"};
    vb_tensor states = x.t;
    vblip_error err = {0};
    const vb_dtype type = vb_device_activations(fx->device);
    if (!floats && type != VB_F32) {
        assert_int_equal(
            vb_pool_tensor(&states, &pool, type, s->x_batch, s->states, s->cols, &err),
            VBLIP_OK);
        vb_copy(&fx->rec, states, x.t);
        gpu_round(fx, x_data, x_count);
    }
    vb_absorbed_attention(&fx->rec, .y = y.t, .q = q.t, .x = states, .w = w,
                          .bias = bias.t, .heads = s->heads);
    double *want = expected(s, q_data, x_data, w_data, bias_data);
    double most = s->spread > 1 ? max_nmse_large : max_nmse;
    if (states.type == VB_BF16)
        most = max_nmse_bf16;
    else if (type == VB_BF16)
        most = max_nmse_rounded;
    gpu_check(fx, &y, want, most, what);

    free(want);
    free(x_data);
    free(q_data);
    free(bias_data);
    free(w_data);
    vb_matrix_free(&w);
    vb_pool_free(&pool);
    gpu_operand_free(&q);
    gpu_operand_free(&y);
    gpu_operand_free(&bias);
    gpu_operand_free(&x);
}

static void test_gives_what_keys_give(void **state)
{
    (void)state;
    for (const char *const *device = op_devices("absorbed attention"); *device;
         device++) {
        for (const char *const *p = op_precisions(*device); *p; p++) {
            gpu_fixture fx = gpu_open_in(*device, *p);
            assert_true(vb_device_absorbs(fx.device) || fx.vulkan);
            for (size_t i = 0;
                 vb_device_absorbs(fx.device) && i < sizeof shapes / sizeof *shapes;
                 i++) {
                run(&fx, &shapes[i], false);
                run(&fx, &shapes[i], true);
            }
            gpu_close(&fx);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gives_what_keys_give),
    };
    return cmocka_run_group_tests_name("op_absorbed", tests, NULL, NULL);
}
