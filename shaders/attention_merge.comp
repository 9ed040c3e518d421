// attention_merge.comp - one invocation per element of y, or per two in halves: joins what
// attention over chunks of the keys left. A chunk of which a row sees no key has the lowest
// score, and counts nothing.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "attention_part.glsl"
#include "common.glsl"
#include "halves.glsl"
#include "op_params.h"

layout(constant_id = 0) const uint HEAD_DIM = 64u;
layout(constant_id = 1) const uint HALVES = 0u; // VB_HALVES_Y

const uint OWN = (HALVES & VB_HALVES_Y) != 0u ? 2u : 1u; // elements

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 0) writeonly buffer YHalves { uint y_halves[]; };
layout(set = 0, binding = 1) readonly buffer Parts { float part[]; };
layout(push_constant) uniform Params { vb_attention_params p; };

void main()
{
    uint i = OWN * (group_index() * gl_WorkGroupSize.x + gl_LocalInvocationID.x);
    uint d = i % HEAD_DIM, head = i / HEAD_DIM % p.heads, line = i / HEAD_DIM / p.heads;
    uint lines = p.batch * p.q_len;
    if (line >= lines)
        return;
    float highest = part[attention_part(line, head, p.heads, HEAD_DIM) + HEAD_DIM];
    for (uint chunk = 1u; chunk < p.chunks; chunk++) {
        uint at = attention_part(chunk * lines + line, head, p.heads, HEAD_DIM);
        highest = max(highest, part[at + HEAD_DIM]);
    }
    vec2 sum = vec2(0.0);
    float total = 0.0;
    for (uint chunk = 0u; chunk < p.chunks; chunk++) {
        uint at = attention_part(chunk * lines + line, head, p.heads, HEAD_DIM);
        float scale = exp(part[at + HEAD_DIM] - highest);
        sum.x = fma(scale, part[at + d], sum.x);
        if (OWN == 2u)
            sum.y = fma(scale, part[at + d + 1u], sum.y);
        total = fma(scale, part[at + HEAD_DIM + 1u], total);
    }
    uint to = p.y.offset + line / p.q_len * p.y.batch_stride +
              line % p.q_len * p.y.row_stride + head * HEAD_DIM + d;
    if (OWN == 2u)
        y_halves[to / 2u] = packHalf2x16(sum / total);
    else
        y[to] = sum.x / total;
}
