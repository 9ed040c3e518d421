// kernels.c - compiled once for each set of vector instructions: VB_KERNELS names the
// table, VB_LANES says how many floats a vector has.
#include "cpu/kernels.h"
#include "cpu/lanes.h"

#include <math.h>
#include <stdbool.h>

// A tile of sums stays in registers, of which AVX-512 has 32 and others 16.
enum {
    QUERIES = VB_LANES == 16 ? VB_ATTEND_QUERIES : 4,
    VECTORS = VB_LANES == 16 ? 4 : 2,
    COLUMNS = VECTORS, // of a tile of row products
    FEW_QUERIES = 24,  // more go through keys that were turned about
};

INLINE lanes activate(lanes x, vb_act act)
{
    if (act == VB_ACT_GELU)
        return 0.5F * x * (1.0F + error_function(x * 0.707106781F));
    return act == VB_ACT_RELU ? larger(x, (lanes){0}) : x;
}

// A NaN stays one.
INLINE halves narrow_lanes(lanes v)
{
#ifdef __AVX512BF16__
    const __m256bh narrowed = _mm512_cvtneps_pbh((__m512)v);
    halves out;
    memcpy(&out, &narrowed, sizeof out);
    return out;
#else
    const words bits = (words)v;
    const words rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    const words nan = (words)((bits & 0x7fffffffu) > 0x7f800000u);
    return __builtin_convertvector((nan & (bits >> 16 | 0x40u)) | (~nan & rounded),
                                   halves);
#endif
}

// Values i .. of y, which holds bf16 when `narrow`, else floats.
INLINE void put(void *y, bool narrow, size_t i, lanes v)
{
    if (!narrow) {
        store((float *)y + i, v);
        return;
    }
    const halves narrowed = narrow_lanes(v);
    memcpy((uint16_t *)y + i, &narrowed, sizeof narrowed);
}

INLINE void put_some(void *y, bool narrow, size_t i, lanes v, size_t count)
{
    if (!narrow) {
        store_some((float *)y + i, v, count);
        return;
    }
    const halves narrowed = narrow_lanes(v);
    memcpy((uint16_t *)y + i, &narrowed, count * sizeof(uint16_t));
}

INLINE void finish(void *y, bool narrow, const float *x, const float *bias,
                   const float *residual, size_t count, vb_act act)
{
    for (size_t i = 0; i < count; i += VB_LANES) {
        const size_t left = count - i;
        if (left >= VB_LANES) {
            const lanes value = bias ? load(x + i) + load(bias + i) : load(x + i);
            const lanes done = activate(value, act);
            put(y, narrow, i, residual ? done + load(residual + i) : done);
            continue;
        }
        lanes value = load_some(x + i, left);
        if (bias)
            value += load_some(bias + i, left);
        value = activate(value, act);
        if (residual)
            value += load_some(residual + i, left);
        put_some(y, narrow, i, value, left);
    }
}

INLINE void finish_as(void *y, bool narrow, const float *x, const float *bias,
                      const float *residual, size_t count, vb_act act)
{
    switch (act) {
    case VB_ACT_NONE:
        finish(y, narrow, x, bias, residual, count, VB_ACT_NONE);
        break;
    case VB_ACT_GELU:
        finish(y, narrow, x, bias, residual, count, VB_ACT_GELU);
        break;
    case VB_ACT_RELU:
        finish(y, narrow, x, bias, residual, count, VB_ACT_RELU);
        break;
    }
}

static void finish_row(void *y, vb_dtype type, const float *x, const float *bias,
                       const float *residual, size_t count, vb_act act)
{
    if (type == VB_BF16)
        finish_as(y, true, x, bias, residual, count, act);
    else
        finish_as(y, false, x, bias, residual, count, act);
}

static void narrow_row(uint16_t *y, const float *x, size_t count)
{
    size_t i = 0;
    for (; i + VB_LANES <= count; i += VB_LANES)
        put(y, true, i, load(x + i));
    put_some(y, true, i, load_some(x + i, count - i), count - i);
}

// Two passes, and of what is left when the first element is taken off: a float mean of
// rows around 1000 is off by 1e-5.
INLINE void normalise_to(void *y, bool narrow, const float *x, const float *gain,
                         const float *bias, size_t count, float eps)
{
    const float origin = x[0];
    const size_t whole = count / VB_LANES * VB_LANES, left = count - whole;
    lanes sums = {0}, squares = {0};
    for (size_t i = 0; i < whole; i += VB_LANES)
        sums += load(x + i) - origin;
    float sum = sum_of(sums);
    for (size_t i = whole; i < count; i++)
        sum += x[i] - origin;
    const float mean = sum / (float)count;
    for (size_t i = 0; i < whole; i += VB_LANES) {
        const lanes d = load(x + i) - origin - mean;
        squares += d * d;
    }
    float square = sum_of(squares);
    for (size_t i = whole; i < count; i++)
        square += (x[i] - origin - mean) * (x[i] - origin - mean);
    const float scale = 1.0F / sqrtf(square / (float)count + eps);
    for (size_t i = 0; i < whole; i += VB_LANES)
        put(y, narrow, i,
            (load(x + i) - origin - mean) * scale * load(gain + i) + load(bias + i));
    const lanes last = (load_some(x + whole, left) - origin - mean) * scale;
    put_some(y, narrow, whole,
             last * load_some(gain + whole, left) + load_some(bias + whole, left),
             left);
}

static void normalise_row(void *y, vb_dtype type, const float *x, const float *gain,
                          const float *bias, size_t count, float eps)
{
    if (type == VB_BF16)
        normalise_to(y, true, x, gain, bias, count, eps);
    else
        normalise_to(y, false, x, gain, bias, count, eps);
}

// Values i .. of w, which holds bf16 when `narrow`, else floats.
INLINE lanes take(const void *w, bool narrow, size_t i)
{
    if (!narrow)
        return load((const float *)w + i);
    halves bits;
    memcpy(&bits, (const uint16_t *)w + i, sizeof bits);
    return (lanes)(__builtin_convertvector(bits, words) << 16);
}

// c [rows, vectors] (+)= a [rows, length] * b [length, vectors]; constants where it is
// called, so that all of c stays in registers.
INLINE void multiply_tile(float *c, size_t c_stride, const float *a, size_t a_stride,
                          const void *b, bool narrow, size_t b_at, size_t b_stride,
                          size_t length, int rows, int vectors, bool add)
{
    lanes sums[QUERIES][VECTORS];
    for (int r = 0; r < rows; r++)
        for (int n = 0; n < vectors; n++)
            sums[r][n] =
                add ? load(c + (size_t)r * c_stride + n * VB_LANES) : (lanes){0};
    for (size_t i = 0; i < length; i++) {
        lanes row[VECTORS];
        for (int n = 0; n < vectors; n++)
            row[n] = take(b, narrow, b_at + i * b_stride + (size_t)n * VB_LANES);
        for (int r = 0; r < rows; r++)
            for (int n = 0; n < vectors; n++)
                sums[r][n] += a[(size_t)r * a_stride + i] * row[n];
    }
    for (int r = 0; r < rows; r++)
        for (int n = 0; n < vectors; n++)
            store(c + (size_t)r * c_stride + n * VB_LANES, sums[r][n]);
}

// The same for any count of columns that is a multiple of 16.
INLINE void multiply_rows(float *c, size_t c_stride, const float *a, size_t a_stride,
                          const void *b, bool narrow, size_t b_stride, size_t length,
                          size_t cols, int rows, bool add)
{
    size_t at = 0;
    for (; at + VECTORS * VB_LANES <= cols; at += VECTORS * VB_LANES)
        multiply_tile(c + at, c_stride, a, a_stride, b, narrow, at, b_stride, length,
                      rows, VECTORS, add);
    for (; at < cols; at += VB_LANES)
        multiply_tile(c + at, c_stride, a, a_stride, b, narrow, at, b_stride, length,
                      rows, 1, add);
}

// Calls with a count of rows that the compiler knows: at most QUERIES.
#define MULTIPLY_ROWS(n)                                                               \
    multiply_rows(c, c_stride, a, a_stride, b, narrow, b_stride, length, cols, n, add)
INLINE void multiply_some(float *c, size_t c_stride, const float *a, size_t a_stride,
                          const void *b, bool narrow, size_t b_stride, size_t length,
                          size_t cols, uint32_t rows, bool add)
{
    switch (rows) {
    case 1:
        MULTIPLY_ROWS(1);
        break;
    case 2:
        MULTIPLY_ROWS(2);
        break;
    case 3:
        MULTIPLY_ROWS(3);
        break;
#if VB_LANES == 16
    case 4:
        MULTIPLY_ROWS(4);
        break;
    case 5:
        MULTIPLY_ROWS(5);
        break;
#endif
    default:
        MULTIPLY_ROWS(QUERIES);
    }
}

static void multiply(float *c, size_t c_stride, const float *a, size_t a_stride,
                     const float *b, size_t b_stride, size_t length, size_t cols,
                     uint32_t rows, bool add)
{
    multiply_some(c, c_stride, a, a_stride, b, false, b_stride, length, cols, rows,
                  add);
}

static void times_rows(const vb_row_product *p)
{
    for (size_t r = 0; r < p->rows; r += QUERIES) {
        const uint32_t left = p->rows - (uint32_t)r;
        const uint32_t rows = left < QUERIES ? left : QUERIES;
        float *y = p->y + r * p->out;
        const float *x = p->x + r * p->in;
        if (p->type == VB_BF16)
            multiply_some(y, p->out, x, p->in, p->w, true, p->w_stride, p->in, p->out,
                          rows, false);
        else
            multiply_some(y, p->out, x, p->in, p->w, false, p->w_stride, p->in, p->out,
                          rows, false);
    }
}

// Products of rows of x with rows of w: lanes are added up in the end.
INLINE void dot_tile(const vb_row_product *p, bool narrow, size_t row, size_t column,
                     int rows, int columns)
{
    lanes sums[QUERIES][COLUMNS] = {{{0}}};
    for (size_t i = 0; i < p->in; i += VB_LANES) {
        lanes w[COLUMNS];
        for (int n = 0; n < columns; n++)
            w[n] = take(p->w, narrow, (column + (size_t)n) * p->w_stride + i);
        for (int r = 0; r < rows; r++) {
            const lanes x = load(p->x + (row + (size_t)r) * p->in + i);
            for (int n = 0; n < columns; n++)
                sums[r][n] += x * w[n];
        }
    }
    for (int r = 0; r < rows; r++)
        for (int n = 0; n < columns; n++)
            p->y[(row + (size_t)r) * p->out + column + (size_t)n] = sum_of(sums[r][n]);
}

// Rows of w stay in the first cache while those of x pass by: w is read once.
INLINE void dot_rows(const vb_row_product *p, bool narrow)
{
    for (size_t column = 0; column < p->out; column += COLUMNS) {
        size_t row = 0;
        for (; row + QUERIES <= p->rows; row += QUERIES)
            dot_tile(p, narrow, row, column, QUERIES, COLUMNS);
        for (; row < p->rows; row++)
            dot_tile(p, narrow, row, column, 1, COLUMNS);
    }
}

static void times_columns(const vb_row_product *p)
{
    if (p->type == VB_BF16)
        dot_rows(p, true);
    else
        dot_rows(p, false);
}

// Four rows of four.
INLINE void transpose_quads(float *out, size_t out_stride, const float *in,
                            size_t in_stride)
{
    quad a, b, c, d;
    memcpy(&a, in, sizeof a);
    memcpy(&b, in + in_stride, sizeof b);
    memcpy(&c, in + 2 * in_stride, sizeof c);
    memcpy(&d, in + 3 * in_stride, sizeof d);
    const quad ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    const quad cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    const quad AB = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const quad CD = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    const quad columns[4] = {
        __builtin_shufflevector(ab, cd, 0, 1, 4, 5),
        __builtin_shufflevector(ab, cd, 2, 3, 6, 7),
        __builtin_shufflevector(AB, CD, 0, 1, 4, 5),
        __builtin_shufflevector(AB, CD, 2, 3, 6, 7),
    };
    for (size_t i = 0; i < 4; i++)
        memcpy(out + i * out_stride, &columns[i], sizeof columns[i]);
}

// Keys as columns: out [head_dim, VB_KEY_BLOCK], zero where there is no key.
static void transpose_keys(float *out, const vb_attend *a)
{
    const size_t whole = a->keys / 4 * 4;
    if (a->keys < VB_KEY_BLOCK)
        memset(out, 0, (size_t)a->head_dim * VB_KEY_BLOCK * sizeof *out);
    for (size_t key = 0; key < whole; key += 4)
        for (size_t d = 0; d < a->head_dim; d += 4)
            transpose_quads(out + d * VB_KEY_BLOCK + key, VB_KEY_BLOCK,
                            a->k + key * a->k_stride + d, a->k_stride);
    for (size_t key = whole; key < a->keys; key++)
        for (size_t d = 0; d < a->head_dim; d++)
            out[d * VB_KEY_BLOCK + key] = a->k[key * a->k_stride + d];
}

// Scores of one query become weights of the first `seen` keys, and zero behind them; what
// was summed before is scaled to the new largest score.
static void weigh(const vb_attend *a, float *scores, uint32_t query, uint32_t seen)
{
    for (uint32_t j = seen; j < VB_KEY_BLOCK; j++)
        scores[j] = -INFINITY;
    lanes most = load(scores);
    for (int j = VB_LANES; j < VB_KEY_BLOCK; j += VB_LANES)
        most = larger(most, load(scores + j));
    const float before = a->largest[query], now = fmaxf(before, largest_of(most));
    lanes sums = {0};
    for (uint32_t j = 0; j < VB_KEY_BLOCK; j += VB_LANES) {
        lanes weights = exponential(load(scores + j) - now);
        if (j + VB_LANES > seen)
            weights = load_some((const float *)&weights, j < seen ? seen - j : 0);
        store(scores + j, weights);
        sums += weights;
    }
    float *o = a->o + (size_t)query * a->head_dim;
    if (now > before) {
        const float scale = expf(before - now);
        a->sum[query] *= scale;
        for (uint32_t d = 0; d < a->head_dim; d += VB_LANES)
            store(o + d, load(o + d) * scale);
    }
    a->largest[query] = now;
    a->sum[query] += sum_of(sums);
}

static float largest_of_row(const float *x, size_t count)
{
    const size_t whole = count / VB_LANES * VB_LANES;
    lanes most = all(-INFINITY);
    for (size_t i = 0; i < whole; i += VB_LANES)
        most = larger(most, load(x + i));
    float largest = largest_of(most);
    for (size_t i = whole; i < count; i++)
        largest = x[i] > largest ? x[i] : largest;
    return largest;
}

enum { SOME = 64 * VB_LANES };

// The sum of e^(x - largest), and that of x. Sums of some values are floats, and those of
// all are added up in double: a row of a vocabulary has thousands of small ones beside a
// few large.
static void sum_row(double *exponentials, double *values, const float *x, size_t count,
                    float largest)
{
    const size_t whole = count / VB_LANES * VB_LANES;
    *exponentials = *values = 0;
    for (size_t at = 0; at < whole; at += SOME) {
        const size_t end = whole - at < SOME ? whole : at + SOME;
        lanes powers = {0}, sums = {0};
        for (size_t i = at; i < end; i += VB_LANES) {
            powers += exponential(load(x + i) - largest);
            sums += load(x + i);
        }
        *exponentials += (double)sum_of(powers);
        *values += (double)sum_of(sums);
    }
    const lanes last = exponential(load_some(x + whole, count - whole) - largest);
    for (size_t i = whole; i < count; i++) {
        *exponentials += (double)last[i - whole];
        *values += (double)x[i];
    }
}

// Most of a row is passed over in blocks, none of which has a value that is large enough.
static void topk_row(float *y, const float *x, size_t count, uint32_t k)
{
    enum { BLOCK = 8 * VB_LANES };
    float *values = y + VB_TOPK_VALUES, *columns = values + k;
    uint32_t found = 0;
    for (size_t first = 0; first < count; first += BLOCK) {
        const size_t end = count - first < BLOCK ? count : first + BLOCK;
        if (found == k && !(largest_of_row(x + first, end - first) > values[k - 1]))
            continue;
        for (size_t i = first; i < end; i++) {
            if (found == k && !(x[i] > values[k - 1]))
                continue;
            uint32_t at = found < k ? found++ : k - 1;
            for (; at > 0 && x[i] > values[at - 1]; at--) {
                values[at] = values[at - 1];
                columns[at] = columns[at - 1];
            }
            values[at] = x[i];
            columns[at] = (float)i;
        }
    }
    double exponentials, sum;
    sum_row(&exponentials, &sum, x, count, values[0]);
    y[VB_TOPK_SUM] = (float)exponentials;
    y[VB_TOPK_MEAN] = (float)(sum / (double)count);
}

static float weigh_row(uint16_t *weights, const float *scores, size_t seen,
                       size_t count, float *so_far)
{
    const size_t whole = seen / VB_LANES * VB_LANES, left = seen - whole;
    const float largest = fmaxf(*so_far, largest_of_row(scores, seen));
    lanes sums = {0};
    *so_far = largest;
    for (size_t i = 0; i < whole; i += VB_LANES) {
        const lanes weight = short_exponential(load(scores + i) - largest);
        const halves narrowed = narrow_lanes(weight);
        memcpy(weights + i, &narrowed, sizeof narrowed);
        sums += weight;
    }
    memset(weights + whole, 0, (count - whole) * sizeof *weights);
    if (left) {
        lanes weight = short_exponential(load_some(scores + whole, left) - largest);
        weight = load_some((const float *)&weight, left);
        const halves narrowed = narrow_lanes(weight);
        memcpy(weights + whole, &narrowed, left * sizeof *weights);
        sums += weight;
    }
    return sum_of(sums);
}

// How many keys of the block a query sees.
INLINE uint32_t seen_of(const vb_attend *a, uint32_t query)
{
    const uint32_t seen = a->seen[query];
    return seen <= a->first ? 0 : seen - a->first < a->keys ? seen - a->first : a->keys;
}

// Scores of `count` keys, at most VB_LANES: of the others those of the last.
INLINE lanes score_keys(const float *q, const float *k, size_t stride, size_t count,
                        size_t head_dim)
{
    lanes sums[VB_LANES] = {{0}};
    for (size_t d = 0; d < head_dim; d += VB_LANES) {
        const lanes x = load(q + d);
        for (size_t i = 0; i < VB_LANES; i++)
            sums[i] += x * load(k + (i < count ? i : count - 1) * stride + d);
    }
    return sums_of(sums);
}

// Scores of few queries, for which turning the keys about would not pay.
static void score_rows(float *scores, const vb_attend *a, uint32_t first, uint32_t rows)
{
    for (size_t key = 0; key < a->keys; key += VB_LANES) {
        const float *k = a->k + key * a->k_stride;
        const size_t left = a->keys - key;
        for (size_t r = 0; r < rows; r++) {
            const float *q = a->q + (first + r) * a->head_dim;
            float *out = scores + r * VB_KEY_BLOCK + key;
            if (left >= VB_LANES)
                store(out, score_keys(q, k, a->k_stride, VB_LANES, a->head_dim));
            else
                store(out, score_keys(q, k, a->k_stride, left, a->head_dim));
        }
    }
}

// At most QUERIES queries, whose scores are known.
static void take_block_values(const vb_attend *a, float *scores, uint32_t first,
                              uint32_t rows)
{
    uint32_t most = 0;
    for (uint32_t r = 0; r < rows; r++) {
        float *row = scores + (size_t)r * VB_KEY_BLOCK;
        const uint32_t seen = seen_of(a, first + r);
        most = seen > most ? seen : most;
        if (seen)
            weigh(a, row, first + r, seen);
        else
            memset(row, 0, VB_KEY_BLOCK * sizeof *row);
    }
    multiply(a->o + (size_t)first * a->head_dim, a->head_dim, scores, VB_KEY_BLOCK,
             a->v, a->v_stride, most, a->head_dim, rows, true);
}

static void attend(const vb_attend *a)
{
    float *columns = a->room;
    float *scores = a->room + (size_t)a->head_dim * VB_KEY_BLOCK;
    const bool few = a->queries <= FEW_QUERIES;
    if (!few)
        transpose_keys(columns, a);
    for (uint32_t first = 0; first < a->queries; first += QUERIES) {
        const uint32_t left = a->queries - first,
                       rows = left < QUERIES ? left : QUERIES;
        if (few)
            score_rows(scores, a, first, rows);
        else
            multiply(scores, VB_KEY_BLOCK, a->q + (size_t)first * a->head_dim,
                     a->head_dim, columns, VB_KEY_BLOCK, a->head_dim, VB_KEY_BLOCK,
                     rows, false);
        take_block_values(a, scores, first, rows);
    }
}

// Sums enough for the units to start another while the first is not ready. Factors that a
// compiler does not know, sums that differ, and results that are looked at keep it from
// leaving any out.
enum { SUMS = 12, STEPS = 64 };

static double burn(uint32_t rounds)
{
    volatile float factor = 0.5F;
    lanes sums[SUMS];
    for (int i = 0; i < SUMS; i++)
        sums[i] = all((float)i);
    for (uint32_t r = 0; r < rounds; r++) {
        const lanes x = all(factor), y = all(factor);
        for (int step = 0; step < STEPS; step++)
            for (int i = 0; i < SUMS; i++)
                sums[i] = sums[i] * x + y;
    }
    for (int i = 1; i < SUMS; i++)
        sums[0] += sums[i];
    return sum_of(sums[0]) > 0 ? 2.0 * (VB_LANES * SUMS * STEPS) * rounds : 0;
}

#ifdef __AVX512BF16__
static double burn_bf16(uint32_t rounds)
{
    volatile short factor = 0x3f80; // 1
    __m512 sums[SUMS];
    for (int i = 0; i < SUMS; i++)
        sums[i] = (__m512)all((float)i);
    for (uint32_t r = 0; r < rounds; r++) {
        const __m512bh x = (__m512bh)_mm512_set1_epi16(factor);
        for (int step = 0; step < STEPS; step++)
            for (int i = 0; i < SUMS; i++)
                sums[i] = _mm512_dpbf16_ps(sums[i], x, x);
    }
    for (int i = 1; i < SUMS; i++)
        sums[0] += sums[i];
    return sum_of((lanes)sums[0]) > 0 ? 4.0 * (VB_LANES * SUMS * STEPS) * rounds : 0;
}
#endif

const vb_kernels VB_KERNELS = {
    .name = VB_KERNELS_NAME,
    .finish_row = finish_row,
    .narrow_row = narrow_row,
    .normalise_row = normalise_row,
    .attend = attend,
    .weigh_row = weigh_row,
    .topk_row = topk_row,
    .times_rows = times_rows,
    .times_columns = times_columns,
    .burn = burn,
#ifdef __AVX512BF16__
    .burn_bf16 = burn_bf16,
#endif
};
