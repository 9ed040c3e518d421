// layernorm_lavapipe.comp - one invocation per row, 8 to a workgroup; no lane needs
// another. Two passes over the row; rows are fetched as texels, so columns, offset and
// strides are multiples of 4.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "common.glsl"
#include "op_params.h"

layout(local_size_x = 8) in;

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 1, rgba32f) readonly uniform imageBuffer x;
layout(set = 0, binding = 2, rgba32f) readonly uniform imageBuffer gain;
layout(set = 0, binding = 3, rgba32f) readonly uniform imageBuffer bias;
layout(push_constant) uniform Params { vb_layernorm_params p; };

float total(vec4 v)
{
    return (v.x + v.y) + (v.z + v.w);
}

void main()
{
    uint line = group_index() * 8u + gl_LocalInvocationID.x;
    uint lines = p.batch * p.rows;
    bool inside = line < lines;
    line = min(line, lines - 1u);
    uint batch = line / p.rows, row = line % p.rows;
    int from = int(p.x.offset + batch * p.x.batch_stride + row * p.x.row_stride);
    uint to = p.y.offset + batch * p.y.batch_stride + row * p.y.row_stride;
    int quads = int(p.cols / 4u);

    vec4 sum = vec4(0.0);
    for (int i = 0; i < quads; i++)
        sum += imageLoad(x, from + i);
    float mean = total(sum) / float(p.cols);

    // What rounding left in the mean shows in the sum of the differences.
    vec4 square = vec4(0.0), rests = vec4(0.0);
    for (int i = 0; i < quads; i++) {
        vec4 d = imageLoad(x, from + i) - mean;
        rests += d;
        square += d * d;
    }
    float rest = total(rests) / float(p.cols);
    float variance = max(total(square) / float(p.cols) - rest * rest, 0.0);
    float scale = 1.0 / sqrt(variance + p.eps);

    for (int i = 0; i < quads; i++) {
        vec4 value = (imageLoad(x, from + i) - mean - rest) * scale *
                         imageLoad(gain, int(p.gain) + i) +
                     imageLoad(bias, int(p.bias) + i);
        if (inside) {
            uint at = to + 4u * uint(i);
            [[unroll]] for (uint j = 0u; j < 4u; j++)
                y[at + j] = value[j];
        }
    }
}
