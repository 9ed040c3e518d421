// patchify.comp - one invocation per element of y, see compute/ops.h for its place in the frame.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "op_params.h"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 1) readonly buffer Frames { uint frames[]; }; // four bytes each
layout(push_constant) uniform Params { vb_patchify_params p; };

void main()
{
    uint i = group_index() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    uint grid = p.side / p.patch_side, area = p.patch_side * p.patch_side;
    uint cols = 3u * area;
    uint col = i % cols, line = i / cols;
    uint cell = line % (grid * grid), frame = line / (grid * grid);
    if (frame >= p.count)
        return;
    uint channel = col / area;
    uint px = cell % grid * p.patch_side + col % p.patch_side;
    uint py = cell / grid * p.patch_side + col % area / p.patch_side;
    uint at = ((frame * p.side + py) * p.side + px) * 3u + channel;
    float value = float(frames[p.frames + at / 4u] >> (8u * (at % 4u)) & 255u);
    vec3 mean = vec3(p.mean_r, p.mean_g, p.mean_b);
    vec3 deviation = vec3(p.deviation_r, p.deviation_g, p.deviation_b);
    y[p.y.offset + frame * p.y.batch_stride + cell * p.y.row_stride + col] =
        (value / 255.0 - mean[channel]) / deviation[channel];
}
