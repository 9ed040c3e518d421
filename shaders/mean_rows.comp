// mean_rows.comp - one invocation per (batch, column): the mean over the rows of x.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "op_params.h"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 1) readonly buffer X { float x[]; };
layout(push_constant) uniform Params { vb_rows_params p; };

void main()
{
    uint i = group_index() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    uint col = i % p.cols, batch = i / p.cols;
    if (batch >= p.batch)
        return;
    uint from = p.x.offset + batch * p.x.batch_stride + col;
    float sum = 0.0;
    for (uint row = 0u; row < p.rows; row++)
        sum += x[from + row * p.x.row_stride];
    y[p.y.offset + batch * p.y.batch_stride + col] = sum / float(p.rows);
}
