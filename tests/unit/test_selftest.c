// test_selftest.c - the self-test's committed answers are those of double precision, a
// sound device passes whatever it is, and a wrong answer is seen.
//
// With the argument "print" it writes src/compute/selftest_expected.h.
#include "compute/selftest.h"
#include "compute/selftest_expected.h"
#include "support/ref_device.h"
#include "support/ref_ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void *make_array(size_t count, size_t size)
{
    void *array = calloc(count, size);
    assert_non_null(array);
    return array;
}

static float *seeded(size_t count, uint32_t seed, float mean, float spread)
{
    float *values = make_array(count, sizeof *values);
    vb_selftest_fill(values, count, seed, mean, spread);
    return values;
}

static float *weights(size_t count)
{
    float *values = make_array(count, sizeof *values);
    vb_selftest_weights(values, count);
    return values;
}

static void integers(int32_t *values, uint32_t count, uint32_t modulus, int32_t first)
{
    for (uint32_t i = 0; i < count; i++)
        values[i] = first + (int32_t)((i * 7 + 3) % modulus);
}

static void linear(double *y, const vb_selftest_case *c, const float *x)
{
    const size_t lines = (size_t)c->batch * c->rows;
    float *w = weights((size_t)c->out_cols * c->cols);
    float *bias = seeded(c->out_cols, 3, 0, 1);
    float *residual = seeded(lines * c->out_cols, 4, 0, 1);
    ref_linear(y, x, w, bias, residual, lines, c->cols, c->out_cols, ref_gelu);
    free(w);
    free(bias);
    free(residual);
}

static void layernorm(double *y, const vb_selftest_case *c, const float *x)
{
    float *gain = seeded(c->cols, 2, 1, 0.5F), *bias = seeded(c->cols, 3, 0, 1);
    ref_layernorm(y, x, gain, bias, (size_t)c->batch * c->rows, c->cols, (double)1e-6F);
    free(gain);
    free(bias);
}

static void attention(double *y, const vb_selftest_case *c, const float *x)
{
    const size_t count = (size_t)c->batch * c->keys * c->cols;
    float *k = seeded(count, 2, 0, 1), *v = seeded(count, 3, 0, 1);
    int32_t lengths[32];
    double scores[256];
    integers(lengths, c->batch, c->keys, 1);
    const ref_attention_shape shape = {
        .batch = c->batch,
        .kv_batch = c->batch,
        .q_len = c->rows,
        .kv_len = c->keys,
        .heads = c->heads,
        .head_dim = c->cols / c->heads,
        .causal = true,
        .first_query = c->keys - c->rows,
        .lengths = lengths,
    };
    ref_attention(y, x, k, v, &shape, scores);
    free(k);
    free(v);
}

static void absorbed(double *y, const vb_selftest_case *c, const float *x)
{
    enum { STATE = 48 };
    const size_t states = (size_t)c->batch * c->keys, half = (size_t)c->cols * STATE;
    const size_t count = states * c->cols;
    float *seen = seeded(states * STATE, 2, 0, 1), *w = weights(2 * half);
    float *bias = seeded(2 * (size_t)c->cols, 3, 0, 1);
    double *made = make_array(count, sizeof *made), scores[128];
    float *kv[2];
    for (size_t i = 0; i < 2; i++) {
        ref_linear(made, seen, w + i * half, bias + i * c->cols, NULL, states, STATE,
                   c->cols, NULL);
        kv[i] = make_array(count, sizeof *kv[i]);
        for (size_t k = 0; k < count; k++)
            kv[i][k] = (float)made[k];
    }
    const ref_attention_shape shape = {
        .batch = c->batch,
        .kv_batch = c->batch,
        .q_len = c->rows,
        .kv_len = c->keys,
        .heads = c->heads,
        .head_dim = c->cols / c->heads,
    };
    ref_attention(y, x, kv[0], kv[1], &shape, scores);
    free(seen);
    free(w);
    free(bias);
    free(made);
    free(kv[0]);
    free(kv[1]);
}

static void patchify(double *y, const vb_selftest_case *c, const float *x)
{
    (void)x;
    static const float mean[3] = {0.5F, 0.25F, 0.125F};
    static const float deviation[3] = {0.25F, 0.5F, 0.75F};
    const size_t bytes = (size_t)c->batch * c->rows * c->cols;
    uint8_t *frames = make_array(bytes, 1);
    for (size_t i = 0; i < bytes; i++)
        frames[i] = (uint8_t)(i * 37 + i / 251);
    ref_patchify(y, frames, c->batch, c->rows, 4, mean, deviation);
    free(frames);
}

static void embed(double *y, const vb_selftest_case *c, const float *x)
{
    (void)x;
    float *words = weights((size_t)11 * c->cols);
    float *positions = seeded((size_t)(c->rows + 1) * c->cols, 3, 0, 1);
    int32_t ids[64];
    integers(ids, c->batch * c->rows, 11, 0);
    for (uint32_t b = 0; b < c->batch; b++)
        ref_embed(y + (size_t)b * c->rows * c->cols, ids + (size_t)b * c->rows, words,
                  positions + c->cols, c->rows, c->cols);
    free(words);
    free(positions);
}

static void add_rows(double *y, const vb_selftest_case *c, const float *x)
{
    float *rows = seeded((size_t)c->rows * c->cols, 2, 0, 1);
    ref_add_rows(y, x, rows, c->batch, c->rows, c->cols);
    free(rows);
}

static void set_row(double *y, const vb_selftest_case *c, const float *x)
{
    float *row = seeded(c->cols, 2, 0, 1);
    ref_set_row(y, x, row, c->batch, c->rows, c->cols, 2);
    free(row);
}

static void mean_rows(double *y, const vb_selftest_case *c, const float *x)
{
    ref_mean_rows(y, x, c->batch, c->rows, c->cols);
}

static void l2norm(double *y, const vb_selftest_case *c, const float *x)
{
    ref_l2norm(y, x, (size_t)c->batch * c->rows, c->cols, (double)1e-12F);
}

static void topk(double *y, const vb_selftest_case *c, const float *x)
{
    int32_t ids[64];
    const uint32_t k = c->out_cols;
    integers(ids, c->batch * c->rows, c->cols, 0);
    for (size_t r = 0; r < (size_t)c->batch * c->rows; r++)
        ref_topk(y + r * vb_topk_cols(k), x + r * c->cols, c->cols, k, ids[r]);
}

static const struct op {
    const char *name;
    void (*run)(double *y, const vb_selftest_case *c, const float *x);
} ops[] = {
    {"linear", linear},       {"layernorm", layernorm},
    {"attention", attention}, {"absorbed attention", absorbed},
    {"patchify", patchify},   {"embed", embed},
    {"add_rows", add_rows},   {"set_row", set_row},
    {"mean_rows", mean_rows}, {"l2norm", l2norm},
    {"topk", topk},
};

// The samples of case `index`, as they should be.
static void answers(double samples[VB_SELFTEST_SAMPLES], uint32_t index)
{
    const vb_selftest_case *c = &vb_selftest_cases[index];
    size_t count = (size_t)c->batch * c->rows * (c->out_cols ? c->out_cols : c->cols);
    if (strcmp(c->op, "patchify") == 0)
        count = (size_t)c->batch * (c->rows / 4) * (c->rows / 4) * c->out_cols;
    if (strcmp(c->op, "mean_rows") == 0)
        count = (size_t)c->batch * c->cols;
    if (strcmp(c->op, "topk") == 0)
        count = (size_t)c->batch * c->rows * vb_topk_cols(c->out_cols);
    float *x = seeded((size_t)c->batch * c->rows * c->cols, 1, c->mean, c->spread);
    double *y = make_array(count, sizeof *y);
    bool found = false;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (strcmp(ops[i].name, c->op) != 0)
            continue;
        ops[i].run(y, c, x);
        found = true;
    }
    assert_true(found);
    for (size_t n = 0; n < VB_SELFTEST_SAMPLES; n++)
        samples[n] = y[vb_selftest_sample(n, count)];
    free(x);
    free(y);
}

static void test_answers_are_those_of_double(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < vb_selftest_case_count; i++) {
        double samples[VB_SELFTEST_SAMPLES];
        answers(samples, i);
        for (size_t n = 0; n < VB_SELFTEST_SAMPLES; n++) {
            const double want = vb_selftest_expected[i][n];
            if (!(fabs(samples[n] - want) <= 1e-9 * fabs(want) + 1e-12))
                fail_msg("%s: sample %zu: %.12g, committed %.12g",
                         vb_selftest_cases[i].name, n, samples[n], want);
        }
    }
}

typedef struct tally {
    uint32_t checks, good;
    bool running;
    char failed[64];
} tally;

static int on_check(void *user, const vblip_check *check)
{
    tally *t = user;
    assert_true(check->ran == t->running); // before, then after
    t->running = !check->ran;
    if (!check->ran)
        return 0;
    t->checks++;
    t->good += check->ok;
    if (!check->ok)
        snprintf(t->failed, sizeof t->failed, "%s: %.3g", check->op, check->nmse);
    return 0;
}

static vb_device *open_reference(void)
{
    vb_device *device;
    assert_int_equal(ref_device_open(&device, NULL, NULL), VBLIP_OK);
    return device;
}

// Any vb_device will do: this one has no driver.
static void test_a_sound_device_passes(void **state)
{
    (void)state;
    vb_device *device = open_reference();
    tally t = {0};
    bool ok;
    assert_int_equal(vb_selftest_report(device, on_check, &t, NULL), VBLIP_OK);
    if (t.good != vb_selftest_count(device))
        fail_msg("%s", t.failed);
    assert_int_equal(t.checks, t.good); // it stores weights in one type
    assert_int_equal(vb_selftest_run(&ok, device, NULL, NULL, NULL, NULL), VBLIP_OK);
    assert_true(ok);
    vb_device_close(&device);
}

static int stop_in_second(void *user, const vblip_check *check)
{
    assert_string_equal(check->kernels, "reference f32");
    return ++*(int *)user == 3;
}

static void test_the_callback_can_stop_it(void **state)
{
    (void)state;
    vb_device *device = open_reference();
    int calls = 0;
    assert_int_equal(vb_selftest_report(device, stop_in_second, &calls, NULL),
                     VBLIP_ERR_CANCELLED);
    assert_int_equal(calls, 3);
    vb_device_close(&device);
}

// A device whose layernorm leaves its output as it was.
static vblip_status no_op(vb_device *device, const vb_layernorm_args *args,
                          vblip_error *err)
{
    (void)device;
    (void)args;
    (void)err;
    return VBLIP_OK;
}

static void test_a_wrong_answer_is_seen(void **state)
{
    (void)state;
    vb_device *device = open_reference();
    const vb_device_table *sound = device->table;
    vb_device_table broken = *sound;
    broken.layernorm = no_op;
    device->table = &broken;
    tally t = {0};
    bool ok;
    assert_int_equal(vb_selftest_report(device, on_check, &t, NULL), VBLIP_OK);
    assert_int_equal(t.checks, vb_selftest_count(device));
    assert_int_equal(t.good, t.checks - 1);
    assert_memory_equal(t.failed, "layernorm", 9);
    assert_int_equal(vb_selftest_run(&ok, device, NULL, NULL, NULL, NULL), VBLIP_OK);
    assert_false(ok);
    device->table = sound;
    vb_device_close(&device);
}

// A device that cannot run a case fails, and does not pass without it.
static void test_a_failure_to_run_is_an_error(void **state)
{
    (void)state;
    vb_device *device = open_reference();
    vblip_error err = {0};
    bool ok;
    ref_device_fail_after(device, 2);
    assert_int_equal(vb_selftest_run(&ok, device, NULL, NULL, NULL, &err),
                     VBLIP_ERR_MEMORY);
    assert_true(err.message[0]);
    vb_device_close(&device);
}

static void print_answers(void)
{
    printf("// selftest_expected.h - made by `test_unit_selftest print`.\n"
           "#ifndef VB_COMPUTE_SELFTEST_EXPECTED_H\n#define "
           "VB_COMPUTE_SELFTEST_EXPECTED_H\n\n"
           "#include \"compute/selftest.h\"\n\n// clang-format off\n"
           "static const double vb_selftest_expected[][VB_SELFTEST_SAMPLES] = {\n");
    for (uint32_t i = 0; i < vb_selftest_case_count; i++) {
        double samples[VB_SELFTEST_SAMPLES];
        answers(samples, i);
        printf("    { // %s", vb_selftest_cases[i].name);
        for (size_t n = 0; n < VB_SELFTEST_SAMPLES; n++)
            printf("%s%.17g,", n % 4 ? " " : "\n        ", samples[n]);
        printf("\n    },\n");
    }
    printf("};\n// clang-format on\n\n#endif // VB_COMPUTE_SELFTEST_EXPECTED_H\n");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "print") == 0) {
        print_answers();
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_are_those_of_double),
        cmocka_unit_test(test_a_sound_device_passes),
        cmocka_unit_test(test_the_callback_can_stop_it),
        cmocka_unit_test(test_a_wrong_answer_is_seen),
        cmocka_unit_test(test_a_failure_to_run_is_an_error),
    };
    return cmocka_run_group_tests_name("selftest", tests, NULL, NULL);
}
