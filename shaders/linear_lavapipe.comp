// linear_lavapipe.comp - one workgroup, which is one subgroup of 8, per tile of ROWS rows
// by 32 columns of y. Tiles along x are columns, along y rows of all the batch.
//
// For Mesa's llvmpipe, where barriers and shared memory cost more than they save, a texel
// fetch is four vector loads, and a shuffle by a constant is one instruction: lane i
// fetches row i of x and columns i, i + 8, i + 16, i + 24 of w, four of their elements at
// a time, and each element of x is then handed to all lanes.
//
// WEIGHTS_F16: w is halves, eight columns in a texel. A texel is 16 bytes as well, so
// there are half as many fetches.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "common.glsl"
#include "op_params.h"

layout(constant_id = 0) const uint ROWS = 16u; // 1 .. 16

const uint LANES = 8u, COLS = VB_PANEL_ROWS / LANES;
const uint DEPTH = 4u; // fetches of four columns per turn of the loop

layout(local_size_x = 8) in;

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 1, rgba32f) readonly uniform imageBuffer x;
#ifdef WEIGHTS_F16 // panels: matrix.c
layout(set = 0, binding = 2, rgba32ui) readonly uniform uimageBuffer w;
#else
layout(set = 0, binding = 2, rgba32f) readonly uniform imageBuffer w;
#endif
layout(set = 0, binding = 3) readonly buffer Bias { float bias[]; };
layout(set = 0, binding = 4) readonly buffer Residual { float residual[]; };
layout(push_constant) uniform Params { vb_linear_params p; };

const uint FETCHES = (ROWS + LANES - 1u) / LANES;
const uint FETCHED = ROWS < LANES ? ROWS : LANES; // rows that one fetch of x gives

uint place(vb_view view, uint line)
{
    return view.offset + line / p.rows * view.batch_stride +
           line % p.rows * view.row_stride;
}

#ifdef WEIGHTS_F16
vec4 halves(uvec2 bits)
{
    return vec4(unpackHalf2x16(bits.x), unpackHalf2x16(bits.y));
}
#endif

void main()
{
    uint lane = gl_LocalInvocationID.x;
    uint col0 = gl_WorkGroupID.x * VB_PANEL_ROWS + lane;
    uint line0 = gl_WorkGroupID.y * ROWS;
    uint lines = p.batch * p.rows;
    uint quads = p.in_cols / 4u;
    #ifdef WEIGHTS_F16
    uint texels = (quads + 1u) / 2u;
#else
    uint texels = quads;
#endif
    int w_at = int(gl_WorkGroupID.x * texels * VB_PANEL_ROWS + lane);
    int x_at[FETCHES];
    [[unroll]] for (uint f = 0u; f < FETCHES; f++)
        x_at[f] = int(place(p.x, min(line0 + f * LANES + lane, lines - 1u)));

    float sum[ROWS][COLS];
    [[unroll]] for (uint r = 0u; r < ROWS; r++)
        [[unroll]] for (uint c = 0u; c < COLS; c++)
            sum[r][c] = 0.0;

    // All fetches of a turn come first: calls spill every vector that is live.
#ifdef WEIGHTS_F16
#define TEXELS(depth) uvec4 texel[(depth + 1u) / 2u][COLS]
#define FETCH(q, c)                                                                    \
    if (q % 2u == 0u)                                                                  \
    texel[q / 2u][c] =                                                                 \
        imageLoad(w, w_at + int((quad + q) / 2u * VB_PANEL_ROWS + c * LANES))
    // The second half of a texel: of every second fetch, or where a turn of one is.
#define WEIGHTS(q, c)                                                                  \
    halves(q % 2u + quad % 2u != 0u ? texel[q / 2u][c].zw : texel[q / 2u][c].xy)
#else
#define TEXELS(depth) vec4 texel[depth][COLS]
#define FETCH(q, c)                                                                    \
    texel[q][c] = imageLoad(w, w_at + int((quad + q) * VB_PANEL_ROWS + c * LANES))
#define WEIGHTS(q, c) texel[q][c]
#endif
#define TURN(depth)                                                                    \
    {                                                                                  \
        vec4 a[depth][FETCHES], b[depth][COLS];                                        \
        TEXELS(depth);                                                                 \
        [[unroll]] for (uint q = 0u; q < depth; q++) {                                 \
            [[unroll]] for (uint f = 0u; f < FETCHES; f++)                             \
                a[q][f] = imageLoad(x, x_at[f] + int(quad + q));                       \
            [[unroll]] for (uint c = 0u; c < COLS; c++)                                \
                FETCH(q, c);                                                           \
        }                                                                              \
        [[unroll]] for (uint q = 0u; q < depth; q++)                                   \
            [[unroll]] for (uint c = 0u; c < COLS; c++)                                \
                b[q][c] = WEIGHTS(q, c);                                               \
        [[unroll]] for (uint f = 0u; f < FETCHES; f++)                                 \
            [[unroll]] for (uint q = 0u; q < depth; q++)                               \
                [[unroll]] for (uint j = 0u; j < 4u; j++)                              \
                    [[unroll]] for (uint i = 0u; i < FETCHED; i++) {                   \
                        if (f * LANES + i >= ROWS)                                     \
                            continue;                                                  \
                        float e = subgroupShuffle(a[q][f][j], i);                      \
                        [[unroll]] for (uint c = 0u; c < COLS; c++)                    \
                            sum[f * LANES + i][c] =                                    \
                                fma(e, b[q][c][j], sum[f * LANES + i][c]);             \
                    }                                                                  \
    }
    uint quad = 0u;
    for (; quad + DEPTH <= quads; quad += DEPTH)
        TURN(DEPTH)
    for (; quad < quads; quad++)
        TURN(1u)

    bool inside[COLS];
    float shift[COLS];
    [[unroll]] for (uint c = 0u; c < COLS; c++) {
        inside[c] = col0 + c * LANES < p.out_cols;
        shift[c] = 0.0;
        if (inside[c] && (p.flags & VB_LINEAR_BIAS) != 0u)
            shift[c] = bias[p.bias + col0 + c * LANES];
    }
    [[unroll]] for (uint r = 0u; r < ROWS; r++) {
        uint to = place(p.y, line0 + r), from = place(p.residual, line0 + r);
        [[unroll]] for (uint c = 0u; c < COLS; c++) {
            float value = sum[r][c] + shift[c];
            if ((p.flags & VB_LINEAR_GELU) != 0u)
                value = gelu(value);
            if ((p.flags & VB_LINEAR_RELU) != 0u)
                value = max(value, 0.0);
            if (line0 + r < lines && inside[c]) {
                if ((p.flags & VB_LINEAR_RESIDUAL) != 0u)
                    value += residual[from + col0 + c * LANES];
                y[to + col0 + c * LANES] = value;
            }
        }
    }
}
