// topk.comp - one workgroup per row joins its parts (topk_parts.comp) and finds the k largest
// one by one: each is the largest of a part, which is then read again for what comes next.
//
// LAVAPIPE: workgroups of one subgroup of 8, between which barriers cost less.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "op_params.h"
#ifdef LAVAPIPE
#define ROW_INVOCATIONS 8
#endif
#include "row_sum.glsl"

layout(local_size_x = WG) in;

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 1) readonly buffer X { float x[]; };
layout(set = 0, binding = 2) readonly buffer Work { vec4 work[]; };
layout(set = 0, binding = 3) readonly buffer Ids { uint ids[]; };
layout(push_constant) uniform Params { vb_topk_params p; };

// As enum of compute/ops.h.
const uint SUM = 0u, MEAN = 1u, GATHERED = 2u, VALUES = 3u;

// An element: its value and its column, exact as a float. NONE comes after all.
const vec2 NONE = vec2(-3.4028234e38, 16777216.0);

shared vec2 best[VB_TOPK_PARTS]; // of each part, among what is not found yet
shared vec2 candidate[WG];

bool comes_before(vec2 a, vec2 b)
{
    return a.x > b.x || (a.x == b.x && a.y < b.y);
}

// The first of one element per invocation. Every invocation must call it.
vec2 first_of(vec2 element)
{
    uint t = gl_LocalInvocationID.x;
    candidate[t] = element;
    barrier();
    for (uint stride = WG / 2u; stride > 0u; stride >>= 1) {
        if (t < stride && comes_before(candidate[t + stride], candidate[t]))
            candidate[t] = candidate[t + stride];
        barrier();
    }
    vec2 first = candidate[0];
    barrier(); // candidate is reused by the next call
    return first;
}

// The first of the elements that an invocation keeps.
vec2 first_of_own()
{
    vec2 first = NONE;
    for (uint i = gl_LocalInvocationID.x; i < p.parts; i += WG)
        if (comes_before(best[i], first))
            first = best[i];
    return first;
}

void main()
{
    uint line = group_index(), t = gl_LocalInvocationID.x;
    if (line >= p.batch * p.rows)
        return;
    uint batch = line / p.rows, row = line % p.rows;
    uint from = p.x.offset + batch * p.x.batch_stride + row * p.x.row_stride;
    uint to = p.y.offset + batch * p.y.batch_stride + row * p.y.row_stride;
    uint parts = line * p.parts;

    for (uint i = t; i < p.parts; i += WG)
        best[i] = work[parts + i].xy; // which no other invocation reads
    vec2 found = first_of(first_of_own());
    float sum = 0.0, total = 0.0;
    for (uint i = t; i < p.parts; i += WG) {
        vec4 part = work[parts + i];
        sum += part.z * exp(part.x - found.x);
        total += part.w;
    }
    sum = row_sum(sum);
    total = row_sum(total);
    if (t == 0u) {
        y[to + SUM] = sum;
        y[to + MEAN] = total / float(p.cols);
        y[to + GATHERED] =
            p.has_ids != 0u ? x[from + min(ids[p.ids + line], p.cols - 1u)] : 0.0;
    }
    for (uint n = 0u;;) {
        if (t == 0u) {
            y[to + VALUES + n] = found.x;
            y[to + VALUES + p.k + n] = found.y;
        }
        if (++n == p.k)
            break;
        uint part = uint(found.y) / 4u % p.parts;
        vec2 next = NONE;
        for (uint q = part + t * p.parts; 4u * q < p.cols; q += WG * p.parts) {
            for (uint c = 4u * q; c < min(4u * q + 4u, p.cols); c++) {
                vec2 element = vec2(x[from + c], float(c));
                if (comes_before(found, element) && comes_before(element, next))
                    next = element;
            }
        }
        next = first_of(next);
        if (t == part % WG)
            best[part] = next;
        found = first_of(first_of_own());
    }
}
