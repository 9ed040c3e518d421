// test_op_attention.c - attention is right for every mask, head and length.
#include "support/gpu_op.h"
#include "support/ref_ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Weights are e^(score) relative: a float score of size s carries 2^-24 s, and the
// driver's exp 8e-7, so errors of about 1e-6 each: nmse 1e-12, and 1e-9 where scores
// reach 100 and more.
static const struct shape {
    uint32_t batch, kv_batch, q_len, kv_len, heads, head_dim;
    bool causal;
    uint32_t first_query;
    bool lengths;
    uint32_t gap; // between rows of q, k, v
    float spread;
    double max_nmse;
} shapes[] = {
    {1, 1, 1, 1, 1, 16, false, 0, false, 0, 1, 1e-11},
    {1, 1, 37, 37, 3, 64, false, 0, false, 0, 1, 1e-11},
    {2, 2, 37, 37, 3, 64, false, 0, false, 384, 1, 1e-11}, // columns of qkv
    {1, 1, 17, 33, 2, 32, false, 0, false, 4, 1, 1e-11},
    {1, 1, 9, 20, 2, 32, false, 0, false, 2, 1, 1e-11}, // rows that are no texels
    {1, 1, 9, 70, 2, 80, false, 0, false, 0, 1, 1e-11},
    {1, 1, 5, 40, 1, 128, false, 0, false, 0, 1, 1e-11},
    {1, 1, 3, 21, 2, 112, false, 0, false, 0, 1, 1e-11},
    {3, 1, 4, 150, 2, 64, false, 0, false, 0, 1, 1e-11}, // one video, three texts
    {3, 3, 20, 20, 2, 64, false, 0, true, 0, 1, 1e-11},  // padded texts
    {1, 1, 20, 20, 2, 64, true, 0, false, 0, 1, 1e-11},
    {3, 3, 1, 9, 2, 64, true, 8, false, 0, 1, 1e-11}, // a step of decoding
    {2, 2, 7, 30, 2, 48, true, 5, true, 8, 1, 1e-11}, // keys past the last query
    {1, 1, 577, 577, 1, 64, false, 0, false, 0, 1, 1e-11},
    {2, 2, 60, 70, 2, 64, true, 5, true, 8, 1, 1e-11},
    {4, 1, 20, 150, 2, 32, false, 0, true, 4, 1, 1e-11}, // one video, four texts
    {3, 1, 7, 30, 2, 48, true, 5, false, 8, 1, 1e-11},   // causal, one block of all
    {5, 1, 9, 40, 2, 112, true, 20, false, 0, 1, 1e-11}, // blocks across texts
    {9, 1, 1, 70, 2, 64, false, 0, false, 0, 1, 1e-11},  // a step of many beams
    {1, 1, 50, 1500, 1, 80, false, 0, false, 0, 1, 1e-11},
    {1, 1, 2, 4616, 2, 64, false, 0, false, 0, 1, 1e-11}, // eight frames of tokens
    {3, 1, 1, 577, 12, 64, false, 0, false, 4, 1, 1e-11}, // a step of three beams
    {3, 3, 1, 41, 12, 64, true, 40, false, 0, 1, 1e-11},  //
    // Chunks of keys that some queries do not see, and some matrices.
    {2, 2, 7, 300, 2, 48, true, 150, true, 8, 1, 1e-11},
    {2, 1, 2, 260, 3, 80, true, 190, false, 0, 1, 1e-11},
    {4, 4, 1, 333, 1, 128, false, 0, true, 0, 1, 1e-11},
    {2, 1, 9, 700, 1, 96, false, 0, true, 4, 1, 1e-11},
    // As many queries as cooperative matrices take: whole, in chunks, masked, sharp.
    {4, 1, 20, 150, 2, 64, false, 0, false, 4, 1, 1e-11},
    {1, 1, 20, 2308, 2, 64, false, 0, false, 0, 1, 1e-11},
    {2, 2, 70, 300, 2, 64, true, 150, true, 8, 1, 1e-11},
    {1, 1, 33, 700, 1, 64, true, 100, false, 0, 1, 1e-11},
    {1, 1, 19, 1000, 2, 64, false, 0, false, 0, 12, 1e-9},
    // More than Mesa 22's llvmpipe looped over before the loads were unrolled.
    {1, 1, 2, 31003, 1, 64, false, 0, false, 0, 1, 1e-9},
    {1, 1, 1, 31003, 1, 128, false, 0, false, 2, 1, 1e-9},
    {1, 1, 19, 65, 2, 64, false, 0, false, 0, 12, 1e-9},  // scores of hundreds
    {1, 1, 8, 24, 1, 64, false, 0, false, 0, 1e4F, 1e-6}, // one key takes it all
};

// With weights in bf16 the processor computes attention of many queries in it, too: its
// weights have 8 bits, and a scaled query, so a sum is off by 2^-9 of its terms.
static const double max_nmse_bf16 = 3e-5;

static bool in_bf16(const gpu_fixture *fx, const struct shape *s)
{
    const uint32_t queries = s->kv_batch == 1 ? s->batch * s->q_len : s->q_len;
    return fx->device->weights == VB_BF16 && queries >= 48;
}

// Cooperative matrices multiply halves: what is read is rounded to them, and so are the weights of
// a block of keys, which are off by 2^-12 of themselves.
static const double max_nmse_f16 = 3e-7;

static bool in_f16(const gpu_fixture *fx, const struct shape *s)
{
    const uint32_t lines =
        s->kv_batch == 1 && !s->lengths ? s->batch * s->q_len : s->q_len;
    return fx->vulkan && vb_choose_attention(vb_gpu_of(fx->device)->variants, lines,
                                             s->kv_len, s->head_dim) != VB_VARIANT_SIMT;
}

static void round_to_f16(float *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        data[i] = vb_f16_to_f32(vb_f32_to_f16(data[i]));
}

// Types of what is read and written.
typedef struct operand_types {
    vb_dtype q, kv, y;
} operand_types;

static void run_typed(gpu_fixture *fx, const struct shape *s, operand_types types)
{
    char what[160];
    snprintf(what, sizeof what,
             "attention batch %u/%u, %u queries, %u keys, %ux%u%s%s, q %s kv %s y %s",
             s->batch, s->kv_batch, s->q_len, s->kv_len, s->heads, s->head_dim,
             s->causal ? ", causal" : "", s->lengths ? ", lengths" : "",
             vb_dtype_name(types.q), vb_dtype_name(types.kv), vb_dtype_name(types.y));
    const uint32_t width = s->heads * s->head_dim;
    gpu_operand q = gpu_typed(fx, types.q, s->batch, s->q_len, width, s->gap,
                              (gpu_values){1, 0, s->spread});
    gpu_operand k = gpu_typed(fx, types.kv, s->kv_batch, s->kv_len, width, s->gap,
                              (gpu_values){2, 0, s->spread});
    gpu_operand v = gpu_typed(fx, types.kv, s->kv_batch, s->kv_len, width, s->gap,
                              (gpu_values){3, 0, 1});
    gpu_operand y = gpu_typed(fx, types.y, s->batch, s->q_len, width,
                              types.y == VB_F32 ? 4 : 8, (gpu_values){4, 0, 1});
    int32_t *lengths = gpu_alloc(s->batch, sizeof *lengths);
    for (uint32_t i = 0; i < s->batch; i++)
        lengths[i] = (int32_t)(1 + (i * 7 + s->kv_len / 3) % s->kv_len);
    gpu_operand l = gpu_data(fx, VB_I32, 1, 1, s->batch, lengths);

    vb_attention_args args = {.y = y.t,
                              .q = q.t,
                              .k = k.t,
                              .v = v.t,
                              .heads = s->heads,
                              .causal = s->causal,
                              .first_query = s->first_query};
    if (s->lengths)
        args.lengths = l.t;
    vb_attention_op(&fx->rec, &args);

    float *q_data = gpu_packed(&q), *k_data = gpu_packed(&k), *v_data = gpu_packed(&v);
    double *want = gpu_alloc((size_t)s->batch * s->q_len * width, sizeof *want);
    double *scores = gpu_alloc(s->kv_len, sizeof *scores);
    const ref_attention_shape shape = {
        .batch = s->batch,
        .kv_batch = s->kv_batch,
        .q_len = s->q_len,
        .kv_len = s->kv_len,
        .heads = s->heads,
        .head_dim = s->head_dim,
        .causal = s->causal,
        .first_query = s->first_query,
        .lengths = s->lengths ? lengths : NULL,
    };
    const size_t queries = (size_t)s->batch * s->q_len * width;
    const size_t keys = (size_t)s->kv_batch * s->kv_len * width;
    if (in_bf16(fx, s)) {
        gpu_round(fx, q_data, queries);
        gpu_round(fx, k_data, keys);
        gpu_round(fx, v_data, keys);
    }
    if (in_f16(fx, s)) {
        round_to_f16(q_data, queries);
        round_to_f16(k_data, keys);
        round_to_f16(v_data, keys);
    }
    ref_attention(want, q_data, k_data, v_data, &shape, scores);
    gpu_check(fx, &y, want,
              gpu_rounding(types.y) + (in_f16(fx, s)    ? max_nmse_f16
                                       : in_bf16(fx, s) ? max_nmse_bf16
                                                        : s->max_nmse),
              what);

    free(want);
    free(scores);
    free(lengths);
    free(q_data);
    free(k_data);
    free(v_data);
    gpu_operand_free(&q);
    gpu_operand_free(&k);
    gpu_operand_free(&v);
    gpu_operand_free(&y);
    gpu_operand_free(&l);
}

static void run(gpu_fixture *fx, const struct shape *s)
{
    run_typed(fx, s, (operand_types){VB_F32, VB_F32, VB_F32});
}

// Operands in the types that the device may keep them in.
static void run_narrow(gpu_fixture *fx, const struct shape *s)
{
    const vb_dtype narrow = vb_device_activations(fx->device);
    const vb_dtype keys = vb_device_keys(fx->device);
    run_typed(fx, s, (operand_types){keys, keys, narrow});
    run_typed(fx, s, (operand_types){VB_F32, keys, narrow});
    run_typed(fx, s, (operand_types){keys, VB_F32, VB_F32});
}

static void test_narrow_activations(void **state)
{
    (void)state;
    const uint64_t most_scores = 100000; // more take longer, and no other code
    for (const char *const *family = op_devices("attention"); *family; family++) {
        gpu_fixture fx = gpu_open_in(*family, op_narrowest(*family));
        const bool narrows = vb_device_activations(fx.device) != VB_F32;
        for (size_t i = 0; narrows && i < sizeof shapes / sizeof *shapes; i++) {
            const struct shape *s = &shapes[i];
            const uint64_t scores =
                (uint64_t)s->batch * s->q_len * s->kv_len * s->heads;
            if (s->gap % 8 == 0 && scores <= most_scores)
                run_narrow(&fx, s);
        }
        gpu_close(&fx);
    }
}

static void test_matches_double(void **state)
{
    (void)state;
    for (const char *const *family = op_devices("attention"); *family; family++) {
        gpu_fixture fx = gpu_open_in(*family, op_precisions(*family)[0]);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            run(&fx, &shapes[i]);
        gpu_in_pieces(&fx);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            run(&fx, &shapes[i]);
        gpu_close(&fx);
    }
}

static void test_matches_double_in_bf16(void **state)
{
    (void)state;
    for (const char *const *device = op_devices("attention"); *device; device++) {
        for (const char *const *p = op_precisions(*device); *p; p++) {
            if (strcmp(*p, "bf16") != 0)
                continue;
            gpu_fixture fx = gpu_open_in(*device, *p);
            for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
                run(&fx, &shapes[i]);
            gpu_close(&fx);
        }
    }
}

static struct {
    uint64_t groups;
    PFN_vkCmdDispatch sound;
} dispatched;

static VKAPI_ATTR void VKAPI_CALL counting_dispatch(VkCommandBuffer buffer, uint32_t x,
                                                    uint32_t y, uint32_t z)
{
    dispatched.groups += (uint64_t)x * y * z;
    dispatched.sound(buffer, x, y, z);
}

// Keys that serve the whole batch are read once for the queries of all of it.
static void test_queries_that_share_keys_share_workgroups(void **state)
{
    (void)state;
    enum { BATCH = 4, KEYS = 40, HEADS = 2, WIDTH = HEADS * 64 };
    for (const char *const *family = gpu_families(); *family; family++) {
        gpu_fixture fx = gpu_open(*family);
        vb_gpu *gpu = vb_gpu_of(fx.device);
        gpu_operand q = gpu_floats(&fx, BATCH, 1, WIDTH, 0, (gpu_values){1, 0, 1});
        gpu_operand k = gpu_floats(&fx, BATCH, KEYS, WIDTH, 0, (gpu_values){2, 0, 1});
        gpu_operand y = gpu_floats(&fx, BATCH, 1, WIDTH, 0, (gpu_values){3, 0, 1});
        vb_tensor of_all = k.t;
        of_all.batch = 1;
        dispatched.groups = 0;
        dispatched.sound = gpu->vk.CmdDispatch;
        gpu->vk.CmdDispatch = counting_dispatch;
        vb_attention(&fx.rec, .y = y.t, .q = q.t, .k = of_all, .v = of_all,
                     .heads = HEADS);
        assert_int_equal(dispatched.groups, HEADS);
        vb_attention(&fx.rec, .y = y.t, .q = q.t, .k = k.t, .v = k.t, .heads = HEADS);
        assert_int_equal(dispatched.groups, HEADS + BATCH * HEADS);
        gpu_submit(&fx);
        gpu->vk.CmdDispatch = dispatched.sound;
        gpu_operand_free(&q);
        gpu_operand_free(&k);
        gpu_operand_free(&y);
        gpu_close(&fx);
    }
}

// What several dispatches of an op hand to each other moves when it grows, and what was
// recorded has run by then.
static void test_scratch_grows(void **state)
{
    (void)state;
    enum { KEYS = 400, WIDTH = 64 };
    gpu_fixture fx = gpu_open("simt");
    vb_gpu *gpu = vb_gpu_of(fx.device);
    gpu_operand q = gpu_floats(&fx, 1, 1, WIDTH, 0, (gpu_values){1, 0, 1});
    gpu_operand k = gpu_floats(&fx, 1, KEYS, WIDTH, 0, (gpu_values){2, 0, 1});
    float *q_data = gpu_packed(&q), *k_data = gpu_packed(&k);
    double want[WIDTH], scores[KEYS];
    const ref_attention_shape shape = {.batch = 1,
                                       .kv_batch = 1,
                                       .q_len = 1,
                                       .kv_len = KEYS,
                                       .heads = 1,
                                       .head_dim = WIDTH};
    ref_attention(want, q_data, k_data, k_data, &shape, scores);
    uint64_t size = 0;
    for (int i = 0; i < 2; i++) {
        gpu_operand y = gpu_floats(&fx, 1, 1, WIDTH, 0, (gpu_values){3, 0, 1});
        vb_attention(&fx.rec, .y = y.t, .q = q.t, .k = k.t, .v = k.t, .heads = 1);
        assert_non_null(gpu->scratch);
        assert_true(gpu->scratch->base.size > size);
        size = gpu->scratch->base.size;
        vb_span span;
        assert_int_equal(vb_scratch_take(&span, gpu, 2 * size, NULL), VBLIP_OK);
        assert_true(span.buffer->base.size >= 2 * size);
        gpu_check(&fx, &y, want, 1e-11, "attention while scratch grows");
        gpu_operand_free(&y);
    }
    free(q_data);
    free(k_data);
    gpu_operand_free(&q);
    gpu_operand_free(&k);
    gpu_close(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches_double),
        cmocka_unit_test(test_narrow_activations),
        cmocka_unit_test(test_matches_double_in_bf16),
        cmocka_unit_test(test_queries_that_share_keys_share_workgroups),
        cmocka_unit_test(test_scratch_grows),
    };
    return cmocka_run_group_tests_name("op_attention", tests, NULL, NULL);
}
