#include "compute/bench.h"

#include "base/timing.h"
#include "compute/pool.h"
#include "compute/recorder.h"
#include "compute/selftest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_REPEATS = 500 };         // of an op in a submit
static const double submit_s = 0.02; // that they are to take

const char *const vb_device_bench_names[] = {"linear",    "attention", "absorbed",
                                             "layernorm", "topk",      NULL};

// What the model keeps an operand in: floats, or as the device does activations, or keys.
typedef enum kept { FLOATS, NARROW, KEYS } kept;

typedef struct shape {
    const char *name;         // the op: "linear"
    const char *what;         // where a model has this shape
    uint32_t rows, cols, out; // linear: in, out; attention: queries, head_dim, keys;
                              // topk: k
    uint32_t heads;
    kept x, y; // x: queries of attention
} shape;

static const shape shapes[] = {
    {"linear", "ViT-B 384 px, fc1", 577, 768, 3072, 0, NARROW, NARROW},
    {"linear", "ViT-B 384 px, fc2", 577, 3072, 768, 0, NARROW, FLOATS},
    {"linear", "ViT-B 384 px, qkv", 577, 768, 2304, 0, NARROW, KEYS},
    {"linear", "demo model, fc1 of 8 frames", 296, 192, 768, 0, NARROW, NARROW},
    {"linear", "a text of 20 tokens, fc1", 20, 768, 3072, 0, FLOATS, NARROW},
    {"linear", "a step of 3 beams, fc1", 3, 768, 3072, 0, FLOATS, NARROW},
    {"linear", "a step of 3 beams, words", 3, 768, 30524, 0, FLOATS, FLOATS},
    {"attention", "ViT-B 384 px", 577, 64, 577, 12, KEYS, NARROW},
    {"attention", "a text of 20 tokens, 8 frames", 20, 64, 4616, 12, FLOATS, NARROW},
    {"attention", "a step of 3 beams, 8 frames", 3, 64, 4616, 12, FLOATS, NARROW},
    {"absorbed", "a text of 20 tokens, 8 frames", 20, 64, 4616, 12, FLOATS, NARROW},
    {"absorbed", "a step of 3 beams, 8 frames", 3, 64, 4616, 12, FLOATS, NARROW},
    {"absorbed", "a step of 3 beams", 3, 64, 577, 12, FLOATS, NARROW},
    {"layernorm", "ViT-B 384 px", 577, 768, 0, 0, FLOATS, NARROW},
    {"layernorm", "a step of 3 beams", 3, 768, 0, 0, FLOATS, FLOATS},
    {"topk", "a step of 3 beams, words", 3, 30524, 8, 0, FLOATS, FLOATS},
};

// Operands of one shape.
typedef struct bench {
    vb_device *device;
    vb_pool pool;
    vb_matrix *w;
    vb_tensor x, y, k, v, gain;
    double work; // what one run does, in units of 1e9
    const char *unit;
    char detail[96];
} bench;

static vblip_status bench_floats(bench *b, vb_tensor *out, uint32_t rows, uint32_t cols,
                                 vblip_error *err)
{
    VB_TRY(vb_pool_tensor(out, &b->pool, VB_F32, 1, rows, cols, err));
    float *host = malloc((size_t)rows * cols * sizeof *host);
    if (!host)
        return vb_fail_memory(err, "bench");
    vb_selftest_fill(host, (size_t)rows * cols, 1, 0, 1);
    vb_recorder rec = vb_recorder_begin(b->device);
    vb_upload(&rec, *out, host);
    free(host);
    return vb_recorder_submit(&rec, err);
}

static vb_dtype type_of(const vb_device *device, kept how)
{
    return how == KEYS     ? vb_device_keys(device)
           : how == NARROW ? vb_device_activations(device)
                           : VB_F32;
}

static vblip_status bench_operand(bench *b, vb_tensor *out, kept how, uint32_t rows,
                                  uint32_t cols, vblip_error *err)
{
    const vb_dtype type = type_of(b->device, how);
    vb_tensor floats;
    if (type == VB_F32)
        return bench_floats(b, out, rows, cols, err);
    VB_TRY(bench_floats(b, &floats, rows, cols, err));
    VB_TRY(vb_pool_tensor(out, &b->pool, type, 1, rows, cols, err));
    vb_recorder rec = vb_recorder_begin(b->device);
    vb_copy(&rec, *out, floats);
    return vb_recorder_submit(&rec, err);
}

static vblip_status bench_output(bench *b, const shape *s, uint32_t cols,
                                 vblip_error *err)
{
    return vb_pool_tensor(&b->y, &b->pool, type_of(b->device, s->y), 1, s->rows, cols,
                          err);
}

static vblip_status bench_weights(bench *b, uint32_t rows, uint32_t cols, uint32_t uses,
                                  vblip_error *err)
{
    const size_t count = (size_t)rows * cols;
    float *host = malloc(count * sizeof *host);
    if (!host)
        return vb_fail_memory(err, "bench");
    vb_selftest_fill(host, count, 2, 0, 1);
    const vb_matrix_block block = vb_matrix_in_memory(host, VB_F32, rows);
    const vblip_status status =
        vb_matrix_make(&b->w, b->device, &block, 1, cols, uses, "bench", err);
    free(host);
    return status;
}

static vblip_status make_linear(bench *b, const shape *s, vblip_error *err)
{
    VB_TRY(bench_weights(b, s->out, s->cols, VB_USE_LINEAR, err));
    VB_TRY(bench_operand(b, &b->x, s->x, s->rows, s->cols, err));
    VB_TRY(bench_output(b, s, s->out, err));
    b->work = 2e-9 * s->rows * s->cols * s->out;
    b->unit = "GFLOP/s";
    snprintf(b->detail, sizeof b->detail, "%ux%ux%u", s->rows, s->out, s->cols);
    return VBLIP_OK;
}

static vblip_status make_attention(bench *b, const shape *s, vblip_error *err)
{
    const uint32_t width = s->heads * s->cols;
    VB_TRY(bench_operand(b, &b->x, s->x, s->rows, width, err));
    VB_TRY(bench_operand(b, &b->k, KEYS, s->out, width, err));
    VB_TRY(bench_operand(b, &b->v, KEYS, s->out, width, err));
    VB_TRY(bench_output(b, s, width, err));
    b->work = 4e-9 * s->rows * s->out * width;
    b->unit = "GFLOP/s";
    snprintf(b->detail, sizeof b->detail, "%u queries, %u keys, %u heads of %u",
             s->rows, s->out, s->heads, s->cols);
    return VBLIP_OK;
}

// Of states as wide as all heads together, as activations are stored.
static vblip_status make_absorbed(bench *b, const shape *s, vblip_error *err)
{
    const uint32_t width = s->heads * s->cols;
    VB_TRY(bench_weights(b, 2 * width, width, VB_USE_ROWS, err));
    VB_TRY(bench_floats(b, &b->x, s->rows, width, err));
    VB_TRY(bench_operand(b, &b->k, NARROW, s->out, width, err));
    VB_TRY(bench_floats(b, &b->gain, 1, 2 * width, err));
    VB_TRY(bench_output(b, s, width, err));
    b->work = 4e-9 * s->rows * s->heads * s->out * width;
    b->unit = "GFLOP/s";
    snprintf(b->detail, sizeof b->detail, "%u queries, %u states, %u heads of %u",
             s->rows, s->out, s->heads, s->cols);
    return VBLIP_OK;
}

static vblip_status make_layernorm(bench *b, const shape *s, vblip_error *err)
{
    VB_TRY(bench_floats(b, &b->x, s->rows, s->cols, err));
    VB_TRY(bench_floats(b, &b->gain, 1, s->cols, err));
    VB_TRY(bench_output(b, s, s->cols, err));
    b->work = 1e-9 * s->rows * s->cols * // read once, written once
              (double)(sizeof(float) + vb_dtype_size(b->y.type));
    b->unit = "GB/s";
    snprintf(b->detail, sizeof b->detail, "%ux%u", s->rows, s->cols);
    return VBLIP_OK;
}

static vblip_status make_topk(bench *b, const shape *s, vblip_error *err)
{
    VB_TRY(bench_floats(b, &b->x, s->rows, s->cols, err));
    VB_TRY(
        vb_pool_tensor(&b->y, &b->pool, VB_F32, 1, s->rows, vb_topk_cols(s->out), err));
    b->work = 4e-9 * s->rows * s->cols;
    b->unit = "GB/s";
    snprintf(b->detail, sizeof b->detail, "%u of %ux%u", s->out, s->rows, s->cols);
    return VBLIP_OK;
}

static void record_linear(vb_recorder *rec, const bench *b, const shape *s)
{
    (void)s;
    vb_linear(rec, .y = b->y, .x = b->x, .w = b->w);
}

static void record_attention(vb_recorder *rec, const bench *b, const shape *s)
{
    vb_attention(rec, .y = b->y, .q = b->x, .k = b->k, .v = b->v, .heads = s->heads);
}

static void record_absorbed(vb_recorder *rec, const bench *b, const shape *s)
{
    vb_absorbed_attention(rec, .y = b->y, .q = b->x, .x = b->k, .w = b->w,
                          .bias = b->gain, .heads = s->heads);
}

static void record_layernorm(vb_recorder *rec, const bench *b, const shape *s)
{
    (void)s;
    vb_layernorm(rec, .y = b->y, .x = b->x, .gain = b->gain, .bias = b->gain,
                 .eps = 1e-6F);
}

static void record_topk(vb_recorder *rec, const bench *b, const shape *s)
{
    vb_topk(rec, .y = b->y, .x = b->x, .k = s->out);
}

static const struct op {
    const char *name;
    vblip_status (*make)(bench *, const shape *, vblip_error *);
    void (*record)(vb_recorder *, const bench *, const shape *);
    bool weights; // reads any, so their type matters
} ops[] = {
    {"linear", make_linear, record_linear, true},
    {"attention", make_attention, record_attention, false},
    {"absorbed", make_absorbed, record_absorbed, true},
    {"layernorm", make_layernorm, record_layernorm, false},
    {"topk", make_topk, record_topk, false},
};

typedef struct timed {
    const bench *bench;
    const struct op *op;
    const shape *shape;
    uint32_t repeats; // of the op in a run
} timed;

static vblip_status run_repeats(void *user, vblip_error *err)
{
    const timed *t = user;
    vb_recorder rec = vb_recorder_begin(t->bench->device);
    for (uint32_t i = 0; i < t->repeats; i++) // each writes what the one before wrote
        t->op->record(&rec, t->bench, t->shape);
    VB_TRY(vb_recorder_submit(&rec, err));
    return vb_device_finish(t->bench->device, err);
}

// What the device is busy, where ops run at submit: recording them is not part of it.
static double device_clock(const void *user)
{
    const vb_device *device = ((const timed *)user)->bench->device;
    return device->running_s > 0 ? device->running_s : vb_now_s();
}

// A submit and the wait for it take as long as a small op, or longer: so many ops go to
// one that they do not count.
static vblip_status choose_repeats(timed *t, vblip_error *err)
{
    double took = 0;
    t->repeats = 1;
    VB_TRY(run_repeats(t, err)); // compiles and allocates
    if (!(t->bench->device->running_s > 0))
        return VBLIP_OK;
    for (;;) {
        const double start = device_clock(t);
        VB_TRY(run_repeats(t, err));
        took = device_clock(t) - start;
        if (took >= submit_s / 2 || t->repeats == MOST_REPEATS)
            return VBLIP_OK;
        const double wanted = t->repeats * submit_s / took;
        t->repeats = wanted < MOST_REPEATS ? (uint32_t)wanted : MOST_REPEATS;
    }
}

// The time of one op, and the GFLOP/s of its products at the least time.
static vblip_status time_op(vb_timing *timing, double *gflops, timed *t,
                            vblip_error *err)
{
    const vb_device *device = t->bench->device;
    VB_TRY(choose_repeats(t, err));
    const double before = device->flops;
    VB_TRY(vb_time_by(timing, device_clock, run_repeats, t, err));
    *gflops = vb_timed_rate(timing, device->flops - before) / 1e9;
    timing->min_s /= t->repeats;
    timing->median_s /= t->repeats;
    return VBLIP_OK;
}

static vblip_status run_shape(vb_device *device, const struct op *op, const shape *s,
                              double peak, vblip_bench_fn fn, void *user,
                              vblip_error *err)
{
    bench b = {.device = device, .pool = {.device = device, .name = "bench"}};
    timed t = {&b, op, s, 1};
    vb_timing timing = {0};
    double gflops = 0;
    vblip_status status = op->make(&b, s, err);
    if (status == VBLIP_OK)
        status = time_op(&timing, &gflops, &t, err);
    if (status == VBLIP_OK) {
        const bool typed = op->weights || vb_device_activations(device) != VB_F32;
        char detail[192];
        snprintf(detail, sizeof detail, "%s %s%s%s (%s)", b.detail,
                 device->caps.kernels, typed ? " " : "",
                 typed ? vb_precision_name(device->weights) : "", s->what);
        const vblip_bench_result result = {
            .name = s->name,
            .detail = detail,
            .runs = timing.runs,
            .min_s = timing.min_s,
            .median_s = timing.median_s,
            .work = b.work / timing.min_s,
            .unit = b.unit,
            .gflops = gflops,
            .peak = peak,
        };
        if (fn(user, &result))
            status = vb_fail(err, VBLIP_ERR_CANCELLED, "bench: stopped");
    }
    vb_matrix_free(&b.w);
    vb_pool_free(&b.pool);
    return status;
}

static vblip_status run_shapes(vb_device *device, const struct op *op,
                               vblip_bench_fn fn, void *user, vblip_error *err)
{
    const double peak = vb_device_peak(device);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (strcmp(shapes[i].name, op->name) == 0)
            VB_TRY(run_shape(device, op, &shapes[i], peak, fn, user, err));
    }
    return VBLIP_OK;
}

// With weights as the device stores them, and once more in each other type, if that of
// weights or of activations matters.
static vblip_status run_types(vb_device *device, const struct op *op, vblip_bench_fn fn,
                              void *user, vblip_error *err)
{
    static const vb_dtype types[] = {VB_F32, VB_F16, VB_BF16};
    const vb_dtype in_use = device->weights;
    vblip_status status = run_shapes(device, op, fn, user, err);
    if (!op->weights && !device->caps.narrow_activations)
        return status;
    for (size_t i = 0; i < sizeof types / sizeof *types && status == VBLIP_OK; i++) {
        if (types[i] == in_use || !(device->caps.weight_types & 1u << types[i]))
            continue;
        device->weights = types[i];
        status = run_shapes(device, op, fn, user, err);
    }
    device->weights = in_use;
    return status;
}

vblip_status vb_device_bench(vb_device *device, const char *name, vblip_bench_fn fn,
                             void *user, vblip_error *err)
{
    bool found = false;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (name && strcmp(name, ops[i].name) != 0)
            continue;
        found = true;
        if (ops[i].make == make_absorbed && !vb_device_absorbs(device)) {
            if (name)
                return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                               "bench: %s: %s does not have it", name,
                               device->caps.name);
            continue;
        }
        VB_TRY(run_types(device, &ops[i], fn, user, err));
    }
    if (!found)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "bench: %s: unknown", name);
    return VBLIP_OK;
}
