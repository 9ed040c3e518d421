// topk_parts.comp - one invocation per (row, part): the largest of its columns, which of them
// that is, the sum of e^(x - largest) and that of x, for topk.comp. Neighbours read
// neighbours: a part is every `parts`-th quad of columns.
//
// LAVAPIPE: workgroups of one subgroup of 8, and x in texels: whole quads.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "op_params.h"

#ifdef LAVAPIPE
layout(local_size_x = 8) in;
layout(set = 0, binding = 1, rgba32f) readonly uniform imageBuffer x;
#else
layout(local_size_x = 64) in;
layout(set = 0, binding = 1) readonly buffer X { float x[]; };
#endif

layout(set = 0, binding = 0) writeonly buffer Work { vec4 work[]; };
layout(push_constant) uniform Params { vb_topk_params p; };

vec4 quad(uint from, uint i)
{
#ifdef LAVAPIPE
    return imageLoad(x, int(from + i));
#else
    uint at = from + 4u * i;
    return vec4(x[at], x[at + 1u], x[at + 2u], x[at + 3u]);
#endif
}

float largest_of(vec4 v)
{
    return max(max(v.x, v.y), max(v.z, v.w));
}

float total_of(vec4 v)
{
    return (v.x + v.y) + (v.z + v.w);
}

void main()
{
    uint i = group_index() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    uint part = i % p.parts, line = i / p.parts;
    if (line >= p.batch * p.rows)
        return;
    uint from = p.x.offset + line / p.rows * p.x.batch_stride +
                line % p.rows * p.x.row_stride;
    uint quads = p.cols / 4u;

    float largest = -3.4028234e38, total = 0.0, sum = 0.0;
    uint first = part; // quad that has the largest, the first of equals
    for (uint q = part; q < quads; q += p.parts) {
        vec4 v = quad(from, q);
        float most = largest_of(v);
        total += total_of(v);
        if (most > largest) {
            largest = most;
            first = q;
        }
    }
    uint column = 4u * first;
    if (first < quads) {
        vec4 v = quad(from, first);
        column += v.x == largest ? 0u : v.y == largest ? 1u : v.z == largest ? 2u : 3u;
    }
#ifndef LAVAPIPE // what is behind the last whole quad belongs to the next part
    uint begin = quads % p.parts == part ? 4u * quads : p.cols;
    for (uint c = begin; c < p.cols; c++) {
        float value = x[from + c];
        total += value;
        if (value > largest) {
            largest = value;
            column = c;
        }
    }
    for (uint c = begin; c < p.cols; c++)
        sum += exp(x[from + c] - largest);
#endif
    for (uint q = part; q < quads; q += p.parts)
        sum += total_of(exp(quad(from, q) - largest));
    work[i] = vec4(largest, float(column), sum, total);
}
