// layernorm_subgroup.comp - one subgroup per row, GROUP_ROWS rows per workgroup; two passes
// over the row, float accumulation. A lane keeps its columns between them, HELD times four
// of them; what a row has beyond is read again. Columns, offsets and strides are multiples
// of 4. No barrier.
//
// Vulkan 1.2 promises no size of a subgroup, nor that one is full: lanes are counted, and
// the rows of a workgroup are dealt to as many subgroups as there are.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#include "common.glsl"
#include "halves.glsl"
#include "op_params.h"

layout(constant_id = 0) const uint HELD = 6u;
layout(constant_id = 1) const uint GROUP_ROWS = 4u;
layout(constant_id = 2) const uint HALVES = 0u; // VB_HALVES_Y

layout(local_size_x = 128) in;

layout(set = 0, binding = 0) writeonly buffer Y { vec4 y[]; };
layout(set = 0, binding = 0) writeonly buffer YHalves { uvec2 y_halves[]; };
layout(set = 0, binding = 1) readonly buffer X { vec4 x[]; };
layout(set = 0, binding = 2) readonly buffer Gain { vec4 gain[]; };
layout(set = 0, binding = 3) readonly buffer Bias { vec4 bias[]; };
layout(push_constant) uniform Params { vb_layernorm_params p; };

float total(vec4 v)
{
    return subgroupAdd((v.x + v.y) + (v.z + v.w));
}

void store(uint i, vec4 value)
{
    if ((HALVES & VB_HALVES_Y) != 0u)
        y_halves[i] = to_halves(value);
    else
        y[i] = value;
}

void normalize(uint line, uint lane, uint lanes)
{
    uint batch = line / p.rows, row = line % p.rows, quads = p.cols / 4u;
    uint from = p.x.offset + batch * p.x.batch_stride + row * p.x.row_stride;
    uint to = p.y.offset + batch * p.y.batch_stride + row * p.y.row_stride;
    uint beyond = HELD * lanes; // the first that is read again

    vec4 held[HELD], sum = vec4(0.0);
    [[unroll]] for (uint n = 0u; n < HELD; n++) {
        uint i = n * lanes + lane;
        held[n] = i < quads ? x[from + i] : vec4(0.0);
        sum += held[n];
    }
    for (uint first = beyond; first < quads; first += lanes)
        sum += first + lane < quads ? x[from + first + lane] : vec4(0.0);
    float mean = total(sum) / float(p.cols);

    // What rounding left in the mean shows in the sum of the differences.
    vec4 square = vec4(0.0), rests = vec4(0.0);
    [[unroll]] for (uint n = 0u; n < HELD; n++) {
        vec4 d = n * lanes + lane < quads ? held[n] - mean : vec4(0.0);
        rests += d;
        square += d * d;
    }
    for (uint first = beyond; first < quads; first += lanes) {
        vec4 d = first + lane < quads ? x[from + first + lane] - mean : vec4(0.0);
        rests += d;
        square += d * d;
    }
    float rest = total(rests) / float(p.cols);
    float variance = max(total(square) / float(p.cols) - rest * rest, 0.0);
    float scale = 1.0 / sqrt(variance + p.eps);

    [[unroll]] for (uint n = 0u; n < HELD; n++) {
        uint i = n * lanes + lane;
        if (i < quads)
            store(to + i, (held[n] - mean - rest) * scale * gain[p.gain + i] +
                              bias[p.bias + i]);
    }
    for (uint i = beyond + lane; i < quads; i += lanes)
        store(to + i, (x[from + i] - mean - rest) * scale * gain[p.gain + i] +
                          bias[p.bias + i]);
}

void main()
{
    uint lanes = subgroupAdd(1u), lane = subgroupExclusiveAdd(1u);
    uint line0 = group_index() * GROUP_ROWS;
    uint end = min(GROUP_ROWS, p.batch * p.rows - min(line0, p.batch * p.rows));
    for (uint row = gl_SubgroupID; row < end; row += gl_NumSubgroups)
        normalize(line0 + row, lane, lanes);
}
