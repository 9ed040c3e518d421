// embed.comp - one invocation per element of y: words[ids[b,t],c] + positions[t,c].
//
// WEIGHTS_F16: words are halves, two in a uint.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "op_params.h"

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 1) readonly buffer Ids { int ids[]; };
#ifdef WEIGHTS_F16
layout(set = 0, binding = 2) readonly buffer Words { uint words[]; };
#else
layout(set = 0, binding = 2) readonly buffer Words { float words[]; };
#endif
layout(set = 0, binding = 3) readonly buffer Positions { float positions[]; };
layout(push_constant) uniform Params { vb_embed_params p; };

float word_at(uint i)
{
#ifdef WEIGHTS_F16
    vec2 pair = unpackHalf2x16(words[i / 2u]);
    return i % 2u == 0u ? pair.x : pair.y;
#else
    return words[i];
#endif
}

void main()
{
    uint i = group_index() * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
    uint col = i % p.cols, line = i / p.cols;
    uint row = line % p.rows, batch = line / p.rows;
    if (batch >= p.batch)
        return;
    uint to = p.y.offset + batch * p.y.batch_stride + row * p.y.row_stride + col;
    uint word = uint(ids[p.ids + line]);
    y[to] = word_at(word * p.cols + col) +
            positions[p.positions + row * p.position_stride + col];
}
