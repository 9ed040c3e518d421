// copy.comp - one invocation per element of y, or per two where either tensor is in halves:
// y = x, each with its own strides, converted when the types differ.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "op_params.h"

layout(constant_id = 0) const uint HALVES = 0u; // VB_HALVES_Y, VB_HALVES_X

const uint OWN = HALVES != 0u ? 2u : 1u; // elements

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) writeonly buffer Y { uint y[]; };
layout(set = 0, binding = 1) readonly buffer X { uint x[]; };
layout(push_constant) uniform Params { vb_rows_params p; };

// Two elements of x in halves.
uint pair(uint from)
{
    if ((HALVES & VB_HALVES_X) != 0u)
        return x[from / 2u];
    return packHalf2x16(vec2(uintBitsToFloat(x[from]), uintBitsToFloat(x[from + 1u])));
}

void main()
{
    uint i = OWN * (group_index() * gl_WorkGroupSize.x + gl_LocalInvocationID.x);
    uint col = i % p.cols, line = i / p.cols;
    uint row = line % p.rows, batch = line / p.rows;
    if (batch >= p.batch)
        return;
    uint to = p.y.offset + batch * p.y.batch_stride + row * p.y.row_stride + col;
    uint from = p.x.offset + batch * p.x.batch_stride + row * p.x.row_stride + col;
    if (HALVES == 0u) {
        y[to] = x[from];
    } else if ((HALVES & VB_HALVES_Y) != 0u) {
        y[to / 2u] = pair(from);
    } else {
        vec2 two = unpackHalf2x16(x[from / 2u]);
        y[to] = floatBitsToUint(two.x);
        y[to + 1u] = floatBitsToUint(two.y);
    }
}
