// linear.comp - one workgroup per tile of 64 rows by 64 columns of y; x and w go through
// shared memory, 16 of their columns at a time. Tiles along x are columns, along y rows
// of all the batch.
//
// WEIGHTS_F16: w is halves.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"
#include "op_params.h"

const uint TILE = 64u, DEPTH = 16u, THREADS = 128u;
const uint ROWS = 8u, COLS = 4u; // one invocation computes so many of y

layout(local_size_x = 128) in;

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 1) readonly buffer X { vec4 x[]; };
#ifdef WEIGHTS_F16
layout(set = 0, binding = 2) readonly buffer W { uvec2 w[]; };
#else
layout(set = 0, binding = 2) readonly buffer W { vec4 w[]; };
#endif
layout(set = 0, binding = 3) readonly buffer Bias { float bias[]; };
layout(set = 0, binding = 4) readonly buffer Residual { float residual[]; };
layout(push_constant) uniform Params { vb_linear_params p; };

shared float x_tile[DEPTH][TILE + 1u];
shared float w_tile[DEPTH][TILE + 1u];

// Where row `line`, counted through all the batch, begins.
uint place(vb_view view, uint line)
{
    return view.offset + line / p.rows * view.batch_stride +
           line % p.rows * view.row_stride;
}

// Four weights.
vec4 weights(uint i)
{
#ifdef WEIGHTS_F16
    return vec4(unpackHalf2x16(w[i].x), unpackHalf2x16(w[i].y));
#else
    return w[i];
#endif
}

// Column `quad` (in vec4) of row `row0 + i` and of weight row `col0 + i`, into shared
// memory; zero outside.
void load_tiles(uint row0, uint col0, uint quad0)
{
    uint quads = p.in_cols / 4u;
    [[unroll]] for (uint n = 0u; n < TILE * DEPTH / 4u / THREADS; n++) {
        uint i = gl_LocalInvocationID.x + n * THREADS;
        uint line = i / (DEPTH / 4u);
        uint quad = quad0 + i % (DEPTH / 4u);
        uint row = row0 + line, col = col0 + line;
        bool inside = quad < quads;
        vec4 a = vec4(0.0), b = vec4(0.0);
        if (inside && row < p.batch * p.rows)
            a = x[place(p.x, row) + quad];
        if (inside && col < p.out_cols)
            b = weights(col * quads + quad);
        uint k = 4u * (i % (DEPTH / 4u));
        [[unroll]] for (uint j = 0u; j < 4u; j++) {
            x_tile[k + j][line] = a[j];
            w_tile[k + j][line] = b[j];
        }
    }
}

void store(uint row, uint col, float sum)
{
    if (row >= p.batch * p.rows || col >= p.out_cols)
        return;
    if ((p.flags & VB_LINEAR_BIAS) != 0u)
        sum += bias[p.bias + col];
    if ((p.flags & VB_LINEAR_GELU) != 0u)
        sum = gelu(sum);
    if ((p.flags & VB_LINEAR_RELU) != 0u)
        sum = max(sum, 0.0);
    if ((p.flags & VB_LINEAR_RESIDUAL) != 0u)
        sum += residual[place(p.residual, row) + col];
    y[place(p.y, row) + col] = sum;
}

void main()
{
    uint t = gl_LocalInvocationID.x;
    uint row0 = gl_WorkGroupID.y * TILE, col0 = gl_WorkGroupID.x * TILE;
    uint row = t / 16u, col = t % 16u; // first of this invocation's; then every 8th, 16th

    float sum[ROWS][COLS];
    [[unroll]] for (uint r = 0u; r < ROWS; r++)
        [[unroll]] for (uint c = 0u; c < COLS; c++)
            sum[r][c] = 0.0;

    for (uint quad = 0u; quad < p.in_cols / 4u; quad += DEPTH / 4u) {
        load_tiles(row0, col0, quad);
        barrier();
        [[unroll]] for (uint k = 0u; k < DEPTH; k++) {
            float b[COLS];
            [[unroll]] for (uint c = 0u; c < COLS; c++)
                b[c] = w_tile[k][col + 16u * c];
            [[unroll]] for (uint r = 0u; r < ROWS; r++) {
                float a = x_tile[k][row + 8u * r];
                [[unroll]] for (uint c = 0u; c < COLS; c++)
                    sum[r][c] = fma(a, b[c], sum[r][c]);
            }
        }
        barrier();
    }

    [[unroll]] for (uint r = 0u; r < ROWS; r++)
        [[unroll]] for (uint c = 0u; c < COLS; c++)
            store(row0 + row + 8u * r, col0 + col + 16u * c, sum[r][c]);
}
