// l2norm.comp - one workgroup per row: x / max(|x|, eps).
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "op_params.h"
#include "row_sum.glsl"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 1) readonly buffer X { float x[]; };
layout(push_constant) uniform Params { vb_rows_params p; };

void main()
{
    uint group = group_index();
    if (group >= p.batch * p.rows)
        return;
    uint batch = group / p.rows, row = group % p.rows;
    uint from = p.x.offset + batch * p.x.batch_stride + row * p.x.row_stride;
    uint to = p.y.offset + batch * p.y.batch_stride + row * p.y.row_stride;

    float square = 0.0;
    for (uint i = gl_LocalInvocationID.x; i < p.cols; i += WG)
        square += x[from + i] * x[from + i];
    float norm = max(sqrt(row_sum(square)), p.eps);

    for (uint i = gl_LocalInvocationID.x; i < p.cols; i += WG)
        y[to + i] = x[from + i] / norm;
}
