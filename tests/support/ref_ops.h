// ref_ops.h - what every op of compute/ops.h means, in double precision and plain loops.
//
// Arrays are packed; shapes are those of ops.h. These are the truth that devices are
// judged against, so they are written to be read, not to be fast.
#ifndef REF_OPS_H
#define REF_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef double (*ref_act)(double x);
double ref_gelu(double x); // exact erf form
double ref_relu(double x);

// y [rows, out] = act(x [rows, in] * w [out, in]^T + bias [out]) + residual [rows, out].
// act, bias and residual may be NULL.
void ref_linear(double *y, const float *x, const float *w, const float *bias,
                const float *residual, size_t rows, size_t in, size_t out, ref_act act);

void ref_layernorm(double *y, const float *x, const float *gain, const float *bias,
                   size_t rows, size_t cols, double eps);

typedef struct ref_attention_shape {
    size_t batch, kv_batch; // kv_batch is 1 or batch
    size_t q_len, kv_len, heads, head_dim;
    bool causal;
    size_t first_query;
    const int32_t *lengths; // [batch] or NULL
} ref_attention_shape;

// y, q [batch, q_len, heads * head_dim]; k, v [kv_batch, kv_len, heads * head_dim].
// `scores` has room for kv_len values.
void ref_attention(double *y, const float *q, const float *k, const float *v,
                   const ref_attention_shape *shape, double *scores);

// y [count, grid * grid, 3 * patch * patch], frames [count, side, side, 3].
void ref_patchify(double *y, const uint8_t *frames, size_t count, size_t side,
                  size_t patch, const float mean[3], const float deviation[3]);

// y [tokens, cols] for one row of ids [tokens]; positions starts at first_position.
void ref_embed(double *y, const int32_t *ids, const float *words,
               const float *positions, size_t tokens, size_t cols);

// y [batch, rows, cols] = before [batch, rows, cols] + x [rows, cols].
void ref_add_rows(double *y, const float *before, const float *x, size_t batch,
                  size_t rows, size_t cols);

// y [batch, rows, cols] = before, but for row `row` of every matrix, which is x [cols].
void ref_set_row(double *y, const float *before, const float *x, size_t batch,
                 size_t rows, size_t cols, size_t row);

// y [batch, cols] = mean over the rows of x [batch, rows, cols].
void ref_mean_rows(double *y, const float *x, size_t batch, size_t rows, size_t cols);

// y [3 + 2 * k] of a row x [count]: see vb_topk. `id` < 0: nothing is gathered.
void ref_topk(double *y, const float *x, size_t count, size_t k, int32_t id);

void ref_l2norm(double *y, const float *x, size_t rows, size_t cols, double eps);

// Normalised mean squared error: sum (got - want)^2 / sum want^2. NaN when any `got` is
// not finite; the plain sum of squares when `want` is all zero.
double ref_nmse(const float *got, const double *want, size_t count);

#endif // REF_OPS_H
