// linear_rows.comp - linear of few rows: one subgroup per COLS columns of y, for LINES rows
// of all the batch. Its lanes share the columns of x and w, 16 bytes of w at a time, so
// that each weight is read once per LINES rows; no shared memory, no barrier. Workgroups
// along x have p.group_cols columns, a multiple of COLS, those along y LINES rows.
//
// Vulkan 1.2 promises no size of a subgroup, nor that one is full: lanes are counted, and
// the columns of a workgroup are dealt to as many subgroups as there are.
//
// WEIGHTS_F16: w is halves, in_cols a multiple of 8. With y in halves COLS is even.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "common.glsl"
#include "halves.glsl"
#include "op_params.h"

layout(constant_id = 0) const uint LINES = 8u;
layout(constant_id = 1) const uint COLS = 2u;
layout(constant_id = 2) const uint HALVES = 0u; // VB_HALVES_Y, VB_HALVES_X

const uint DEPTH = 4u; // fetches of w per column that are under way at once

layout(local_size_x = 128) in;

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 0) writeonly buffer YHalves { uint y_halves[]; };
layout(set = 0, binding = 1) readonly buffer X { vec4 x[]; };
layout(set = 0, binding = 1) readonly buffer XHalves { uvec4 x_halves[]; };
#ifdef WEIGHTS_F16
layout(set = 0, binding = 2) readonly buffer W { uvec4 w[]; };
const uint QUADS = 2u; // of columns in a fetch
#else
layout(set = 0, binding = 2) readonly buffer W { vec4 w[]; };
const uint QUADS = 1u;
#endif
layout(set = 0, binding = 3) readonly buffer Bias { float bias[]; };
layout(set = 0, binding = 4) readonly buffer Residual { float residual[]; };
layout(push_constant) uniform Params { vb_linear_params p; };

// Where row `line`, counted through all the batch, begins.
uint place(vb_view view, uint line)
{
    return view.offset + line / p.rows * view.batch_stride +
           line % p.rows * view.row_stride;
}

// Four of the weights of fetch `i`, which are zero past the row's `fetches`.
#ifdef WEIGHTS_F16
uvec4 fetch(uint at, uint i, uint fetches)
{
    return i < fetches ? w[at + i] : uvec4(0u);
}

vec4 weights(uvec4 fetched, uint quad)
{
    uvec2 bits = quad == 0u ? fetched.xy : fetched.zw;
    return vec4(unpackHalf2x16(bits.x), unpackHalf2x16(bits.y));
}
#define FETCHED uvec4
#else
vec4 fetch(uint at, uint i, uint fetches)
{
    return i < fetches ? w[at + i] : vec4(0.0);
}

vec4 weights(vec4 fetched, uint quad)
{
    return fetched;
}
#define FETCHED vec4
#endif

// Quad `i` of x; in halves one of the two in 16 bytes.
vec4 activations(uint i)
{
    if ((HALVES & VB_HALVES_X) == 0u)
        return x[i];
    uvec4 eight = x_halves[i / 2u];
    return from_halves(i % 2u == 0u ? eight.xy : eight.zw);
}

bool inside(uint line, uint col)
{
    return line < p.batch * p.rows && col < p.out_cols;
}

float finish(uint line, uint col, float sum)
{
    if ((p.flags & VB_LINEAR_BIAS) != 0u)
        sum += bias[p.bias + col];
    if ((p.flags & VB_LINEAR_GELU) != 0u)
        sum = gelu(sum);
    if ((p.flags & VB_LINEAR_RELU) != 0u)
        sum = max(sum, 0.0);
    if ((p.flags & VB_LINEAR_RESIDUAL) != 0u)
        sum += residual[place(p.residual, line) + col];
    return sum;
}

// Of COLS columns and LINES rows, [COLS][LINES], the same in all lanes at the end.
float sum[COLS * LINES];

// Lane n stores sum n, so that their epilogues are one.
void store(uint line0, uint col0, uint lane, uint lanes)
{
    for (uint n0 = 0u; n0 < COLS * LINES; n0 += lanes) {
        uint mine = n0 + lane;
        uint line = line0 + mine % LINES, col = col0 + mine / LINES;
        float value = 0.0;
        [[unroll]] for (uint n = 0u; n < COLS * LINES; n++)
            value = n == mine ? sum[n] : value;
        if (mine < COLS * LINES && inside(line, col))
            y[place(p.y, line) + col] = finish(line, col, value);
    }
}

// The same of pairs of columns.
void store_halves(uint line0, uint col0, uint lane, uint lanes)
{
    for (uint n0 = 0u; n0 < COLS / 2u * LINES; n0 += lanes) {
        uint mine = n0 + lane;
        uint line = line0 + mine % LINES, col = col0 + mine / LINES * 2u;
        vec2 value = vec2(0.0);
        [[unroll]] for (uint n = 0u; n < COLS / 2u * LINES; n++) {
            uint at = n / LINES * 2u * LINES + n % LINES;
            value = n == mine ? vec2(sum[at], sum[at + LINES]) : value;
        }
        if (mine < COLS / 2u * LINES && inside(line, col))
            y_halves[(place(p.y, line) + col) / 2u] = packHalf2x16(
                vec2(finish(line, col, value.x), finish(line, col + 1u, value.y)));
    }
}

void main()
{
    uint lanes = subgroupAdd(1u), lane = subgroupExclusiveAdd(1u);
    uint line0 = gl_WorkGroupID.y * LINES, fetches = p.in_cols / (4u * QUADS);
    uint x_at[LINES];
    [[unroll]] for (uint r = 0u; r < LINES; r++)
        x_at[r] = place(p.x, min(line0 + r, p.batch * p.rows - 1u));

    for (uint c0 = gl_SubgroupID * COLS; c0 < p.group_cols; c0 += gl_NumSubgroups * COLS) {
        uint col0 = gl_WorkGroupID.x * p.group_cols + c0;
        uint w_at[COLS];
        [[unroll]] for (uint c = 0u; c < COLS; c++)
            w_at[c] = min(col0 + c, p.out_cols - 1u) * fetches;
        [[unroll]] for (uint n = 0u; n < COLS * LINES; n++)
            sum[n] = 0.0;

        for (uint first = 0u; first < fetches; first += DEPTH * lanes) {
            FETCHED b[DEPTH][COLS];
            [[unroll]] for (uint d = 0u; d < DEPTH; d++)
                [[unroll]] for (uint c = 0u; c < COLS; c++)
                    b[d][c] = fetch(w_at[c], first + d * lanes + lane, fetches);
            [[unroll]] for (uint d = 0u; d < DEPTH; d++) {
                uint at = min(first + d * lanes + lane, fetches - 1u) * QUADS;
                [[unroll]] for (uint q = 0u; q < QUADS; q++)
                    [[unroll]] for (uint r = 0u; r < LINES; r++) {
                        vec4 a = activations(x_at[r] + at + q);
                        [[unroll]] for (uint c = 0u; c < COLS; c++)
                            [[unroll]] for (uint j = 0u; j < 4u; j++)
                                sum[c * LINES + r] = fma(a[j], weights(b[d][c], q)[j],
                                                         sum[c * LINES + r]);
                    }
            }
        }

        [[unroll]] for (uint n = 0u; n < COLS * LINES; n++)
            sum[n] = subgroupAdd(sum[n]);
        if ((HALVES & VB_HALVES_Y) != 0u)
            store_halves(line0, col0, lane, lanes);
        else
            store(line0, col0, lane, lanes);
    }
}
