// attention_lavapipe.comp - one workgroup, which is one subgroup of 8, per (batch, head, 8
// rows of q): lane i owns row i, so that softmax needs no other lane. 8 keys at a time:
// lane i fetches key i, and each of its elements is handed to all lanes by a shuffle.
//
// For Mesa's llvmpipe, as linear_lavapipe.comp. Offsets and strides of q, k and v are in
// texels. When k and v serve the whole batch, its rows count as those of one matrix.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "common.glsl"
#include "op_params.h"

layout(constant_id = 0) const uint HEAD_DIM = 64u; // a multiple of 16

const uint LANES = 8u, QUADS = HEAD_DIM / 4u;
layout(local_size_x = 8) in;

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 1, rgba32f) readonly uniform imageBuffer q;
layout(set = 0, binding = 2, rgba32f) readonly uniform imageBuffer k;
layout(set = 0, binding = 3, rgba32f) readonly uniform imageBuffer v;
layout(set = 0, binding = 4) readonly buffer Lengths { int lengths[]; };
layout(push_constant) uniform Params { vb_attention_params p; };

const float LOWEST = -3.0e38; // of a score that is not seen; finite, so that no NaN comes

void main()
{
    uint lane = gl_LocalInvocationID.x;
    bool shared_kv =
        p.batch > 1u && p.k.batch_stride == 0u && p.has_lengths == 0u;
    uint lines = shared_kv ? p.batch * p.q_len : p.q_len;
    uint blocks = (lines + LANES - 1u) / LANES;
    uint group = group_index();
    uint head = group / blocks % p.heads;
    uint batch = group / blocks / p.heads;
    if (batch >= (shared_kv ? 1u : p.batch))
        return;
    uint line = group % blocks * LANES + lane;
    bool inside = line < lines;
    line = min(line, lines - 1u);
    uint of_batch = batch + line / p.q_len, query = line % p.q_len;

    uint seen = p.kv_len; // keys, by this lane's query
    if (p.has_lengths != 0u)
        seen = min(seen, uint(lengths[p.lengths + batch]));
    uint end = seen; // by any lane's
    if (p.causal != 0u) {
        seen = min(seen, p.first_query + query + 1u);
        if (!shared_kv)
            end = min(end, p.first_query + group % blocks * LANES + LANES);
    }

    uint column = head * QUADS;
    int q_at = int(p.q.offset + of_batch * p.q.batch_stride + query * p.q.row_stride +
                   column);
    uint k_base = p.k.offset + batch * p.k.batch_stride + column;
    uint v_base = p.v.offset + batch * p.v.batch_stride + column;

    vec4 mine[QUADS], sum[QUADS];
    [[unroll]] for (uint d = 0u; d < QUADS; d++) {
        mine[d] = imageLoad(q, q_at + int(d)) * p.scale;
        sum[d] = vec4(0.0);
    }
    float highest = LOWEST, total = 0.0;

    for (uint first = 0u; first < end; first += LANES) {
        uint key = min(first + lane, end - 1u);
        int k_at = int(k_base + key * p.k.row_stride);
        int v_at = int(v_base + key * p.v.row_stride);
        float score[LANES];
        [[unroll]] for (uint i = 0u; i < LANES; i++)
            score[i] = 0.0;
        [[unroll]] for (uint d = 0u; d < QUADS; d++) {
            vec4 fetched = imageLoad(k, k_at + int(d));
            [[unroll]] for (uint j = 0u; j < 4u; j++)
                [[unroll]] for (uint i = 0u; i < LANES; i++)
                    score[i] =
                        fma(subgroupShuffle(fetched[j], i), mine[d][j], score[i]);
        }
        float before = highest;
        [[unroll]] for (uint i = 0u; i < LANES; i++) {
            if (first + i >= seen)
                score[i] = LOWEST;
            highest = max(highest, score[i]);
        }
        float fade = exp(before - highest);
        total *= fade;
        [[unroll]] for (uint i = 0u; i < LANES; i++) {
            score[i] = first + i < seen ? exp(score[i] - highest) : 0.0;
            total += score[i];
        }
        [[unroll]] for (uint d = 0u; d < QUADS; d++) {
            vec4 fetched = imageLoad(v, v_at + int(d));
            [[unroll]] for (uint j = 0u; j < 4u; j++) {
                float s = sum[d][j] * fade;
                [[unroll]] for (uint i = 0u; i < LANES; i++)
                    s = fma(subgroupShuffle(fetched[j], i), score[i], s);
                sum[d][j] = s;
            }
        }
    }

    uint to = p.y.offset + of_batch * p.y.batch_stride + query * p.y.row_stride +
              head * HEAD_DIM;
    if (inside) {
        [[unroll]] for (uint d = 0u; d < QUADS; d++)
            [[unroll]] for (uint j = 0u; j < 4u; j++)
                y[to + 4u * d + j] = sum[d][j] / total;
    }
}
