// layernorm.comp - one workgroup per row; two passes over the row, float accumulation.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"
#include "halves.glsl"
#include "op_params.h"
#include "row_sum.glsl"

layout(local_size_x = 64) in;
layout(constant_id = 0) const uint HALVES = 0u; // VB_HALVES_Y

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 0) writeonly buffer YHalves { uvec2 y_halves[]; };
layout(set = 0, binding = 1) readonly buffer X { float x[]; };
layout(set = 0, binding = 2) readonly buffer Gain { float gain[]; };
layout(set = 0, binding = 3) readonly buffer Bias { float bias[]; };
layout(push_constant) uniform Params { vb_layernorm_params p; };

void main()
{
    uint group = group_index();
    if (group >= p.batch * p.rows)
        return;
    uint batch = group / p.rows, row = group % p.rows;
    uint from = p.x.offset + batch * p.x.batch_stride + row * p.x.row_stride;
    uint to = p.y.offset + batch * p.y.batch_stride + row * p.y.row_stride;
    uint t = gl_LocalInvocationID.x;

    float sum = 0.0;
    for (uint i = t; i < p.cols; i += WG)
        sum += x[from + i];
    float mean = row_sum(sum) / float(p.cols);

    // What rounding left in the mean shows in the sum of the differences.
    float square = 0.0, rest = 0.0;
    for (uint i = t; i < p.cols; i += WG) {
        float d = x[from + i] - mean;
        rest += d;
        square += d * d;
    }
    rest = row_sum(rest) / float(p.cols);
    float variance = max(row_sum(square) / float(p.cols) - rest * rest, 0.0);
    float scale = 1.0 / sqrt(variance + p.eps);

    if ((HALVES & VB_HALVES_Y) != 0u) { // columns come in eights
        for (uint i = 4u * t; i < p.cols; i += 4u * WG) {
            vec4 value;
            [[unroll]] for (uint j = 0u; j < 4u; j++)
                value[j] = (x[from + i + j] - mean - rest) * scale *
                               gain[p.gain + i + j] + bias[p.bias + i + j];
            y_halves[(to + i) / 4u] = to_halves(value);
        }
        return;
    }
    for (uint i = t; i < p.cols; i += WG)
        y[to + i] = (x[from + i] - mean - rest) * scale * gain[p.gain + i] +
                    bias[p.bias + i];
}
