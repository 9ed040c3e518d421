// test_cpu.c - the device on the processor beside its ops: every set of kernels that this
// processor runs, any number of threads, memory that is asked for once, and what it says.
#include "compute/pool.h"
#include "compute/recorder.h"
#include "cpu/context.h"
#include "support/ref_ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Of a float sum of some hundred terms.
static const double max_nmse = 1e-12;

static float *random_floats(size_t count, uint32_t seed, float mean)
{
    float *values = malloc(count * sizeof *values);
    assert_non_null(values);
    uint32_t x = seed * 2654435761u + 1u;
    for (size_t i = 0; i < count; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        values[i] = mean + (float)(x >> 8) / 8388608.0F - 1.0F;
    }
    return values;
}

static void expect_close(const char *kernels, const char *what, size_t size,
                         const float *got, const double *want, size_t count,
                         double bound)
{
    const double nmse = ref_nmse(got, want, count);
    if (!(nmse <= bound))
        fail_msg("%s: %s of %zu: nmse %.3g, at most %.3g", kernels, what, size, nmse,
                 bound);
}

// ------------------------------------------------------------------------- kernels

static const size_t sizes[] = {1, 3, 4, 7, 15, 16, 17, 31, 48, 65, 100};
enum { SIZES = sizeof sizes / sizeof *sizes, MOST = 100 };

static double activate(double x, vb_act act)
{
    return act == VB_ACT_GELU ? ref_gelu(x) : act == VB_ACT_RELU ? ref_relu(x) : x;
}

// What a kernel wrote as `type`, as floats; one behind the last must still be what
// fill_behind left there.
static const uint16_t behind = 0x40e0; // 7

static void fill_behind(void *y, vb_dtype type, size_t size)
{
    if (type == VB_BF16)
        ((uint16_t *)y)[size] = behind;
    else
        ((float *)y)[size] = vb_bf16_to_f32(behind);
}

static void read_written(float *out, const void *y, vb_dtype type, size_t size)
{
    vb_widen(out, y, type, size + 1);
    assert_true(out[size] == vb_bf16_to_f32(behind));
}

static const struct {
    vb_dtype type;
    double nmse; // of what is kept in it
} kept[] = {{VB_F32, 1e-10}, {VB_BF16, 1e-5}};
enum { KEPT = sizeof kept / sizeof *kept };

static void check_finish(const vb_kernels *k, size_t size, vb_act act, bool with)
{
    float *x = random_floats(size, 1, 0), *bias = random_floats(size, 2, 0);
    float *residual = random_floats(size, 3, 0), y[MOST + 1], got[MOST + 1];
    double want[MOST];
    for (size_t i = 0; i < size; i++)
        want[i] =
            with ? activate((double)x[i] + (double)bias[i], act) + (double)residual[i]
                 : activate((double)x[i], act);
    for (size_t i = 0; i < KEPT; i++) {
        fill_behind(y, kept[i].type, size);
        k->finish_row(y, kept[i].type, x, with ? bias : NULL, with ? residual : NULL,
                      size, act);
        read_written(got, y, kept[i].type, size);
        expect_close(k->name, "finish_row", size, got, want, size,
                     kept[i].type == VB_F32 ? max_nmse : kept[i].nmse);
    }
    free(x);
    free(bias);
    free(residual);
}

// GELU from -20 to 20, near 0 and far out: as exact as a float sum of it.
static void check_gelu(const vb_kernels *k)
{
    for (double at = -20; at < 20; at += 0.001) {
        const float x = (float)at;
        float y;
        k->finish_row(&y, VB_F32, &x, NULL, NULL, 1, VB_ACT_GELU);
        const double want = ref_gelu((double)x);
        if (!(fabs((double)y - want) <= 1e-6 * fmax(1, fabs(want))))
            fail_msg("%s: gelu of %g is %g, expected %g", k->name, at, (double)y, want);
    }
}

static void check_narrow(const vb_kernels *k, size_t size)
{
    static const struct {
        uint32_t bits;
        uint16_t want;
    } rows[] = {
        {0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f818000, 0x3f82}, // ties
        {0x3f808001, 0x3f81}, {0x7f7fffff, 0x7f80}, {0xff800000, 0xff80},
        {0x00000001, 0x0000}, {0x80000000, 0x8000}, {0x7f800001, 0x7fc0}, // a NaN
    };
    float x[MOST];
    uint16_t y[MOST + 1], want[MOST];
    for (size_t i = 0; i < size; i++) {
        memcpy(&x[i], &rows[i % (sizeof rows / sizeof *rows)].bits, sizeof *x);
        want[i] = rows[i % (sizeof rows / sizeof *rows)].want;
    }
    y[size] = 7;
    k->narrow_row(y, x, size);
    assert_memory_equal(y, want, size * sizeof *y);
    assert_int_equal(y[size], 7);
}

static void check_normalise(const vb_kernels *k, size_t size, float mean)
{
    float *x = random_floats(size, 1, mean), *gain = random_floats(size, 2, 1);
    float *bias = random_floats(size, 3, 0), y[MOST + 1], got[MOST + 1];
    double want[MOST];
    ref_layernorm(want, x, gain, bias, 1, size, (double)1e-6F);
    for (size_t i = 0; i < KEPT; i++) {
        fill_behind(y, kept[i].type, size);
        k->normalise_row(y, kept[i].type, x, gain, bias, size, 1e-6F);
        read_written(got, y, kept[i].type, size);
        expect_close(k->name, "normalise_row", size, got, want, size, kept[i].nmse);
    }
    free(x);
    free(gain);
    free(bias);
}

// Queries that see different numbers of keys, over blocks of which the last is short; what
// lies behind the keys is never read as a number.
static void check_attend(const vb_kernels *k, uint32_t queries, uint32_t keys)
{
    enum { HEAD_DIM = 48, STRIDE = 52 };
    float *q = random_floats((size_t)queries * HEAD_DIM, 1, 0);
    float *key = random_floats((size_t)(keys + 4) * STRIDE, 2, 0);
    float *value = random_floats((size_t)(keys + 4) * STRIDE, 3, 0);
    float *o = calloc((size_t)queries * HEAD_DIM, sizeof *o);
    float *room = calloc((HEAD_DIM + VB_ATTEND_QUERIES) * VB_KEY_BLOCK, sizeof *room);
    float *largest = calloc(queries, sizeof *largest);
    float *sum = calloc(queries, sizeof *sum);
    uint32_t *seen = calloc(queries, sizeof *seen);
    assert_true(o && room && largest && sum && seen);
    for (size_t i = (size_t)keys * STRIDE; i < (size_t)(keys + 4) * STRIDE; i++)
        key[i] = value[i] = NAN;
    for (uint32_t i = 0; i < queries; i++) {
        largest[i] = -INFINITY;
        seen[i] = 1 + (i * 37) % keys;
    }
    for (uint32_t first = 0; first < keys; first += VB_KEY_BLOCK) {
        const vb_attend step = {.queries = queries,
                                .head_dim = HEAD_DIM,
                                .q = q,
                                .o = o,
                                .largest = largest,
                                .sum = sum,
                                .k = key + (size_t)first * STRIDE,
                                .v = value + (size_t)first * STRIDE,
                                .k_stride = STRIDE,
                                .v_stride = STRIDE,
                                .first = first,
                                .keys = keys - first < VB_KEY_BLOCK ? keys - first
                                                                    : VB_KEY_BLOCK,
                                .seen = seen,
                                .room = room};
        k->attend(&step);
    }
    for (uint32_t i = 0; i < queries; i++) {
        double want[HEAD_DIM] = {0}, total = 0;
        float got[HEAD_DIM];
        for (uint32_t j = 0; j < seen[i]; j++) {
            double score = 0;
            for (size_t d = 0; d < HEAD_DIM; d++)
                score += (double)q[i * HEAD_DIM + d] * (double)key[j * STRIDE + d];
            total += exp(score);
            for (size_t d = 0; d < HEAD_DIM; d++)
                want[d] += exp(score) * (double)value[j * STRIDE + d];
        }
        for (size_t d = 0; d < HEAD_DIM; d++) {
            want[d] /= total;
            got[d] = o[i * HEAD_DIM + d] / sum[i];
        }
        expect_close(k->name, "attend", keys, got, want, HEAD_DIM, 1e-11);
    }
    free(q);
    free(key);
    free(value);
    free(o);
    free(room);
    free(largest);
    free(sum);
    free(seen);
}

// Few rows of x against weights, by rows and by columns, in both types. Counts are
// multiples of 16.
static void check_row_products(const vb_kernels *k, uint32_t rows, uint32_t in,
                               uint32_t out, vb_dtype type)
{
    const size_t weights = (size_t)in * out;
    float *x = random_floats((size_t)rows * in, 1, 0),
          *w = random_floats(weights, 2, 0);
    float *y = calloc((size_t)rows * out, sizeof *y);
    uint16_t *narrow = calloc(weights, sizeof *narrow);
    assert_true(y && narrow);
    if (type == VB_BF16) {
        k->narrow_row(narrow, w, weights);
        vb_widen(w, narrow, VB_BF16, weights);
    }
    for (int columns = 0; columns < 2; columns++) {
        const vb_row_product p = {
            .rows = rows,
            .in = in,
            .out = out,
            .x = x,
            .w = type == VB_BF16 ? (const void *)narrow : w,
            .type = type,
            .w_stride = columns ? in : out,
            .y = y,
        };
        (columns ? k->times_columns : k->times_rows)(&p);
        for (uint32_t r = 0; r < rows; r++)
            for (uint32_t o = 0; o < out; o++) {
                double want = 0, size = 0;
                for (uint32_t i = 0; i < in; i++) {
                    const size_t at =
                        columns ? (size_t)o * in + i : (size_t)i * out + o;
                    const double term = (double)x[(size_t)r * in + i] * (double)w[at];
                    want += term;
                    size += fabs(term);
                }
                if (!(fabs((double)y[(size_t)r * out + o] - want) <= 1e-6 * size))
                    fail_msg("%s: %ux%ux%u, %s by %s: row %u, column %u", k->name, rows,
                             out, in, vb_dtype_name(type), columns ? "columns" : "rows",
                             r, o);
            }
    }
    free(x);
    free(w);
    free(y);
    free(narrow);
}

// Few values, so that many are equal.
static void check_topk(const vb_kernels *k, size_t count, uint32_t most, bool equals)
{
    const uint32_t wanted = count < most ? (uint32_t)count : most;
    const uint32_t cols = vb_topk_cols(wanted);
    float *x = random_floats(count, 1, 0);
    float *y = calloc(cols + 1, sizeof *y);
    double *want = calloc(cols, sizeof *want);
    assert_true(y && want);
    for (size_t i = 0; i < count; i++)
        x[i] = equals ? roundf(3 * x[i]) : 30 * x[i];
    y[cols] = 7;
    k->topk_row(y, x, count, wanted);
    ref_topk(want, x, count, wanted, -1);
    for (uint32_t i = 0; i < cols; i++)
        if (!(fabs((double)y[i] - want[i]) <=
              (i < VB_TOPK_VALUES ? 1e-5 + 1e-6 * fabs(want[i]) : 0)))
            fail_msg("%s: topk %u of %zu: element %u is %g, expected %g", k->name,
                     wanted, count, i, (double)y[i], want[i]);
    assert_true(y[cols] == 7);
    free(x);
    free(y);
    free(want);
}

// Where a value is not a number, or none that a logit can be, the mean is neither.
static void check_topk_of_damage(const vb_kernels *k)
{
    enum { COUNT = 300 };
    static const float damage[] = {NAN, INFINITY, -INFINITY};
    static const size_t places[] = {0, 7, 150, COUNT - 1};
    for (size_t d = 0; d < 3; d++)
        for (size_t p = 0; p < 4; p++) {
            float *x = random_floats(COUNT, 1, 0), y[VB_TOPK_VALUES + 8];
            x[places[p]] = damage[d];
            k->topk_row(y, x, COUNT, 4);
            if (isfinite(y[VB_TOPK_MEAN]))
                fail_msg("%s: a row with %g has a mean", k->name, (double)damage[d]);
            free(x);
        }
}

static void check_weigh(const vb_kernels *k, size_t seen)
{
    enum { COUNT = 112 };
    float *scores = random_floats(COUNT, 1, 0);
    uint16_t weights[COUNT + 1];
    double largest = -5, sum = 0; // -5: of scores before
    for (size_t i = 0; i < COUNT; i++) {
        scores[i] = i < seen ? 20 * scores[i] : NAN;
        largest = i < seen ? fmax(largest, (double)scores[i]) : largest;
    }
    weights[COUNT] = 7;
    float most = -5.0F;
    const float got = k->weigh_row(weights, scores, seen, COUNT, &most);
    assert_true(most == (float)largest);
    for (size_t i = 0; i < COUNT; i++) {
        const double want = i < seen ? exp((double)scores[i] - largest) : 0;
        const double weight = (double)vb_bf16_to_f32(weights[i]);
        sum += want;
        if (!(fabs(weight - want) <= want / 256))
            fail_msg("%s: weight %zu of %zu is %g, expected %g", k->name, i, seen,
                     weight, want);
    }
    assert_true(fabs((double)got - sum) <= 1e-5 * sum);
    assert_int_equal(weights[COUNT], 7);
    free(scores);
}

static void test_every_set_of_kernels(void **state)
{
    (void)state;
    for (const vb_kernels *const *at = vb_kernels_all(); *at; at++) {
        for (size_t i = 0; i < SIZES; i++) {
            for (vb_act act = VB_ACT_NONE; act <= VB_ACT_RELU; act++) {
                check_finish(*at, sizes[i], act, false);
                check_finish(*at, sizes[i], act, true);
            }
            check_narrow(*at, sizes[i]);
            check_topk(*at, sizes[i], 7, false);
            check_topk(*at, sizes[i], VB_TOPK_MOST, true);
            if (sizes[i] > 1) {
                check_normalise(*at, sizes[i], 0);
                check_normalise(*at, sizes[i], 1000);
            }
        }
        check_gelu(*at);
        check_topk(*at, 5000, 7, false);
        check_topk(*at, 5000, VB_TOPK_MOST, true);
        check_topk_of_damage(*at);
        for (uint32_t rows = 1; rows <= 9; rows++) {
            check_row_products(*at, rows, 48, 144, VB_F32);
            check_row_products(*at, rows, 64, 16, VB_BF16);
        }
        assert_true((*at)->burn(1) > 0);
        for (size_t seen = 1; seen <= 112; seen++)
            check_weigh(*at, seen);
        static const uint32_t queries[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 24, 25, 31};
        for (size_t q = 0; q < sizeof queries / sizeof *queries; q++) {
            check_attend(*at, queries[q], 1);
            check_attend(*at, queries[q], VB_KEY_BLOCK);
            check_attend(*at, queries[q], 3 * VB_KEY_BLOCK + 7);
        }
    }
}

// -------------------------------------------------------------------------- device

static vb_device *open_processor(uint32_t threads)
{
    vb_device *device;
    vblip_error err = {0};
    const vb_cpu_options options = {.threads = threads};
    if (vb_cpu_open(&device, &options, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    return device;
}

// A small transformer's worth of ops: what one pass records.
typedef struct pass {
    vb_pool pool;
    vb_matrix *w;
    vb_tensor x, y, z;
    float *got;
} pass;

enum { ROWS = 70, COLS = 96, KEYS = 1500 };

static pass make_pass(vb_device *device)
{
    pass p = {.pool = {.device = device, .name = "pass"}};
    float *weights = random_floats((size_t)COLS * COLS, 5, 0);
    float *rows = random_floats((size_t)KEYS * COLS, 6, 0);
    const vb_matrix_block block = vb_matrix_in_memory(weights, VB_F32, COLS);
    vblip_error err = {0};
    assert_int_equal(
        vb_matrix_make(&p.w, device, &block, 1, COLS, VB_USE_LINEAR, "w", &err),
        VBLIP_OK);
    assert_int_equal(vb_pool_tensor(&p.x, &p.pool, VB_F32, 1, KEYS, COLS, &err),
                     VBLIP_OK);
    assert_int_equal(vb_pool_tensor(&p.y, &p.pool, VB_F32, 1, ROWS, COLS, &err),
                     VBLIP_OK);
    assert_int_equal(vb_pool_tensor(&p.z, &p.pool, VB_F32, 1, ROWS, COLS, &err),
                     VBLIP_OK);
    vb_recorder rec = vb_recorder_begin(device);
    vb_upload(&rec, p.x, rows);
    assert_int_equal(vb_recorder_submit(&rec, &err), VBLIP_OK);
    p.got = calloc((size_t)ROWS * COLS, sizeof *p.got);
    assert_non_null(p.got);
    free(weights);
    free(rows);
    return p;
}

static vblip_status run_pass(vb_device *device, const pass *p, vblip_error *err)
{
    vb_recorder rec = vb_recorder_begin(device);
    vb_linear(&rec, .y = p->y, .x = vb_rows(p->x, 0, ROWS), .w = p->w,
              .act = VB_ACT_GELU);
    vb_attention(&rec, .y = p->z, .q = p->y, .k = p->x, .v = p->x, .heads = 2);
    vb_download(&rec, p->got, p->z);
    return vb_recorder_submit(&rec, err);
}

static void free_pass(pass *p)
{
    vb_matrix_free(&p->w);
    vb_pool_free(&p->pool);
    free(p->got);
}

static vb_tensor device_tensor(vb_pool *pool, vb_dtype type, uint32_t rows,
                               uint32_t cols)
{
    vb_tensor t;
    assert_int_equal(vb_pool_tensor(&t, pool, type, 1, rows, cols, NULL), VBLIP_OK);
    return t;
}

enum { WIDTH = 96, SEEN_ROWS = 200 };

// What attention makes of rows, with activations of `type` in between: to be freed.
static float *attend_between(vb_device *device, vb_dtype type, uint32_t queries)
{
    vb_pool pool = {.device = device, .name = "test"};
    vb_matrix *w;
    float *values = random_floats((size_t)SEEN_ROWS * WIDTH, 5, 0);
    float *weights = random_floats((size_t)3 * WIDTH * WIDTH, 6, 0);
    float *got = calloc((size_t)queries * WIDTH, sizeof *got);
    assert_non_null(got);
    const vb_matrix_block block = vb_matrix_in_memory(weights, VB_F32, 3 * WIDTH);
    assert_int_equal(
        vb_matrix_make(&w, device, &block, 1, WIDTH, VB_USE_LINEAR, "w", NULL),
        VBLIP_OK);
    const vb_tensor x = device_tensor(&pool, VB_F32, SEEN_ROWS, WIDTH);
    const vb_tensor vector = device_tensor(&pool, VB_F32, 1, WIDTH);
    const vb_tensor norm = device_tensor(&pool, type, SEEN_ROWS, WIDTH);
    const vb_tensor qkv = device_tensor(&pool, VB_F32, SEEN_ROWS, 3 * WIDTH);
    const vb_tensor mixed = device_tensor(&pool, type, queries, WIDTH);
    const vb_tensor y = device_tensor(&pool, VB_F32, queries, WIDTH);
    vb_recorder rec = vb_recorder_begin(device);
    vb_upload(&rec, x, values);
    vb_upload(&rec, vector, values);
    vb_layernorm(&rec, .y = norm, .x = x, .gain = vector, .bias = vector, .eps = 1e-6F);
    vb_linear(&rec, .y = qkv, .x = norm, .w = w, .act = VB_ACT_GELU);
    vb_attention(&rec, .y = mixed, .q = vb_rows(vb_columns(qkv, 0, WIDTH), 0, queries),
                 .k = vb_columns(qkv, WIDTH, WIDTH),
                 .v = vb_columns(qkv, 2 * WIDTH, WIDTH), .heads = 2);
    vb_copy(&rec, y, mixed);
    vb_download(&rec, got, y);
    assert_int_equal(vb_recorder_submit(&rec, NULL), VBLIP_OK);
    vb_matrix_free(&w);
    vb_pool_free(&pool);
    free(values);
    free(weights);
    return got;
}

// What is kept in bf16 between ops changes what comes out by its rounding alone, for few
// queries and for many, which are attended otherwise.
static void test_narrow_activations(void **state)
{
    (void)state;
    static const uint32_t queries[] = {1, 7, 24, 25, 32, 33, 47, 48, SEEN_ROWS};
    vb_device *device;
    vblip_error err = {0};
    const vb_cpu_options options = {.threads = 2, .precision = "bf16"};
    const vblip_status status = vb_cpu_open(&device, &options, &err);
    if (status == VBLIP_ERR_UNSUPPORTED) // no instructions for bf16
        skip();
    assert_int_equal(status, VBLIP_OK);
    assert_int_equal(vb_device_activations(device), VB_BF16);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        const size_t count = (size_t)queries[i] * WIDTH;
        float *wide = attend_between(device, VB_F32, queries[i]);
        float *narrow = attend_between(device, VB_BF16, queries[i]);
        double *want = calloc(count, sizeof *want);
        assert_non_null(want);
        for (size_t n = 0; n < count; n++)
            want[n] = (double)wide[n];
        expect_close("cpu", "narrow activations", queries[i], narrow, want, count,
                     1e-4);
        free(want);
        free(narrow);
        free(wide);
    }
    vb_device_close(&device);
}

// A device may have weights of another type from one model to the next.
static void test_activations_are_not_narrower_than_weights(void **state)
{
    (void)state;
    vb_device *device = open_processor(1);
    pass p = make_pass(device);
    vblip_error err = {0};
    device->weights = VB_BF16;
    const vb_tensor x = device_tensor(&p.pool, VB_BF16, ROWS, COLS);
    vb_recorder rec = vb_recorder_begin(device);
    vb_linear(&rec, .y = p.y, .x = x, .w = p.w);
    assert_int_equal(vb_recorder_submit(&rec, &err), VBLIP_ERR_ARGUMENT);
    assert_string_equal(err.message, "linear: x: type BF16, weights are F32");
    free_pass(&p);
    vb_device_close(&device);
}

// Few queries over many keys are divided among many threads in other ways than among few.
static void test_any_number_of_threads(void **state)
{
    (void)state;
    static const uint32_t counts[] = {1, 2, 3, 13, 64};
    double *want = NULL;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        vb_device *device = open_processor(counts[i]);
        pass p = make_pass(device);
        assert_int_equal(run_pass(device, &p, NULL), VBLIP_OK);
        if (!want) {
            want = calloc((size_t)ROWS * COLS, sizeof *want);
            assert_non_null(want);
            for (size_t n = 0; n < (size_t)ROWS * COLS; n++)
                want[n] = (double)p.got[n];
        }
        expect_close("cpu", "pass with threads", counts[i], p.got, want,
                     (size_t)ROWS * COLS, max_nmse);
        free_pass(&p);
        vb_device_close(&device);
    }
    free(want);
}

static void test_a_pass_asks_for_memory_once(void **state)
{
    (void)state;
    vb_device *device = open_processor(2);
    pass p = make_pass(device);
    // Which thread takes which piece is chance, so both have taken each when it is warm.
    for (int i = 0; i < 50; i++)
        assert_int_equal(run_pass(device, &p, NULL), VBLIP_OK);
    const uint64_t warm = vb_cpu_allocations(device);
    assert_true(warm > 0);
    for (int i = 0; i < 50; i++)
        assert_int_equal(run_pass(device, &p, NULL), VBLIP_OK);
    assert_int_equal(vb_cpu_allocations(device), warm);
    free_pass(&p);
    vb_device_close(&device);
}

enum { WORDS = 600, WORD = 72 }; // three panels, the last of which is smaller

// Rows of words [WORDS, WORD] as vb_embed reads them of a matrix made for `uses`: to be
// freed.
static float *read_words(vb_device *device, const float *values, uint32_t uses)
{
    vb_pool pool = {.device = device, .name = "test"};
    int32_t ids[WORDS];
    vb_matrix *words;
    float *got = calloc((size_t)WORDS * WORD, sizeof *got), zeros[WORDS * WORD] = {0};
    assert_non_null(got);
    const vb_matrix_block block = vb_matrix_in_memory(values, VB_F32, WORDS);
    assert_int_equal(vb_matrix_make(&words, device, &block, 1, WORD, uses, "w", NULL),
                     VBLIP_OK);
    for (int32_t i = 0; i < WORDS; i++)
        ids[i] = i;
    const vb_tensor chosen = device_tensor(&pool, VB_I32, 1, WORDS);
    const vb_tensor positions = device_tensor(&pool, VB_F32, WORDS, WORD);
    const vb_tensor y = device_tensor(&pool, VB_F32, WORDS, WORD);
    vb_recorder rec = vb_recorder_begin(device);
    vb_upload(&rec, chosen, ids);
    vb_upload(&rec, positions, zeros);
    vb_embed(&rec, .y = y, .ids = chosen, .words = words, .positions = positions);
    vb_download(&rec, got, y);
    assert_int_equal(vb_recorder_submit(&rec, NULL), VBLIP_OK);
    vb_matrix_free(&words);
    vb_pool_free(&pool);
    return got;
}

// A matrix that products read, too, is kept in panels alone.
static void test_rows_are_read_of_panels(void **state)
{
    (void)state;
    static const char *const precisions[] = {"f32", "bf16"};
    float *values = random_floats((size_t)WORDS * WORD, 9, 0);
    for (size_t i = 0; i < sizeof precisions / sizeof *precisions; i++) {
        vb_device *device;
        vblip_error err = {0};
        const vb_cpu_options options = {.threads = 2, .precision = precisions[i]};
        const vblip_status status = vb_cpu_open(&device, &options, &err);
        if (status == VBLIP_ERR_UNSUPPORTED) // no instructions for bf16
            continue;
        assert_int_equal(status, VBLIP_OK);
        float *want = read_words(device, values, VB_USE_ROWS);
        float *got = read_words(device, values, VB_USE_ROWS | VB_USE_LINEAR);
        assert_memory_equal(got, want, (size_t)WORDS * WORD * sizeof *want);
        free(want);
        free(got);
        vb_device_close(&device);
    }
    free(values);
}

static int stop_at_once(void *user)
{
    ++*(uint32_t *)user;
    return 1;
}

static void test_stops_when_told(void **state)
{
    (void)state;
    vb_device *device;
    vblip_error err = {0};
    uint32_t asked = 0;
    const vb_cpu_options options = {
        .threads = 2,
        .untested = true,
        .stopped = stop_at_once,
        .stopped_user = &asked,
    };
    const vb_matrix_block block = vb_matrix_in_memory((const float[16]){0}, VB_F32, 4);
    vb_matrix *w;
    assert_int_equal(vb_cpu_open(&device, &options, &err), VBLIP_OK);
    assert_int_equal(vb_matrix_make(&w, device, &block, 1, 4, VB_USE_LINEAR, "w", &err),
                     VBLIP_ERR_CANCELLED);
    assert_null(w);
    assert_int_equal(asked, 1);
    vb_device_close(&device);
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        vb_cpu_options options;
        vblip_status status;
        const char *message;
    } rows[] = {
        {{.precision = "f16"}, VBLIP_ERR_UNSUPPORTED, "the processor has f32 and bf16"},
        {{.precision = "f64"}, VBLIP_ERR_ARGUMENT, "precision: f64: unknown"},
        {{.precision = ""}, VBLIP_ERR_ARGUMENT, "precision: : unknown"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vb_device *device;
        vblip_error err = {0};
        assert_int_equal(vb_cpu_open(&device, &rows[i].options, &err), rows[i].status);
        assert_null(device);
        assert_non_null(strstr(err.message, rows[i].message));
    }
}

static void leave_row(void *y, vb_dtype type, const float *x, const float *gain,
                      const float *bias, size_t count, float eps)
{
    (void)y, (void)type, (void)x, (void)gain, (void)bias, (void)count, (void)eps;
}

static void test_wrong_kernels_are_refused(void **state)
{
    (void)state;
    vb_kernels wrong = *vb_kernels_choose();
    wrong.normalise_row = leave_row;
    vb_cpu_options options = {.threads = 1, .kernels = &wrong};
    vb_device *device;
    vblip_error err = {0};
    assert_int_equal(vb_cpu_open(&device, &options, &err), VBLIP_ERR_DEVICE);
    assert_null(device);
    assert_non_null(strstr(err.message, ": layernorm fails its self-test: error "));
    options.untested = true;
    assert_int_equal(vb_cpu_open(&device, &options, &err), VBLIP_OK);
    vb_device_close(&device);
}

static void test_every_set_of_kernels_passes(void **state)
{
    (void)state;
    for (const vb_kernels *const *k = vb_kernels_all(); *k; k++) {
        const vb_cpu_options options = {.threads = 2, .kernels = *k};
        vb_device *device;
        vblip_error err = {0};
        if (vb_cpu_open(&device, &options, &err) != VBLIP_OK)
            fail_msg("%s: %s", (*k)->name, err.message);
        vb_device_close(&device);
    }
}

// Its texts are not those of the thread that opened it, nor of another device.
static void test_says_what_it_is(void **state)
{
    (void)state;
    vb_device *one = open_processor(1), *two = open_processor(1);
    const vblip_device_info *a = vb_device_describe(one), *b = vb_device_describe(two);
    assert_int_equal(a->kind, VBLIP_DEVICE_PROCESSOR);
    assert_string_equal(a->name, b->name);
    assert_ptr_not_equal(a->name, b->name);
    assert_ptr_not_equal(a->driver, b->driver);
    assert_non_null(strstr(a->driver, "oneDNN "));
    vb_device_close(&one);
    vb_device_close(&two);
}

static int count_time(void *user, const vblip_op_time *time)
{
    uint64_t *calls = user;
    *calls += time->calls;
    assert_true(time->seconds >= 0);
    return 0;
}

static void test_keeps_times_when_asked(void **state)
{
    (void)state;
    vb_device *device;
    uint64_t calls = 0;
    vblip_error err = {0};
    assert_int_equal(vb_cpu_open(&device, &(vb_cpu_options){.profile = true}, &err),
                     VBLIP_OK);
    pass p = make_pass(device);
    assert_int_equal(run_pass(device, &p, &err), VBLIP_OK);
    assert_int_equal(vb_device_profile(device, count_time, &calls, &err), VBLIP_OK);
    assert_int_equal(calls, 2); // linear and attention
    free_pass(&p);
    vb_device_close(&device);
    device = open_processor(1);
    assert_int_equal(vb_device_profile(device, count_time, &calls, &err),
                     VBLIP_ERR_ARGUMENT);
    vb_device_close(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_set_of_kernels),
        cmocka_unit_test(test_narrow_activations),
        cmocka_unit_test(test_activations_are_not_narrower_than_weights),
        cmocka_unit_test(test_any_number_of_threads),
        cmocka_unit_test(test_a_pass_asks_for_memory_once),
        cmocka_unit_test(test_rows_are_read_of_panels),
        cmocka_unit_test(test_stops_when_told),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_wrong_kernels_are_refused),
        cmocka_unit_test(test_every_set_of_kernels_passes),
        cmocka_unit_test(test_says_what_it_is),
        cmocka_unit_test(test_keeps_times_when_asked),
    };
    return cmocka_run_group_tests_name("cpu", tests, NULL, NULL);
}
