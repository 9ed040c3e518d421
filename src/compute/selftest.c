#include "compute/selftest.h"

#include "compute/pool.h"
#include "compute/recorder.h"
#include "compute/selftest_expected.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Bounds: a float sum of a few hundred products is off by 2^-24 of its terms, so 1e-12
// in square; a driver's exp by 8e-7, so the ops that use it get 1e-10. A wrong kernel is
// off by 1e-4 and more.
const vb_selftest_case vb_selftest_cases[] = {
    {.op = "linear",
     .name = "linear",
     .batch = 1,
     .rows = 37,
     .cols = 100,
     .out_cols = 70,
     .spread = 1,
     .bound = 1e-10},
    {.op = "linear",
     .name = "linear, few rows",
     .batch = 3,
     .rows = 1,
     .cols = 64,
     .out_cols = 45,
     .spread = 1,
     .bound = 1e-10},
    {.op = "linear",
     .name = "linear, more than a tile",
     .batch = 1,
     .rows = 150,
     .cols = 72,
     .out_cols = 136,
     .spread = 1,
     .bound = 1e-10},
    {.op = "linear",
     .name = "linear, long rows",
     .batch = 3,
     .rows = 1,
     .cols = 3072,
     .out_cols = 40,
     .spread = 1,
     .bound = 1e-10},
    {.op = "layernorm",
     .name = "layernorm",
     .batch = 2,
     .rows = 9,
     .cols = 132,
     .mean = 1000,
     .spread = 1,
     .bound = 1e-10},
    {.op = "attention",
     .name = "attention",
     .batch = 2,
     .rows = 11,
     .cols = 128,
     .keys = 21,
     .heads = 2,
     .spread = 1,
     .bound = 1e-10},
    {.op = "attention",
     .name = "attention, few queries",
     .batch = 21,
     .rows = 1,
     .cols = 32,
     .keys = 150,
     .heads = 2,
     .spread = 1,
     .bound = 1e-10},
    {.op = "attention",
     .name = "attention, many queries",
     .batch = 2,
     .rows = 70,
     .cols = 128,
     .keys = 150,
     .heads = 2,
     .spread = 1,
     .bound = 1e-10},
    {.op = "linear",
     .name = "linear, narrow",
     .batch = 1,
     .rows = 150,
     .cols = 72,
     .out_cols = 136,
     .spread = 1,
     .bound = 1e-10,
     .narrow = true},
    {.op = "linear",
     .name = "linear, few rows, narrow",
     .batch = 3,
     .rows = 1,
     .cols = 64,
     .out_cols = 48,
     .spread = 1,
     .bound = 1e-10,
     .narrow = true},
    {.op = "layernorm",
     .name = "layernorm, narrow",
     .batch = 2,
     .rows = 9,
     .cols = 136,
     .mean = 1000,
     .spread = 1,
     .bound = 1e-10,
     .narrow = true},
    {.op = "attention",
     .name = "attention, narrow",
     .batch = 2,
     .rows = 70,
     .cols = 128,
     .keys = 150,
     .heads = 2,
     .spread = 1,
     .bound = 1e-10,
     .narrow = true},
    {.op = "attention",
     .name = "attention, few, narrow",
     .batch = 21,
     .rows = 1,
     .cols = 32,
     .keys = 150,
     .heads = 2,
     .spread = 1,
     .bound = 1e-10,
     .narrow = true},
    {.op = "absorbed attention",
     .name = "absorbed attention",
     .batch = 2,
     .rows = 5,
     .cols = 64,
     .keys = 70,
     .heads = 2,
     .spread = 1,
     .bound = 1e-10},
    {.op = "patchify",
     .name = "patchify",
     .batch = 2,
     .rows = 12,
     .cols = 36,
     .out_cols = 48,
     .bound = 1e-12},
    {.op = "embed",
     .name = "embed",
     .batch = 2,
     .rows = 5,
     .cols = 20,
     .spread = 1,
     .bound = 1e-12},
    {.op = "add_rows",
     .name = "add_rows",
     .batch = 2,
     .rows = 5,
     .cols = 20,
     .spread = 1,
     .bound = 1e-12},
    {.op = "set_row",
     .name = "set_row",
     .batch = 2,
     .rows = 5,
     .cols = 20,
     .spread = 1,
     .bound = 0},
    {.op = "mean_rows",
     .name = "mean_rows",
     .batch = 2,
     .rows = 5,
     .cols = 20,
     .spread = 1,
     .bound = 1e-12},
    {.op = "l2norm",
     .name = "l2norm",
     .batch = 2,
     .rows = 3,
     .cols = 100,
     .spread = 1,
     .bound = 1e-12},
    {.op = "topk",
     .name = "topk",
     .batch = 2,
     .rows = 2,
     .cols = 1101,
     .out_cols = 9, // k
     .spread = 10,
     .bound = 1e-14}, // columns are most of the power, and exact: 3e-6 of the sum
};
const uint32_t vb_selftest_case_count =
    sizeof vb_selftest_cases / sizeof *vb_selftest_cases;

void vb_selftest_fill(float *values, size_t count, uint32_t seed, float mean,
                      float spread)
{
    uint32_t x = seed * 2654435761u + 12345u; // never 0 for the seeds in use
    for (size_t i = 0; i < count; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        values[i] = mean + spread * ((float)(x >> 8) / 8388608.0F - 1.0F);
    }
}

void vb_selftest_weights(float *values, size_t count)
{
    const float steps = 2048.0F; // between 0 and 1: f16 has 11 bits
    vb_selftest_fill(values, count, 2, 0, 0.5F);
    for (size_t i = 0; i < count; i++)
        values[i] = roundf(values[i] * steps) / steps;
}

size_t vb_selftest_sample(size_t n, size_t count)
{
    return n * 7919u % count; // a prime: spread over rows and columns
}

// One case at a time, and what it needs.
typedef struct case_run {
    vb_device *device;
    vb_recorder rec;
    vb_pool pool;
    vb_matrix *matrix;
    vb_tensor x, y;
    const vb_selftest_case *c;
    vblip_error *err;
} case_run;

static vblip_status case_tensor(case_run *r, vb_tensor *out, vb_dtype type,
                                uint32_t batch, uint32_t rows, uint32_t cols)
{
    return vb_pool_tensor(out, &r->pool, type, batch, rows, cols, r->err);
}

// A tensor of seeded floats.
static vblip_status case_floats(case_run *r, vb_tensor *out, uint32_t batch,
                                uint32_t rows, uint32_t cols, uint32_t seed, float mean,
                                float spread)
{
    VB_TRY(case_tensor(r, out, VB_F32, batch, rows, cols));
    const size_t count = (size_t)batch * rows * cols;
    float *host = malloc(count * sizeof *host);
    if (!host)
        return vb_fail_memory(r->err, "self-test");
    vb_selftest_fill(host, count, seed, mean, spread);
    vb_upload(&r->rec, *out, host);
    free(host);
    return VBLIP_OK;
}

// `t` as the case has an activation that may be of `type`: a copy in it, or itself.
static vblip_status case_activation(case_run *r, vb_tensor *t, vb_dtype type)
{
    vb_tensor copy;
    if (!r->c->narrow || type == VB_F32)
        return VBLIP_OK;
    VB_TRY(case_tensor(r, &copy, type, t->batch, t->rows, t->cols));
    vb_copy(&r->rec, copy, *t);
    *t = copy;
    return VBLIP_OK;
}

// What the op writes, for case_result; r->y itself, if activations are floats.
static vblip_status case_output(case_run *r, vb_tensor *y)
{
    *y = r->y;
    if (!r->c->narrow)
        return VBLIP_OK;
    return case_tensor(r, y, vb_device_activations(r->device), y->batch, y->rows,
                       y->cols);
}

static void case_result(case_run *r, vb_tensor y)
{
    if (r->c->narrow)
        vb_copy(&r->rec, r->y, y);
}

// Integers from `first` to first + modulus - 1, in a mixed order.
static vblip_status case_integers(case_run *r, vb_tensor *out, uint32_t rows,
                                  uint32_t cols, uint32_t modulus, int32_t first)
{
    int32_t values[64];
    const uint32_t count = rows * cols;
    for (uint32_t i = 0; i < count && i < 64; i++)
        values[i] = first + (int32_t)((i * 7 + 3) % modulus);
    VB_TRY(case_tensor(r, out, VB_I32, 1, rows, cols));
    vb_upload(&r->rec, *out, values);
    return VBLIP_OK;
}

static vblip_status case_weights(case_run *r, uint32_t rows, uint32_t cols,
                                 uint32_t uses)
{
    float *host = malloc((size_t)rows * cols * sizeof *host);
    if (!host)
        return vb_fail_memory(r->err, "self-test");
    vb_selftest_weights(host, (size_t)rows * cols);
    const vb_matrix_block block = vb_matrix_in_memory(host, VB_F32, rows);
    vblip_status status = vb_matrix_make(&r->matrix, r->device, &block, 1, cols, uses,
                                         "self-test", r->err);
    free(host);
    return status;
}

static vblip_status run_linear(case_run *r)
{
    const vb_selftest_case *c = r->c;
    vb_tensor bias, residual, x = r->x, y;
    VB_TRY(case_weights(r, c->out_cols, c->cols, VB_USE_LINEAR));
    VB_TRY(case_floats(r, &bias, 1, 1, c->out_cols, 3, 0, 1));
    VB_TRY(case_floats(r, &residual, c->batch, c->rows, c->out_cols, 4, 0, 1));
    VB_TRY(case_tensor(r, &r->y, VB_F32, c->batch, c->rows, c->out_cols));
    VB_TRY(case_activation(r, &x, vb_device_activations(r->device)));
    VB_TRY(case_output(r, &y));
    vb_linear(&r->rec, .y = y, .x = x, .w = r->matrix, .bias = bias,
              .residual = residual, .act = VB_ACT_GELU);
    case_result(r, y);
    return VBLIP_OK;
}

static vblip_status run_layernorm(case_run *r)
{
    vb_tensor gain, bias, y;
    VB_TRY(case_floats(r, &gain, 1, 1, r->c->cols, 2, 1, 0.5F));
    VB_TRY(case_floats(r, &bias, 1, 1, r->c->cols, 3, 0, 1));
    VB_TRY(case_output(r, &y));
    vb_layernorm(&r->rec, .y = y, .x = r->x, .gain = gain, .bias = bias, .eps = 1e-6F);
    case_result(r, y);
    return VBLIP_OK;
}

// Causal with keys before the first query, and a length per matrix.
static vblip_status run_attention(case_run *r)
{
    const vb_selftest_case *c = r->c;
    const vb_dtype keys = vb_device_keys(r->device);
    vb_tensor q = r->x, k, v, lengths, y;
    VB_TRY(case_floats(r, &k, c->batch, c->keys, c->cols, 2, 0, 1));
    VB_TRY(case_floats(r, &v, c->batch, c->keys, c->cols, 3, 0, 1));
    VB_TRY(case_integers(r, &lengths, 1, c->batch, c->keys, 1));
    VB_TRY(case_activation(r, &q, keys));
    VB_TRY(case_activation(r, &k, keys));
    VB_TRY(case_activation(r, &v, keys));
    VB_TRY(case_output(r, &y));
    vb_attention(&r->rec, .y = y, .q = q, .k = k, .v = v, .heads = c->heads,
                 .causal = true, .first_query = c->keys - c->rows, .lengths = lengths);
    case_result(r, y);
    return VBLIP_OK;
}

// States of 48 columns, stored as activations are.
static vblip_status run_absorbed(case_run *r)
{
    enum { STATE = 48 };
    const vb_selftest_case *c = r->c;
    vb_tensor floats, states, bias;
    VB_TRY(case_weights(r, 2 * c->cols, STATE, VB_USE_ROWS));
    VB_TRY(case_floats(r, &floats, c->batch, c->keys, STATE, 2, 0, 1));
    VB_TRY(case_floats(r, &bias, 1, 1, 2 * c->cols, 3, 0, 1));
    VB_TRY(case_tensor(r, &states, vb_device_activations(r->device), c->batch, c->keys,
                       STATE));
    vb_copy(&r->rec, states, floats);
    vb_absorbed_attention(&r->rec, .y = r->y, .q = r->x, .x = states, .w = r->matrix,
                          .bias = bias, .heads = c->heads);
    return VBLIP_OK;
}

// Frames of side c->rows in patches of 4 x 4.
static vblip_status run_patchify(case_run *r)
{
    const vb_selftest_case *c = r->c;
    const uint32_t grid = c->rows / 4;
    const size_t bytes = (size_t)c->batch * c->rows * c->cols;
    uint8_t *frames = malloc(bytes);
    if (!frames)
        return vb_fail_memory(r->err, "self-test");
    for (size_t i = 0; i < bytes; i++)
        frames[i] = (uint8_t)(i * 37 + i / 251);
    vb_tensor x = {0};
    vblip_status status = case_tensor(r, &x, VB_U8, c->batch, c->rows, c->cols);
    if (status == VBLIP_OK)
        vb_upload(&r->rec, x, frames);
    free(frames);
    VB_TRY(status);
    VB_TRY(case_tensor(r, &r->y, VB_F32, c->batch, grid * grid, c->out_cols));
    vb_patchify(&r->rec, .y = r->y, .frames = x, .patch = 4,
                .mean = {0.5F, 0.25F, 0.125F}, .deviation = {0.25F, 0.5F, 0.75F});
    return VBLIP_OK;
}

static vblip_status run_embed(case_run *r)
{
    const vb_selftest_case *c = r->c;
    vb_tensor ids, positions;
    VB_TRY(case_weights(r, 11, c->cols, VB_USE_ROWS));
    VB_TRY(case_integers(r, &ids, c->batch, c->rows, 11, 0));
    VB_TRY(case_floats(r, &positions, 1, c->rows + 1, c->cols, 3, 0, 1));
    vb_embed(&r->rec, .y = r->y, .ids = ids, .words = r->matrix, .positions = positions,
             .first_position = 1);
    return VBLIP_OK;
}

static vblip_status run_add_rows(case_run *r)
{
    vb_tensor x;
    VB_TRY(case_floats(r, &x, 1, r->c->rows, r->c->cols, 2, 0, 1));
    vb_copy(&r->rec, r->y, r->x);
    vb_add_rows(&r->rec, .y = r->y, .x = x);
    return VBLIP_OK;
}

static vblip_status run_set_row(case_run *r)
{
    vb_tensor x;
    VB_TRY(case_floats(r, &x, 1, 1, r->c->cols, 2, 0, 1));
    vb_copy(&r->rec, r->y, r->x);
    vb_set_row(&r->rec, .y = r->y, .x = x, .row = 2);
    return VBLIP_OK;
}

static vblip_status run_mean_rows(case_run *r)
{
    VB_TRY(case_tensor(r, &r->y, VB_F32, r->c->batch, 1, r->c->cols));
    vb_mean_rows(&r->rec, .y = r->y, .x = r->x);
    return VBLIP_OK;
}

static vblip_status run_l2norm(case_run *r)
{
    vb_l2norm(&r->rec, .y = r->y, .x = r->x, .eps = 1e-12F);
    return VBLIP_OK;
}

static vblip_status run_topk(case_run *r)
{
    const vb_selftest_case *c = r->c;
    vb_tensor ids;
    VB_TRY(case_tensor(r, &r->y, VB_F32, c->batch, c->rows, vb_topk_cols(c->out_cols)));
    VB_TRY(case_integers(r, &ids, c->batch, c->rows, c->cols, 0));
    vb_topk(&r->rec, .y = r->y, .x = r->x, .ids = ids, .k = c->out_cols);
    return VBLIP_OK;
}

static const struct runner {
    const char *op;
    vblip_status (*run)(case_run *);
} runners[] = {
    {"linear", run_linear},       {"layernorm", run_layernorm},
    {"attention", run_attention}, {"absorbed attention", run_absorbed},
    {"patchify", run_patchify},   {"embed", run_embed},
    {"add_rows", run_add_rows},   {"set_row", run_set_row},
    {"mean_rows", run_mean_rows}, {"l2norm", run_l2norm},
    {"topk", run_topk},
};

// x and y are [batch, rows, cols] before the op's own function sees them.
static vblip_status record_case(case_run *r)
{
    const vb_selftest_case *c = r->c;
    VB_TRY(case_floats(r, &r->x, c->batch, c->rows, c->cols, 1, c->mean, c->spread));
    VB_TRY(case_tensor(r, &r->y, VB_F32, c->batch, c->rows, c->cols));
    for (size_t i = 0; i < sizeof runners / sizeof *runners; i++) {
        if (strcmp(runners[i].op, c->op) == 0)
            return runners[i].run(r);
    }
    return vb_fail(r->err, VBLIP_ERR_UNSUPPORTED, "self-test: no op %s", c->op);
}

// Over the samples; NaN when any value is.
static double nmse_of(const float *got, size_t count, const double *want)
{
    double error = 0, power = 0;
    for (size_t n = 0; n < VB_SELFTEST_SAMPLES; n++) {
        const double value = (double)got[vb_selftest_sample(n, count)];
        error += (value - want[n]) * (value - want[n]);
        power += want[n] * want[n];
    }
    return error / power;
}

static vblip_status run_case(double *nmse, case_run *r, uint32_t index)
{
    r->c = &vb_selftest_cases[index];
    vb_pool_reset(&r->pool);
    vblip_status status = record_case(r);
    float *got = NULL;
    const size_t count = (size_t)vb_tensor_elements(&r->y);
    if (status == VBLIP_OK) {
        got = malloc(count * sizeof *got);
        if (!got)
            status = vb_fail_memory(r->err, "self-test");
    }
    if (status == VBLIP_OK) {
        vb_download(&r->rec, got, r->y);
        status = vb_recorder_submit(&r->rec, r->err);
    } else {
        r->device->table->discard(r->device);
        r->rec = vb_recorder_begin(r->device);
    }
    if (status == VBLIP_OK)
        *nmse = nmse_of(got, count, vb_selftest_expected[index]);
    free(got);
    vb_matrix_free(&r->matrix);
    return status;
}

static bool is_linear(const vb_selftest_case *c)
{
    return strcmp(c->op, "linear") == 0;
}

static bool has_factors(const vb_selftest_case *c)
{
    return is_linear(c) || strcmp(c->op, "attention") == 0;
}

static bool reads_weights(const vb_selftest_case *c)
{
    return is_linear(c) || strcmp(c->op, "embed") == 0 ||
           strcmp(c->op, "absorbed attention") == 0;
}

static bool can_run(const vb_device *device, const vb_selftest_case *c)
{
    return (vb_device_absorbs(device) || strcmp(c->op, "absorbed attention") != 0) &&
           (!c->narrow || vb_device_activations(device) != VB_F32);
}

uint32_t vb_selftest_count(const vb_device *device)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < vb_selftest_case_count; i++)
        count += can_run(device, &vb_selftest_cases[i]);
    return count;
}

// In bf16 weights and what they multiply have 8 bits: a product's terms are off by 2^-9,
// so its sum by 1e-6 to 1e-5 in square; of factors in f16 by 1e-8 to 1e-7. A wrong kernel
// is off by much more. Activations in either are off by as much again.
static double bound_of(const vb_selftest_case *c, const vb_device *device)
{
    const double bound_bf16 = 5e-5, bound_f16 = 1e-6;
    const bool rounds = device->caps.narrow_factors && has_factors(c);
    if (device->weights == VB_BF16 && (reads_weights(c) || has_factors(c) || c->narrow))
        return bound_bf16;
    return device->weights == VB_F16 && (rounds || c->narrow) ? bound_f16 : c->bound;
}

static vblip_status tell_of_check(vblip_check_fn fn, void *user,
                                  const vblip_check *check, vblip_error *err)
{
    if (fn && fn(user, check))
        return vb_fail(err, VBLIP_ERR_CANCELLED, "self-test: stopped");
    return VBLIP_OK;
}

// Which cases run, and what is said to compute them.
typedef struct case_choice {
    const char *op; // NULL: any
    bool weights;   // those alone that depend on their type
    const char *kernels;
} case_choice;

static bool is_chosen(const case_choice *choice, const vb_device *device,
                      const vb_selftest_case *c)
{
    return can_run(device, c) && (!choice->weights || reads_weights(c) || c->narrow) &&
           (!choice->op || strcmp(choice->op, c->op) == 0);
}

static vblip_status run_cases(bool *ok, vb_device *device, const case_choice *choice,
                              vblip_check_fn fn, void *user, vblip_error *err)
{
    case_run r = {.device = device,
                  .rec = vb_recorder_begin(device),
                  .pool = {.device = device, .name = "self-test"},
                  .err = err};
    char kernels[64];
    snprintf(kernels, sizeof kernels, "%s %s", choice->kernels,
             vb_precision_name(device->weights));
    vblip_status status = VBLIP_OK;
    *ok = true;
    for (uint32_t i = 0; i < vb_selftest_case_count && status == VBLIP_OK; i++) {
        if (!is_chosen(choice, device, &vb_selftest_cases[i]))
            continue;
        vblip_check check = {.op = vb_selftest_cases[i].name,
                             .kernels = kernels,
                             .nmse = (double)NAN,
                             .bound = bound_of(&vb_selftest_cases[i], device)};
        status = tell_of_check(fn, user, &check, err);
        if (status == VBLIP_OK)
            status = run_case(&check.nmse, &r, i);
        check.ran = true;
        check.ok = status == VBLIP_OK && check.nmse <= check.bound;
        *ok = *ok && check.ok;
        if (status == VBLIP_OK)
            status = tell_of_check(fn, user, &check, err);
    }
    vb_pool_free(&r.pool);
    return status;
}

vblip_status vb_selftest_run(bool *ok, vb_device *device, const char *op,
                             vblip_check_fn fn, void *user, vblip_error *err)
{
    const case_choice choice = {.op = op, .kernels = device->caps.kernels};
    return run_cases(ok, device, &choice, fn, user, err);
}

// Every variant for the type of weights in use.
static vblip_status report_variants(vb_device *device, vblip_check_fn fn, void *user,
                                    vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    const char *op = NULL, *name;
    bool ok;
    for (uint32_t n = 0;
         status == VBLIP_OK && (name = vb_device_variant(device, n, &op)); n++) {
        const case_choice choice = {.op = op, .kernels = name};
        status = run_cases(&ok, device, &choice, fn, user, err);
    }
    (void)vb_device_variant(device, UINT32_MAX, &op); // NULL
    return status;
}

vblip_status vb_selftest_report(vb_device *device, vblip_check_fn fn, void *user,
                                vblip_error *err)
{
    static const vb_dtype types[] = {VB_F32, VB_F16, VB_BF16};
    const vb_dtype in_use = device->weights;
    case_choice choice = {.kernels = device->caps.kernels};
    bool ok;
    vblip_status status = run_cases(&ok, device, &choice, fn, user, err);
    if (status == VBLIP_OK)
        status = report_variants(device, fn, user, err);
    choice.weights = true;
    for (size_t i = 0; i < sizeof types / sizeof *types && status == VBLIP_OK; i++) {
        if (types[i] == in_use || !(device->caps.weight_types & 1u << types[i]))
            continue;
        device->weights = types[i];
        status = run_cases(&ok, device, &choice, fn, user, err);
        if (status == VBLIP_OK)
            status = report_variants(device, fn, user, err);
    }
    device->weights = in_use;
    return status;
}
