// add_rows.comp - one invocation per element of y: y[b,r,c] += x[r,c].
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "op_params.h"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) buffer Y { float y[]; };
layout(set = 0, binding = 1) readonly buffer X { float x[]; };
layout(push_constant) uniform Params { vb_rows_params p; };

void main()
{
    uint i = group_index() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    uint col = i % p.cols, line = i / p.cols;
    uint row = line % p.rows, batch = line / p.rows;
    if (batch >= p.batch)
        return;
    uint to = p.y.offset + batch * p.y.batch_stride + row * p.y.row_stride + col;
    y[to] += x[p.x.offset + row * p.x.row_stride + col];
}
