// op_params.h - push constants, read by both the C compiler and glslang.
// Only 32-bit scalars and structs of them, so the two layouts cannot differ. At most 128
// bytes each: the least that Vulkan promises, and all that llvmpipe gives.
#ifndef VB_OP_PARAMS_H
#define VB_OP_PARAMS_H

#ifdef __STDC_VERSION__
#include <stdint.h>
#define VB_UINT  uint32_t
#define VB_FLOAT float
#define VB_VIEW  struct vb_view
#else
#define VB_UINT  uint
#define VB_FLOAT float
#define VB_VIEW  vb_view
#endif

// Rows of a weight matrix that lie together for linear_lavapipe.comp.
#define VB_PANEL_ROWS 32

// Where a tensor lies in its binding. In elements, or in vec4 where the shader says so.
struct vb_view {
    VB_UINT offset;
    VB_UINT row_stride;
    VB_UINT batch_stride;
};

// vb_linear_params.flags
#define VB_LINEAR_BIAS     1
#define VB_LINEAR_GELU     2
#define VB_LINEAR_RESIDUAL 4
#define VB_LINEAR_RELU     8

// Which operands lie in halves: y; x, or q of attention; k and v.
#define VB_HALVES_Y  1
#define VB_HALVES_X  2
#define VB_HALVES_KV 4

// x is in vec4, or in fours of halves.
struct vb_linear_params {
    VB_VIEW y, x, residual;
    VB_UINT bias; // offset
    VB_UINT batch, rows, in_cols, out_cols;
    VB_UINT flags;
    VB_UINT group_cols; // of a workgroup of linear_rows.comp
};

struct vb_layernorm_params {
    VB_VIEW y, x;
    VB_UINT gain, bias; // offsets
    VB_UINT batch, rows, cols;
    VB_FLOAT eps;
};

// k and v with batch_stride 0 serve the whole batch.
struct vb_attention_params {
    VB_VIEW y, q, k, v;
    VB_UINT lengths; // offset
    VB_UINT has_lengths;
    VB_UINT batch, heads, q_len, kv_len;
    VB_UINT causal, first_query;
    VB_FLOAT scale;
    VB_UINT chunks, chunk_keys; // of keys, for workgroups of their own; 1 = all of them
};

// x and w are in vec4. Of each group there are `heads` products of `rows` rows: row r of group g
// is row (g * rows + r) % y_rows of matrix (g * rows + r) / y_rows of y, and so of x.
struct vb_product_params {
    VB_VIEW y, x, w;
    VB_UINT y_rows, x_rows;
    VB_UINT y_head, x_head, w_head; // from one head to the next
    VB_UINT heads, rows, in_cols, out_cols;
    VB_UINT bias, has_bias; // offset; of all heads one after another
    VB_FLOAT scale;
};

// frames: offset in 32-bit words, the frames are packed.
struct vb_patchify_params {
    VB_VIEW y;
    VB_UINT frames;
    VB_UINT count, side, patch_side;
    VB_FLOAT mean_r, mean_g, mean_b;
    VB_FLOAT deviation_r, deviation_g, deviation_b;
};

struct vb_embed_params {
    VB_VIEW y;
    VB_UINT ids, positions, position_stride; // position 0 is the first that is used
    VB_UINT batch, rows, cols;
};

// copy, add_rows (x without batch), set_row (x one row), mean_rows, l2norm
struct vb_rows_params {
    VB_VIEW y, x;
    VB_UINT batch, rows, cols;
    VB_FLOAT eps; // l2norm
};

// A row is in so many parts at most, for topk_parts.comp and topk.comp.
#define VB_TOPK_PARTS 512

struct vb_topk_params {
    VB_VIEW y, x;
    VB_UINT ids; // offset
    VB_UINT has_ids;
    VB_UINT batch, rows, cols;
    VB_UINT parts; // VB_TOPK_PARTS, or the quads of columns if they are fewer
    VB_UINT k;
};

#endif // VB_OP_PARAMS_H
