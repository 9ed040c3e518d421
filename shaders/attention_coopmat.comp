// attention_coopmat.comp - one workgroup per (chunk of keys, batch, head, SUBGROUPS * M rows
// of q): softmax(q k^T) v of heads of 64 in cooperative matrices of M x N x K. A subgroup owns
// M rows, and walks the keys of the chunk KEYS at a time; the tiles of k and v are shared.
// q, k and v are halves or rounded to them, as the weights of a block are; sums are floats. Rows and chunks
// are counted as in attention.comp.
//
// The sums over v stay in matrices, whose rows can only be rescaled by way of shared memory:
// so that is done only where the maximum of a row grew by more than GROWTH. Until then a weight
// may be as large as e^GROWTH, which a half holds.
//
// Compiled with -DM -DN -DK. Needs full subgroups, of as many invocations as the workgroup
// has divided by SUBGROUPS.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#extension GL_KHR_shader_subgroup_vote : require
#pragma use_vulkan_memory_model
#include "attention_part.glsl"
#include "common.glsl"
#include "halves.glsl"
#include "op_params.h"

const uint SUBGROUPS = 4u, HEAD_DIM = 64u, KEYS = 32u;
const float LOWEST = -3.0e38; // a masked score; finite, so that no NaN comes of it
const float GROWTH = 8.0, MOST = 65504.0;
const uint HEAD_EIGHTS = HEAD_DIM / 8u, KEY_EIGHTS = KEYS / 8u; // uvec4 of eight halves
const uint PITCH = HEAD_EIGHTS + 1u, WEIGHT_PITCH = KEY_EIGHTS + 1u;
const uint SCORE_PITCH = KEYS + 4u;

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint THREADS = SUBGROUPS * 32u;
// The subgroups' invocations move together: a subgroupBarrier() in a branch that subgroups take
// at different times makes llvmpipe's sums wrong, and there is no need of one.
layout(constant_id = 1) const bool LOCKSTEP = false;
layout(constant_id = 2) const uint HALVES = 0u; // VB_HALVES_*; y where there is one chunk
const uint LANES = THREADS / SUBGROUPS;
const uint SHARE = LANES > M ? LANES / M : 1u; // invocations of a row of scores
const uint ROWS = LANES > M ? 1u : M / LANES;  // rows of an invocation

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 0) writeonly buffer YHalves { uint y_halves[]; };
layout(set = 0, binding = 1) readonly buffer Q { vec4 q[]; };
layout(set = 0, binding = 1) readonly buffer QHalves { uvec4 q_halves[]; };
layout(set = 0, binding = 2) readonly buffer KeysOf { vec4 k[]; };
layout(set = 0, binding = 2) readonly buffer KHalves { uvec4 k_halves[]; };
layout(set = 0, binding = 3) readonly buffer V { vec4 v[]; };
layout(set = 0, binding = 3) readonly buffer VHalves { uvec4 v_halves[]; };
layout(set = 0, binding = 4) readonly buffer Lengths { int lengths[]; };
layout(push_constant) uniform Params { vb_attention_params p; };

shared uvec4 k_tile[KEYS * PITCH];
shared uvec4 v_tile[KEYS * PITCH];
shared float score[SUBGROUPS][M * SCORE_PITCH];
shared uvec4 weight[SUBGROUPS][M * WEIGHT_PITCH];
shared float stage[SUBGROUPS][M * N];

void subgroup_sync()
{
    if (LOCKSTEP)
        subgroupMemoryBarrierShared();
    else
        subgroupBarrier();
}

// Where row `line` begins, in floats: one of matrix `batch`, or of those behind it.
uint place(vb_view view, uint batch, uint line)
{
    return view.offset + (batch + line / p.q_len) * view.batch_stride +
           line % p.q_len * view.row_stride;
}

uvec4 rounded(vec4 a, vec4 b)
{
    return uvec4(to_halves(clamp(a, -MOST, MOST)), to_halves(clamp(b, -MOST, MOST)));
}

// Eight of each from element `at` on; those of q are scaled.
uvec4 eight_of_q(uint at)
{
    if ((HALVES & VB_HALVES_X) == 0u)
        return rounded(q[at / 4u] * p.scale, q[at / 4u + 1u] * p.scale);
    uvec4 eight = q_halves[at / 8u];
    return rounded(from_halves(eight.xy) * p.scale, from_halves(eight.zw) * p.scale);
}

uvec4 eight_of_k(uint at)
{
    return (HALVES & VB_HALVES_KV) != 0u ? k_halves[at / 8u]
                                         : rounded(k[at / 4u], k[at / 4u + 1u]);
}

uvec4 eight_of_v(uint at)
{
    return (HALVES & VB_HALVES_KV) != 0u ? v_halves[at / 8u]
                                         : rounded(v[at / 4u], v[at / 4u + 1u]);
}

void main()
{
    uint t = gl_LocalInvocationID.x, sub = gl_SubgroupID, lane = gl_SubgroupInvocationID;
    bool shared_kv = p.batch > 1u && p.k.batch_stride == 0u &&
                     p.v.batch_stride == 0u && p.has_lengths == 0u;
    uint lines = shared_kv ? p.batch * p.q_len : p.q_len;
    uint matrices = shared_kv ? 1u : p.batch;
    uint blocks = (lines + SUBGROUPS * M - 1u) / (SUBGROUPS * M);
    uint group = group_index();
    uint block = group % blocks;
    uint head = group / blocks % p.heads;
    uint batch = group / blocks / p.heads % matrices;
    uint chunk = group / blocks / p.heads / matrices;
    if (chunk >= p.chunks)
        return;
    uint line0 = (block * SUBGROUPS + sub) * M; // of this subgroup
    uint column = head * HEAD_DIM;

    uint seen = p.kv_len; // by every query but for the causal mask
    if (p.has_lengths != 0u)
        seen = min(seen, uint(lengths[p.lengths + batch]));
    uint first = chunk * p.chunk_keys, end = min(first + p.chunk_keys, seen);
    if (p.causal != 0u)
        end = min(end, p.first_query +
                           (shared_kv ? p.q_len : (block + 1u) * SUBGROUPS * M));

    // The rows of q, scaled, as matrices, by way of the room for weights.
    coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> q_matrix[HEAD_DIM / K];
    [[unroll]] for (uint d = 0u; d < HEAD_DIM; d += KEYS) {
        for (uint i = lane; i < M * KEY_EIGHTS; i += LANES) {
            uint line = min(line0 + i / KEY_EIGHTS, lines - 1u);
            weight[sub][i / KEY_EIGHTS * WEIGHT_PITCH + i % KEY_EIGHTS] =
                eight_of_q(place(p.q, batch, line) + column + d + 8u * (i % KEY_EIGHTS));
        }
        subgroup_sync();
        [[unroll]] for (uint c = 0u; c < KEYS; c += K)
            coopMatLoad(q_matrix[(d + c) / K], weight[sub], c / 8u, WEIGHT_PITCH,
                        gl_CooperativeMatrixLayoutRowMajor);
        subgroup_sync();
    }

    coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> sum[HEAD_DIM / N];
    [[unroll]] for (uint d = 0u; d < HEAD_DIM / N; d++)
        sum[d] = coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);
    float highest[ROWS], total[ROWS]; // of the invocation's rows; of its share of them
    [[unroll]] for (uint r = 0u; r < ROWS; r++) {
        highest[r] = LOWEST;
        total[r] = 0.0;
    }
    uint part = lane % SHARE, row0 = lane / SHARE; // then every LANES / SHARE-th row

    for (uint base = first; base < end; base += KEYS) {
        barrier();
        for (uint i = t; i < KEYS * HEAD_EIGHTS; i += THREADS) {
            uint key = base + i / HEAD_EIGHTS, c = column + 8u * (i % HEAD_EIGHTS);
            uvec4 a = uvec4(0u), b = uvec4(0u);
            if (key < end) {
                a = eight_of_k(p.k.offset + batch * p.k.batch_stride +
                               key * p.k.row_stride + c);
                b = eight_of_v(p.v.offset + batch * p.v.batch_stride +
                               key * p.v.row_stride + c);
            }
            k_tile[i / HEAD_EIGHTS * PITCH + i % HEAD_EIGHTS] = a;
            v_tile[i / HEAD_EIGHTS * PITCH + i % HEAD_EIGHTS] = b;
        }
        barrier();
        [[unroll]] for (uint c = 0u; c < KEYS; c += N) {
            coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator> s =
                coopmat<float, gl_ScopeSubgroup, M, N, gl_MatrixUseAccumulator>(0.0);
            [[unroll]] for (uint d = 0u; d < HEAD_DIM; d += K) {
                coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
                coopMatLoad(b, k_tile, c * PITCH + d / 8u, PITCH,
                            gl_CooperativeMatrixLayoutColumnMajor);
                s = coopMatMulAdd(q_matrix[d / K], b, s);
            }
            coopMatStore(s, score[sub], c, SCORE_PITCH, gl_CooperativeMatrixLayoutRowMajor);
        }
        subgroup_sync();

        float block_highest[ROWS];
        bool grew = false;
        [[unroll]] for (uint r = 0u; r < ROWS; r++) {
            uint row = row0 + r * (LANES / SHARE);
            uint last = p.first_query + (line0 + row) % p.q_len; // key, where causal
            float most = LOWEST;
            for (uint j = 0u; j < KEYS / SHARE; j++) {
                uint c = part * (KEYS / SHARE) + j, key = base + c;
                bool visible = key < end && (p.causal == 0u || key <= last);
                if (visible)
                    most = max(most, score[sub][row * SCORE_PITCH + c]);
                else
                    score[sub][row * SCORE_PITCH + c] = LOWEST;
            }
            for (uint m = 1u; m < SHARE; m *= 2u)
                most = max(most, subgroupShuffleXor(most, m));
            block_highest[r] = most;
            grew = grew || most > highest[r] + GROWTH;
        }
        if (subgroupAny(grew)) {
            float by[ROWS];
            [[unroll]] for (uint r = 0u; r < ROWS; r++) {
                float next = max(highest[r], block_highest[r]);
                by[r] = exp(highest[r] - next);
                total[r] *= by[r];
                highest[r] = next;
            }
            if (base > first) {
                [[unroll]] for (uint d = 0u; d < HEAD_DIM / N; d++) {
                    coopMatStore(sum[d], stage[sub], 0u, N,
                                 gl_CooperativeMatrixLayoutRowMajor);
                    subgroup_sync();
                    [[unroll]] for (uint r = 0u; r < ROWS; r++) {
                        uint row = row0 + r * (LANES / SHARE);
                        for (uint j = 0u; j < N / SHARE; j++)
                            stage[sub][row * N + part * (N / SHARE) + j] *= by[r];
                    }
                    subgroup_sync();
                    coopMatLoad(sum[d], stage[sub], 0u, N,
                                gl_CooperativeMatrixLayoutRowMajor);
                    subgroup_sync();
                }
            }
        }
        [[unroll]] for (uint r = 0u; r < ROWS; r++) {
            uint row = row0 + r * (LANES / SHARE);
            for (uint j = 0u; j < KEYS / SHARE; j += 8u) {
                uint c = part * (KEYS / SHARE) + j;
                vec4 e[2];
                [[unroll]] for (uint i = 0u; i < 8u; i++) {
                    float s = score[sub][row * SCORE_PITCH + c + i];
                    e[i / 4u][i % 4u] = s > LOWEST ? exp(s - highest[r]) : 0.0;
                }
                total[r] += dot(e[0], vec4(1.0)) + dot(e[1], vec4(1.0));
                weight[sub][row * WEIGHT_PITCH + c / 8u] = rounded(e[0], e[1]);
            }
        }
        subgroup_sync();
        [[unroll]] for (uint c = 0u; c < KEYS; c += K) {
            coopmat<float16_t, gl_ScopeSubgroup, M, K, gl_MatrixUseA> a;
            coopMatLoad(a, weight[sub], c / 8u, WEIGHT_PITCH,
                        gl_CooperativeMatrixLayoutRowMajor);
            [[unroll]] for (uint d = 0u; d < HEAD_DIM; d += N) {
                coopmat<float16_t, gl_ScopeSubgroup, K, N, gl_MatrixUseB> b;
                coopMatLoad(b, v_tile, c * PITCH + d / 8u, PITCH,
                            gl_CooperativeMatrixLayoutRowMajor);
                sum[d / N] = coopMatMulAdd(a, b, sum[d / N]);
            }
        }
    }

    [[unroll]] for (uint r = 0u; r < ROWS; r++)
        for (uint m = 1u; m < SHARE; m *= 2u)
            total[r] += subgroupShuffleXor(total[r], m);
    bool joins = p.chunks > 1u;
    uint all = p.batch * p.q_len;
    [[unroll]] for (uint d = 0u; d < HEAD_DIM / N; d++) {
        coopMatStore(sum[d], stage[sub], 0u, N, gl_CooperativeMatrixLayoutRowMajor);
        subgroup_sync();
        [[unroll]] for (uint r = 0u; r < ROWS; r++) {
            uint row = row0 + r * (LANES / SHARE), line = line0 + row;
            if (line >= lines)
                continue;
            uint at = joins ? attention_part(chunk * all + batch * p.q_len + line, head,
                                             p.heads, HEAD_DIM)
                            : place(p.y, batch, line) + column;
            float scale = joins ? 1.0 : 1.0 / total[r];
            uint c0 = part * (N / SHARE), end = c0 + N / SHARE;
            if (!joins && (HALVES & VB_HALVES_Y) != 0u)
                for (uint c = c0; c < end; c += 2u)
                    y_halves[(at + d * N + c) / 2u] = packHalf2x16(
                        vec2(stage[sub][row * N + c], stage[sub][row * N + c + 1u]) * scale);
            else
                for (uint c = c0; c < end; c++)
                    y[at + d * N + c] = stage[sub][row * N + c] * scale;
            if (joins && d == 0u && part == 0u) {
                y[at + HEAD_DIM] = highest[r];
                y[at + HEAD_DIM + 1u] = total[r];
            }
        }
        subgroup_sync();
    }
}
