// ops.h - the whole vocabulary the model is written in.
//
// An op records; what it computes is certain to be there when a download of it is, after
// vb_recorder_submit(). Ops return
// nothing: the first bad shape, type or allocation is latched in the recorder, later ops
// are ignored, and submit reports it. A forward pass therefore reads as a straight list:
//
//     vb_layernorm(rec, .y = h, .x = x, .gain = w->gain, .bias = w->bias, .eps = eps);
//
// Operands are named at the call. One left out is absent, where the comment allows it.
// Outputs come first, and may overlap inputs only where the comment says "in place".
// Shapes are [batch, rows, cols]; everything is VB_F32 where nothing else is said. An
// operand that is called an activation may be VB_F32 or what vb_device_activations() of
// its device is, then with columns and strides that are multiples of 8; sums are floats all
// the same.
#ifndef VB_COMPUTE_OPS_H
#define VB_COMPUTE_OPS_H

#include "compute/tensor.h"

typedef struct vb_recorder vb_recorder;
typedef struct vb_matrix vb_matrix;

// GELU is the exact erf form.
typedef enum vb_act { VB_ACT_NONE, VB_ACT_GELU, VB_ACT_RELU } vb_act;

// y[b,r,o] = act(sum_i x[b,r,i] * w[o,i] + bias[o]) + residual[b,r,o]
// x [b,r,i], y [b,r,o], both activations, w made with VB_USE_LINEAR, bias [1,1,o].
#define vb_linear(rec, ...) vb_linear_op(rec, &(vb_linear_args){__VA_ARGS__})
typedef struct vb_linear_args {
    vb_tensor y, x;
    const vb_matrix *w;
    vb_tensor bias;     // optional
    vb_tensor residual; // optional, shaped like y; may be y itself, in place
    vb_act act;
} vb_linear_args;
void vb_linear_op(vb_recorder *rec, const vb_linear_args *args);

// y = gain * (x - mean) / sqrt(var + eps) + bias over each row, biased variance. Two
// passes: BLIP's residual stream has outliers that E[x^2] - E[x]^2 does not survive.
// x, y [b,r,c], y an activation, gain and bias [1,1,c]. y may be x, in place.
#define vb_layernorm(rec, ...) vb_layernorm_op(rec, &(vb_layernorm_args){__VA_ARGS__})
typedef struct vb_layernorm_args {
    vb_tensor y, x, gain, bias;
    float eps;
} vb_layernorm_args;
void vb_layernorm_op(vb_recorder *rec, const vb_layernorm_args *args);

// y = softmax(q k^T / sqrt(head_dim)) v for each head; head h owns columns h * head_dim
// and up. head_dim is a multiple of 16, at most 128.
// q, y [b, q_len, heads * head_dim]; k, v [b or 1, kv_len, heads * head_dim]: one k and
// v for all of the batch when their batch is 1. y is an activation, and so are q and, both
// of one type, k and v where caps.narrow_keys.
#define vb_attention(rec, ...) vb_attention_op(rec, &(vb_attention_args){__VA_ARGS__})
typedef struct vb_attention_args {
    vb_tensor y, q, k, v;
    uint32_t heads;
    bool causal;          // query i sees keys 0 .. first_query + i
    uint32_t first_query; // with causal: how many keys were there before query 0
    vb_tensor lengths; // optional VB_I32 [1,1,b]: matrix i sees keys 0 .. lengths[i]-1,
                       // 1 <= lengths[i] <= kv_len
} vb_attention_args;
void vb_attention_op(vb_recorder *rec, const vb_attention_args *args);

// What vb_linear and vb_attention make of keys and values [n, 2 * D] = x w^T + bias, keys
// first, when neither is made: q_h (x Wk_h^T)^T = (q_h Wk_h) x^T, the bias of keys adds
// the same to all scores of a query, and the weights of values come behind the softmax.
// For few queries: one costs heads * x.cols / D times as much, and keys nothing.
// q, y [b, t, D], y an activation, x [b or 1, n, C] an activation with packed rows, C a
// multiple of 16, w [2 * D, C] made with VB_USE_ROWS, bias [1,1,2 * D]. D / heads is a
// multiple of 16. Only where vb_device_absorbs.
#define vb_absorbed_attention(rec, ...)                                                \
    vb_absorbed_attention_op(rec, &(vb_absorbed_attention_args){__VA_ARGS__})
typedef struct vb_absorbed_attention_args {
    vb_tensor y, q, x;
    const vb_matrix *w;
    vb_tensor bias;
    uint32_t heads;
} vb_absorbed_attention_args;
void vb_absorbed_attention_op(vb_recorder *rec, const vb_absorbed_attention_args *args);

// Normalised patches of RGB frames: y[f, gy*grid + gx, (c*P + py)*P + px] =
// (frames[f, gy*P + py, (gx*P + px)*3 + c] / 255 - mean[c]) / deviation[c].
// frames VB_U8 [f, side, side*3], y [f, grid*grid, 3*P*P], side = grid * P.
#define vb_patchify(rec, ...) vb_patchify_op(rec, &(vb_patchify_args){__VA_ARGS__})
typedef struct vb_patchify_args {
    vb_tensor y, frames;
    uint32_t patch; // P
    float mean[3], deviation[3];
} vb_patchify_args;
void vb_patchify_op(vb_recorder *rec, const vb_patchify_args *args);

// y[b,t,:] = words[ids[b,t],:] + positions[first_position + t,:]
// ids VB_I32 [1,b,t], each below the rows of `words` (made with VB_USE_ROWS: the caller
// answers for it), positions [1,p,c], y [b,t,c].
#define vb_embed(rec, ...) vb_embed_op(rec, &(vb_embed_args){__VA_ARGS__})
typedef struct vb_embed_args {
    vb_tensor y, ids;
    const vb_matrix *words;
    vb_tensor positions;
    uint32_t first_position;
} vb_embed_args;
void vb_embed_op(vb_recorder *rec, const vb_embed_args *args);

// y[b,r,:] += x[r,:], in place. y [b,r,c], x [1,r,c].
#define vb_add_rows(rec, ...) vb_add_rows_op(rec, &(vb_add_rows_args){__VA_ARGS__})
typedef struct vb_add_rows_args {
    vb_tensor y, x;
} vb_add_rows_args;
void vb_add_rows_op(vb_recorder *rec, const vb_add_rows_args *args);

// y[b,row,:] = x for every b. y [b,r,c], x [1,1,c].
#define vb_set_row(rec, ...) vb_set_row_op(rec, &(vb_set_row_args){__VA_ARGS__})
typedef struct vb_set_row_args {
    vb_tensor y, x;
    uint32_t row;
} vb_set_row_args;
void vb_set_row_op(vb_recorder *rec, const vb_set_row_args *args);

// y[b,0,:] = mean over r of x[b,r,:]. x [b,r,c], y [b,1,c].
#define vb_mean_rows(rec, ...) vb_mean_rows_op(rec, &(vb_mean_rows_args){__VA_ARGS__})
typedef struct vb_mean_rows_args {
    vb_tensor y, x;
} vb_mean_rows_args;
void vb_mean_rows_op(vb_recorder *rec, const vb_mean_rows_args *args);

// y = x / max(|x|, eps) over each row (torch F.normalize). x, y [b,r,c]; in place.
#define vb_l2norm(rec, ...) vb_l2norm_op(rec, &(vb_l2norm_args){__VA_ARGS__})
typedef struct vb_l2norm_args {
    vb_tensor y, x;
    float eps;
} vb_l2norm_args;
void vb_l2norm_op(vb_recorder *rec, const vb_l2norm_args *args);

// What a softmax and a search need of each row of x: y[b,r,:] is, in this order, the sum of
// e^(x - largest); the mean of x; x[b,r,ids[b,r]], or 0 without ids; the k largest of x, the
// largest first, of equals that of the lower column; and the columns of these, as whole
// numbers. If an element is not finite, neither is the mean, and the others may be anything.
// x [b,r,c], 1 <= k <= VB_TOPK_MOST, k <= c <= 2^24, y [b,r,vb_topk_cols(k)], ids VB_I32
// [1,b,r], packed, each below c (the caller answers for it).
enum {
    VB_TOPK_SUM,
    VB_TOPK_MEAN,
    VB_TOPK_GATHERED,
    VB_TOPK_VALUES, // first of the k; their columns are behind them
    VB_TOPK_MOST = 192
};
static inline uint32_t vb_topk_cols(uint32_t k)
{
    return VB_TOPK_VALUES + 2 * k;
}
#define vb_topk(rec, ...) vb_topk_op(rec, &(vb_topk_args){__VA_ARGS__})
typedef struct vb_topk_args {
    vb_tensor y, x;
    vb_tensor ids; // optional
    uint32_t k;
} vb_topk_args;
void vb_topk_op(vb_recorder *rec, const vb_topk_args *args);

// Copies a packed tensor from the host; `src` is read before the call returns.
void vb_upload(vb_recorder *rec, vb_tensor y, const void *src);

// Copies a packed tensor to the host; `dst` is filled when submit returns.
void vb_download(vb_recorder *rec, void *dst, vb_tensor x);

// y = x, any strides, same shape. Both are activations, or of one type of 4 bytes.
void vb_copy(vb_recorder *rec, vb_tensor y, vb_tensor x);

#endif // VB_COMPUTE_OPS_H
