// kernels.h - the inner loops of the processor's ops, compiled once for each set of
// vector instructions. Rows are contiguous and may lie at any address.
#ifndef VB_CPU_KERNELS_H
#define VB_CPU_KERNELS_H

#include "compute/ops.h"

#include <stddef.h>
#include <stdint.h>

enum { VB_KEY_BLOCK = 64 }; // keys of one step of attention

// Some queries of one head against one block of keys: a step of a softmax that is taken
// block by block (FlashAttention's). After the last block a row of `o` is to be divided
// by its sum.
typedef struct vb_attend {
    uint32_t queries, head_dim;
    const float *q;       // [queries, head_dim], scaled
    float *o;             // [queries, head_dim], values weighted so far
    float *largest, *sum; // [queries]: of the scores so far, -INFINITY and 0 at first
    const float *k, *v;   // [keys, head_dim], rows k_stride, v_stride apart
    size_t k_stride, v_stride;
    uint32_t first, keys; // keys first .. first + keys - 1, at most VB_KEY_BLOCK
    const uint32_t *seen; // [queries]: a query sees keys 0 .. seen - 1
    float *room;          // (head_dim + VB_ATTEND_QUERIES) * VB_KEY_BLOCK values
} vb_attend;
enum { VB_ATTEND_QUERIES = 6 }; // that a kernel takes at once, at most

// y [rows, out] of x [rows, in] and weights of `type`, for few rows. Counts are multiples
// of 16, but that of rows; x and y are packed.
typedef struct vb_row_product {
    uint32_t rows, in, out;
    const float *x;
    const void *w; // VB_F32 or VB_BF16, rows w_stride values apart
    vb_dtype type;
    size_t w_stride;
    float *y;
} vb_row_product;

typedef struct vb_kernels {
    const char *name; // "avx512"
    // y = act(x + bias) + residual; bias and residual may be NULL, residual may be y.
    // y is of `type`: VB_F32, or VB_BF16 as narrow_row makes it.
    void (*finish_row)(void *y, vb_dtype type, const float *x, const float *bias,
                       const float *residual, size_t count, vb_act act);
    // To bf16: to the nearest, ties to even; what is too small for a normal float may
    // become 0.
    void (*narrow_row)(uint16_t *y, const float *x, size_t count);
    // vb_layernorm of a row to y of `type`; y may be x.
    void (*normalise_row)(void *y, vb_dtype type, const float *x, const float *gain,
                          const float *bias, size_t count, float eps);
    void (*attend)(const vb_attend *a);
    // Scores to weights in bf16: e^(score - the largest) of the first `seen` of `count`,
    // and zero of the others. Returns their sum. `largest` is that of scores before, or
    // -INFINITY, and becomes that of all.
    float (*weigh_row)(uint16_t *weights, const float *scores, size_t seen,
                       size_t count, float *largest);
    // A row of vb_topk, but for what is gathered.
    void (*topk_row)(float *y, const float *x, size_t count, uint32_t k);
    void (*times_rows)(const vb_row_product *p);    // y = x w, w [in, out]
    void (*times_columns)(const vb_row_product *p); // y = x w^T, w [out, in]
    // Keeps the arithmetic units busy with products in registers, and returns how many
    // operations that were. burn_bf16 is NULL where there are no instructions.
    double (*burn)(uint32_t rounds);
    double (*burn_bf16)(uint32_t rounds);
} vb_kernels;

extern const vb_kernels vb_kernels_base;
extern const vb_kernels vb_kernels_avx2;
extern const vb_kernels vb_kernels_avx512;
extern const vb_kernels vb_kernels_avx512bf16;

// The fastest that this processor runs.
const vb_kernels *vb_kernels_choose(void);

// All that it runs, the fastest first, NULL-terminated.
const vb_kernels *const *vb_kernels_all(void);

#endif // VB_CPU_KERNELS_H
