// softmax_lavapipe.comp - rows become the softmax of their columns, in place, one workgroup,
// which is one subgroup of 8, per row. Rows are of whole texels; columns past the last are
// zero then.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "common.glsl"
#include "op_params.h"

const uint LANES = 8u;
const float LOWEST = -3.0e38;

layout(local_size_x = 8) in;

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 1, rgba32f) readonly uniform imageBuffer x;
layout(push_constant) uniform Params { vb_rows_params p; }; // x in texels

vec4 fetch(uint row, uint quad)
{
    vec4 value = imageLoad(x, int(p.x.offset + row * p.x.row_stride + quad));
    [[unroll]] for (uint j = 0u; j < 4u; j++)
        if (4u * quad + j >= p.cols)
            value[j] = LOWEST;
    return value;
}

void main()
{
    uint lane = gl_LocalInvocationID.x;
    uint row = group_index();
    if (row >= p.rows)
        return;
    uint quads = (p.cols + 3u) / 4u;
    float mine = LOWEST, highest = LOWEST, total = 0.0;
    vec4 sums = vec4(0.0);
    for (uint q = lane; q < quads; q += LANES) {
        vec4 value = fetch(row, q);
        mine = max(mine, max(max(value.x, value.y), max(value.z, value.w)));
    }
    [[unroll]] for (uint i = 0u; i < LANES; i++)
        highest = max(highest, subgroupShuffle(mine, i));
    for (uint q = lane; q < quads; q += LANES)
        sums += exp(fetch(row, q) - highest);
    mine = (sums.x + sums.y) + (sums.z + sums.w);
    [[unroll]] for (uint i = 0u; i < LANES; i++)
        total += subgroupShuffle(mine, i);
    for (uint q = lane; q < quads; q += LANES) {
        vec4 value = exp(fetch(row, q) - highest) / total;
        [[unroll]] for (uint j = 0u; j < 4u; j++)
            y[p.y.offset + row * p.y.row_stride + 4u * q + j] = value[j];
    }
}
