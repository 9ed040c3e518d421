// linear.comp - one workgroup per tile of 64 rows by 64 columns of y; x and w go through
// shared memory, 16 of their columns at a time. Tiles along x are columns, along y rows
// of all the batch.
//
// There are two buffers of each: what comes next is fetched into registers before the
// multiplication, and put into the other buffer after it, so that a turn has one barrier.
//
// WEIGHTS_F16: w is halves.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"
#include "halves.glsl"
#include "op_params.h"

layout(constant_id = 0) const uint FLAGS = 0u;  // VB_LINEAR_*
layout(constant_id = 1) const uint PACKED = 0u; // not 0: matrices follow without gaps
layout(constant_id = 2) const uint HALVES = 0u; // VB_HALVES_Y, VB_HALVES_X

const uint TILE = 64u, DEPTH = 16u, THREADS = 128u;
const uint ROWS = 8u, COLS = 4u; // one invocation computes so many of y
const uint QUADS = DEPTH / 4u, FETCHES = TILE * QUADS / THREADS;

layout(local_size_x = 128) in;

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 0) writeonly buffer YHalves { uvec2 y_halves[]; };
layout(set = 0, binding = 1) readonly buffer X { vec4 x[]; };
layout(set = 0, binding = 1) readonly buffer XHalves { uvec2 x_halves[]; };
#ifdef WEIGHTS_F16
layout(set = 0, binding = 2) readonly buffer W { uvec2 w[]; };
#else
layout(set = 0, binding = 2) readonly buffer W { vec4 w[]; };
#endif
layout(set = 0, binding = 3) readonly buffer Bias { float bias[]; };
layout(set = 0, binding = 4) readonly buffer Residual { float residual[]; };
layout(push_constant) uniform Params { vb_linear_params p; };

// [column][four rows], rows of a quad of columns turned by 8 per quad: the lanes that store
// four columns of eight rows each then meet 32 banks, and those that read four rows of one
// column still read 16 bytes. 16 KiB in all, which Vulkan promises.
shared vec4 x_tile[2][DEPTH][TILE / 4u];
shared vec4 w_tile[2][DEPTH][TILE / 4u];

// Where four rows begin in column k of a tile.
uint turned(uint k, uint fours)
{
    return fours ^ (k / 4u * 2u);
}

// Where row `line`, counted through all the batch, begins.
uint place(vb_view view, uint line)
{
    if (PACKED != 0u)
        return view.offset + line * view.row_stride;
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

// Four of a row of x.
vec4 activations(uint i)
{
    return (HALVES & VB_HALVES_X) != 0u ? from_halves(x_halves[i]) : x[i];
}

float finish(uint row, uint col, float sum)
{
    if ((FLAGS & VB_LINEAR_BIAS) != 0u)
        sum += bias[p.bias + col];
    if ((FLAGS & VB_LINEAR_GELU) != 0u)
        sum = gelu(sum);
    if ((FLAGS & VB_LINEAR_RELU) != 0u)
        sum = max(sum, 0.0);
    if ((FLAGS & VB_LINEAR_RESIDUAL) != 0u)
        sum += residual[place(p.residual, row) + col];
    return sum;
}

// Columns of halves come in eights.
void store(uint row, uint col, vec4 sum)
{
    if (row >= p.batch * p.rows)
        return;
    uint to = place(p.y, row) + col;
    if ((HALVES & VB_HALVES_Y) != 0u) {
        if (col < p.out_cols)
            y_halves[to / 4u] =
                to_halves(vec4(finish(row, col, sum.x), finish(row, col + 1u, sum.y),
                               finish(row, col + 2u, sum.z), finish(row, col + 3u, sum.w)));
        return;
    }
    [[unroll]] for (uint c = 0u; c < COLS; c++)
        if (col + c < p.out_cols)
            y[to + c] = finish(row, col + c, sum[c]);
}

void main()
{
    uint t = gl_LocalInvocationID.x;
    uint row0 = gl_WorkGroupID.y * TILE, col0 = gl_WorkGroupID.x * TILE;
    uint quads = p.in_cols / 4u;

    // Rows and columns past the end are the last ones; what comes of them is dropped.
    uint x_at[FETCHES], w_at[FETCHES];
    [[unroll]] for (uint n = 0u; n < FETCHES; n++) {
        uint line = (t + n * THREADS) / QUADS;
        x_at[n] = place(p.x, min(row0 + line, p.batch * p.rows - 1u));
        w_at[n] = min(col0 + line, p.out_cols - 1u) * quads;
    }
    // 32 invocations compute 4 times 8 rows by 8 times 4 columns, so that what they read at
    // once is 16 bytes for each of 4 or 8 of them.
    uint wave = t / 32u, lane = t % 32u;
    uint row = ROWS * (wave / 2u * 4u + lane / 16u * 2u + lane % 2u);
    uint col = COLS * (wave % 2u * 8u + lane / 2u % 8u);

    vec4 sum[ROWS];
    [[unroll]] for (uint r = 0u; r < ROWS; r++)
        sum[r] = vec4(0.0);
    vec4 a[FETCHES], b[FETCHES];

#define FETCH(first)                                                                   \
    [[unroll]] for (uint n = 0u; n < FETCHES; n++) {                                   \
        uint quad = (first) + t % QUADS;                                               \
        a[n] = quad < quads ? activations(x_at[n] + quad) : vec4(0.0);                 \
        b[n] = quad < quads ? weights(w_at[n] + quad) : vec4(0.0);                     \
    }
#define PUT(to)                                                                        \
    [[unroll]] for (uint n = 0u; n < FETCHES; n++) {                                   \
        uint line = (t + n * THREADS) / QUADS, k = 4u * (t % QUADS);                   \
        [[unroll]] for (uint j = 0u; j < 4u; j++) {                                    \
            x_tile[to][k + j][turned(k, line / 4u)][line % 4u] = a[n][j];              \
            w_tile[to][k + j][turned(k, line / 4u)][line % 4u] = b[n][j];              \
        }                                                                              \
    }
    FETCH(0u)
    PUT(0u)
    barrier();
    uint from = 0u;
    for (uint quad = 0u; quad < quads; quad += QUADS) {
        FETCH(quad + QUADS)
        [[unroll]] for (uint k = 0u; k < DEPTH; k++) {
            vec4 right = w_tile[from][k][turned(k, col / 4u)];
            [[unroll]] for (uint f = 0u; f < ROWS / 4u; f++) {
                vec4 left = x_tile[from][k][turned(k, row / 4u + f)];
                [[unroll]] for (uint r = 0u; r < 4u; r++)
                    sum[4u * f + r] = fma(vec4(left[r]), right, sum[4u * f + r]);
            }
        }
        PUT(1u - from)
        barrier();
        from = 1u - from;
    }

    [[unroll]] for (uint r = 0u; r < ROWS; r++)
        store(row0 + row + r, col0 + col, sum[r]);
}
