// product_lavapipe.comp - y = scale * x w^T + bias, or with IN_ROWS scale * x w, for
// matrices of a batch that are no weights in panels: one workgroup, which is one subgroup of
// 8, per tile of ROWS rows by 32 columns of y. Offsets and strides of x and w are in texels.
//
// For Mesa's llvmpipe, as linear_lavapipe.comp: lane i fetches row i of x, and each of its
// elements is handed to all lanes. A texel of w is four of the elements that are summed over,
// for column i, i + 8, i + 16 or i + 24; IN_ROWS: one of those for columns 4 i .. 4 i + 3.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "op_params.h"

layout(constant_id = 0) const uint ROWS = 16u; // 1 .. 16

const uint LANES = 8u, COLS = 4u, TILE_COLS = LANES * COLS;
const uint DEPTH = 2u; // quads of x per turn of the loop

layout(local_size_x = 8) in;

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 1, rgba32f) readonly uniform imageBuffer x;
layout(set = 0, binding = 2, rgba32f) readonly uniform imageBuffer w;
layout(set = 0, binding = 3) readonly buffer Bias { float bias[]; };
layout(push_constant) uniform Params { vb_product_params p; };

const uint FETCHES = (ROWS + LANES - 1u) / LANES;
const uint FETCHED = ROWS < LANES ? ROWS : LANES; // rows that one fetch of x gives

uint place(vb_view view, uint line, uint matrix_rows, uint head)
{
    return view.offset + line / matrix_rows * view.batch_stride +
           line % matrix_rows * view.row_stride + head;
}

void main()
{
    uint lane = gl_LocalInvocationID.x;
    uint tiles = (p.rows + ROWS - 1u) / ROWS;
    uint matrix = gl_WorkGroupID.y / tiles;
    uint head = matrix % p.heads, group = matrix / p.heads;
    uint row0 = gl_WorkGroupID.y % tiles * ROWS, col0 = gl_WorkGroupID.x * TILE_COLS;
    uint first = group * p.rows; // of the lines of all groups
    uint quads = (p.in_cols + 3u) / 4u;
    uint w_base = p.w.offset + group * p.w.batch_stride + head * p.w_head;

    int x_at[FETCHES];
    [[unroll]] for (uint f = 0u; f < FETCHES; f++)
        x_at[f] = int(place(p.x, first + min(row0 + f * LANES + lane, p.rows - 1u),
                            p.x_rows, head * p.x_head));
#ifdef IN_ROWS // past the last row of w, x is zero
    int w_at = int(w_base + min(col0 / 4u + lane, p.out_cols / 4u - 1u));
#define FETCH(q, c)                                                                    \
    imageLoad(w, w_at + int(min(4u * (quad + q) + c, p.in_cols - 1u) * p.w.row_stride))
#else
    int w_at[COLS];
    [[unroll]] for (uint c = 0u; c < COLS; c++)
        w_at[c] = int(w_base +
                      min(col0 + c * LANES + lane, p.out_cols - 1u) * p.w.row_stride);
#define FETCH(q, c) imageLoad(w, w_at[c] + int(quad + q))
#endif

    // Of row r: sum[r][c] is that of column c of the lane.
    vec4 sum[ROWS];
    [[unroll]] for (uint r = 0u; r < ROWS; r++)
        sum[r] = vec4(0.0);

    // All fetches of a turn come first: calls spill every vector that is live.
#define TURN(depth)                                                                    \
    {                                                                                  \
        vec4 a[depth][FETCHES], b[depth][COLS];                                        \
        [[unroll]] for (uint q = 0u; q < depth; q++) {                                 \
            [[unroll]] for (uint f = 0u; f < FETCHES; f++)                             \
                a[q][f] = imageLoad(x, x_at[f] + int(quad + q));                       \
            [[unroll]] for (uint c = 0u; c < COLS; c++)                                \
                b[q][c] = FETCH(q, c);                                                 \
        }                                                                              \
        [[unroll]] for (uint f = 0u; f < FETCHES; f++)                                 \
            [[unroll]] for (uint q = 0u; q < depth; q++)                               \
                [[unroll]] for (uint j = 0u; j < 4u; j++)                              \
                    [[unroll]] for (uint i = 0u; i < FETCHED; i++) {                   \
                        if (f * LANES + i >= ROWS)                                     \
                            continue;                                                  \
                        float e = subgroupShuffle(a[q][f][j], i);                      \
                        [[unroll]] for (uint c = 0u; c < COLS; c++)                    \
                            sum[f * LANES + i][c] =                                    \
                                fma(e, WEIGHT(q, c, j), sum[f * LANES + i][c]);        \
                    }                                                                  \
    }
#ifdef IN_ROWS
#define WEIGHT(q, c, j) b[q][j][c]
#else
#define WEIGHT(q, c, j) b[q][c][j]
#endif
    uint quad = 0u;
    for (; quad + DEPTH <= quads; quad += DEPTH)
        TURN(DEPTH)
    for (; quad < quads; quad++)
        TURN(1u)

    [[unroll]] for (uint c = 0u; c < COLS; c++) {
#ifdef IN_ROWS
        uint col = col0 + 4u * lane + c;
#else
        uint col = col0 + c * LANES + lane;
#endif
        bool inside = col < p.out_cols;
        float shift = 0.0;
        if (inside && p.has_bias != 0u)
            shift = bias[p.bias + head * p.out_cols + col];
        [[unroll]] for (uint r = 0u; r < ROWS; r++)
            if (row0 + r < p.rows && inside)
                y[place(p.y, first + row0 + r, p.y_rows, head * p.y_head) + col] =
                    sum[r][c] * p.scale + shift;
    }
}
