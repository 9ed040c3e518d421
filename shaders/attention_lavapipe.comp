// attention_lavapipe.comp - one workgroup, which is one subgroup of 8, per (batch, head, 8
// * SETS rows of q): lane i owns rows i, i + 8, so that softmax needs no other lane. 8 keys
// at a time: lane i fetches key i, and each of its elements is handed to all lanes by a
// shuffle.
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
layout(constant_id = 1) const uint SETS = 2u;      // rows of q that a lane owns

const uint LANES = 8u, QUADS = HEAD_DIM / 4u;
layout(local_size_x = 8) in;

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 1, rgba32f) readonly uniform imageBuffer q;
layout(set = 0, binding = 2, rgba32f) readonly uniform imageBuffer k;
layout(set = 0, binding = 3, rgba32f) readonly uniform imageBuffer v;
layout(set = 0, binding = 4) readonly buffer Lengths { int lengths[]; };
layout(push_constant) uniform Params { vb_attention_params p; };

const float LOWEST = -3.0e38; // a masked score; finite, so that no NaN comes of it

void main()
{
    uint lane = gl_LocalInvocationID.x;
    bool shared_kv = p.batch > 1u && p.k.batch_stride == 0u &&
                     p.v.batch_stride == 0u && p.has_lengths == 0u;
    uint lines = shared_kv ? p.batch * p.q_len : p.q_len;
    uint blocks = (lines + SETS * LANES - 1u) / (SETS * LANES);
    uint group = group_index();
    uint head = group / blocks % p.heads;
    uint batch = group / blocks / p.heads;
    if (batch >= (shared_kv ? 1u : p.batch))
        return;
    uint line0 = group % blocks * SETS * LANES;

    uint end = p.kv_len; // of the keys that any query of this workgroup sees
    if (p.has_lengths != 0u)
        end = min(end, uint(lengths[p.lengths + batch]));
    uint column = head * QUADS;
    uint k_base = p.k.offset + batch * p.k.batch_stride + column;
    uint v_base = p.v.offset + batch * p.v.batch_stride + column;

    vec4 mine[SETS][QUADS], sum[SETS][QUADS];
    float highest[SETS], total[SETS];
    uint seen[SETS]; // keys
    [[unroll]] for (uint s = 0u; s < SETS; s++) {
        uint line = min(line0 + s * LANES + lane, lines - 1u);
        uint query = line % p.q_len;
        uint at = p.q.offset + (batch + line / p.q_len) * p.q.batch_stride +
                  query * p.q.row_stride + column;
        [[unroll]] for (uint d = 0u; d < QUADS; d++) {
            mine[s][d] = imageLoad(q, int(at + d)) * p.scale;
            sum[s][d] = vec4(0.0);
        }
        highest[s] = LOWEST;
        total[s] = 0.0;
        seen[s] = p.causal != 0u ? min(end, p.first_query + query + 1u) : end;
    }
    if (p.causal != 0u && !shared_kv)
        end = min(end, p.first_query + line0 + SETS * LANES);

    for (uint first = 0u; first < end; first += LANES) {
        uint key = min(first + lane, end - 1u);
        int k_at = int(k_base + key * p.k.row_stride);
        int v_at = int(v_base + key * p.v.row_stride);
        float score[SETS][LANES], fade[SETS];
        [[unroll]] for (uint s = 0u; s < SETS; s++)
            [[unroll]] for (uint i = 0u; i < LANES; i++)
                score[s][i] = 0.0;
        [[unroll]] for (uint d = 0u; d < QUADS; d++) {
            vec4 fetched = imageLoad(k, k_at + int(d));
            [[unroll]] for (uint j = 0u; j < 4u; j++)
                [[unroll]] for (uint i = 0u; i < LANES; i++) {
                    float e = subgroupShuffle(fetched[j], i);
                    [[unroll]] for (uint s = 0u; s < SETS; s++)
                        score[s][i] = fma(e, mine[s][d][j], score[s][i]);
                }
        }
        [[unroll]] for (uint s = 0u; s < SETS; s++) {
            float before = highest[s];
            [[unroll]] for (uint i = 0u; i < LANES; i++)
                highest[s] =
                    max(highest[s], first + i < seen[s] ? score[s][i] : LOWEST);
            fade[s] = exp(before - highest[s]);
            total[s] *= fade[s];
            [[unroll]] for (uint i = 0u; i < LANES; i++) {
                score[s][i] = first + i < seen[s] ? exp(score[s][i] - highest[s]) : 0.0;
                total[s] += score[s][i];
            }
        }
        [[unroll]] for (uint d = 0u; d < QUADS; d++) {
            vec4 fetched = imageLoad(v, v_at + int(d));
            [[unroll]] for (uint j = 0u; j < 4u; j++) {
                [[unroll]] for (uint s = 0u; s < SETS; s++)
                    sum[s][d][j] *= fade[s];
                [[unroll]] for (uint i = 0u; i < LANES; i++) {
                    float e = subgroupShuffle(fetched[j], i);
                    [[unroll]] for (uint s = 0u; s < SETS; s++)
                        sum[s][d][j] = fma(e, score[s][i], sum[s][d][j]);
                }
            }
        }
    }

    [[unroll]] for (uint s = 0u; s < SETS; s++) {
        uint line = line0 + s * LANES + lane;
        if (line < lines) {
            uint to = p.y.offset + (batch + line / p.q_len) * p.y.batch_stride +
                      line % p.q_len * p.y.row_stride + head * HEAD_DIM;
            [[unroll]] for (uint d = 0u; d < QUADS; d++)
                [[unroll]] for (uint j = 0u; j < 4u; j++)
                    y[to + 4u * d + j] = sum[s][d][j] / total[s];
        }
    }
}
