// attention.comp - one workgroup per (chunk of keys, batch, head, QUERIES rows of q):
// softmax(q k^T) v, KEYS keys at a time, with the running maximum and sum of each row, so
// that no more of the scores is ever kept than one block. When k and v serve the whole
// batch, its rows count as those of one matrix. Where there are several chunks, y gets
// what attention_merge.comp joins.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "attention_part.glsl"
#include "common.glsl"
#include "halves.glsl"
#include "op_params.h"

layout(constant_id = 0) const uint HEAD_DIM = 64u; // a multiple of 16
layout(constant_id = 1) const uint QUERIES = 16u;  // a divisor of 64
layout(constant_id = 2) const uint HALVES = 0u; // VB_HALVES_*; y where there is one chunk

// Mesa 22's llvmpipe leaves the loops of an invocation after 65,535 iterations, nested
// ones counted too: those inside of the loop over keys are unrolled, but for the one over
// scores, which would make the code four times as long.
const uint THREADS = 64u, KEYS = 16u;

// Of rows of a head in shared memory. It has 32 banks of one word: at HEAD_DIM apart, the
// 16 keys of a multiplication would lie in one. With four words more, 8 queries and 16 keys
// of 128 take 13 KiB of the 16 that Vulkan promises.
const uint PITCH = HEAD_DIM + 4u;
const uint QUADS = HEAD_DIM / 4u;

layout(local_size_x = 64) in;

layout(set = 0, binding = 0) writeonly buffer Y { float y[]; };
layout(set = 0, binding = 0) writeonly buffer YHalves { uvec2 y_halves[]; };
layout(set = 0, binding = 1) readonly buffer Q { float q[]; };
layout(set = 0, binding = 1) readonly buffer QHalves { uvec2 q_halves[]; };
layout(set = 0, binding = 2) readonly buffer K { float k[]; };
layout(set = 0, binding = 2) readonly buffer KHalves { uvec2 k_halves[]; };
layout(set = 0, binding = 3) readonly buffer V { float v[]; };
layout(set = 0, binding = 3) readonly buffer VHalves { uvec2 v_halves[]; };
layout(set = 0, binding = 4) readonly buffer Lengths { int lengths[]; };
layout(push_constant) uniform Params { vb_attention_params p; };

const float LOWEST = -3.0e38; // a masked score; finite, so that no NaN comes of it

shared float q_tile[QUERIES * PITCH];
shared float kv_tile[KEYS * PITCH];
shared float score[QUERIES * KEYS];
shared float row_scale[QUERIES];

// Where row `line` begins: one of matrix `batch`, or of those behind it.
uint place(vb_view view, uint batch, uint line)
{
    return view.offset + (batch + line / p.q_len) * view.batch_stride +
           line % p.q_len * view.row_stride;
}

void load_halves(bool values, uint base, uint row_stride, uint first, uint end)
{
    [[unroll]] for (uint j = 0u; j < KEYS * QUADS / THREADS; j++) {
        uint i = gl_LocalInvocationID.x + j * THREADS;
        uint key = first + i / QUADS, d = 4u * (i % QUADS);
        vec4 four = vec4(0.0);
        if (key < end) {
            uint at = (base + key * row_stride + d) / 4u;
            four = from_halves(values ? v_halves[at] : k_halves[at]);
        }
        [[unroll]] for (uint c = 0u; c < 4u; c++)
            kv_tile[i / QUADS * PITCH + d + c] = four[c];
    }
}

void load_keys(bool values, uint base, uint row_stride, uint first, uint end)
{
    if ((HALVES & VB_HALVES_KV) != 0u) {
        load_halves(values, base, row_stride, first, end);
        return;
    }
    [[unroll]] for (uint j = 0u; j < KEYS * HEAD_DIM / THREADS; j++) {
        uint i = gl_LocalInvocationID.x + j * THREADS;
        uint key = first + i / HEAD_DIM;
        float value = 0.0;
        if (key < end) {
            uint at = base + key * row_stride + i % HEAD_DIM;
            value = values ? v[at] : k[at];
        }
        kv_tile[i / HEAD_DIM * PITCH + i % HEAD_DIM] = value;
    }
}

// Rows of q, scaled. Those behind the last are that one.
void load_queries(uint batch, uint line0, uint lines, uint column)
{
    uint t = gl_LocalInvocationID.x;
    if ((HALVES & VB_HALVES_X) != 0u) {
        for (uint i = t; i < QUERIES * QUADS; i += THREADS) {
            uint line = min(line0 + i / QUADS, lines - 1u), d = 4u * (i % QUADS);
            vec4 four = from_halves(q_halves[(place(p.q, batch, line) + column + d) / 4u]);
            [[unroll]] for (uint c = 0u; c < 4u; c++)
                q_tile[i / QUADS * PITCH + d + c] = four[c] * p.scale;
        }
        return;
    }
    for (uint i = t; i < QUERIES * HEAD_DIM; i += THREADS) {
        uint line = min(line0 + i / HEAD_DIM, lines - 1u);
        q_tile[i / HEAD_DIM * PITCH + i % HEAD_DIM] =
            q[place(p.q, batch, line) + column + i % HEAD_DIM] * p.scale;
    }
}

// The rows that lie in q_tile, when all have been written.
void store_halves(uint batch, uint line0, uint lines, uint column)
{
    for (uint i = gl_LocalInvocationID.x; i < QUERIES * QUADS; i += THREADS) {
        uint row = i / QUADS, d = 4u * (i % QUADS), at = row * PITCH + d;
        if (line0 + row < lines)
            y_halves[(place(p.y, batch, line0 + row) + column + d) / 4u] = to_halves(
                vec4(q_tile[at], q_tile[at + 1u], q_tile[at + 2u], q_tile[at + 3u]));
    }
}

void main()
{
    uint t = gl_LocalInvocationID.x;
    bool shared_kv = p.batch > 1u && p.k.batch_stride == 0u &&
                     p.v.batch_stride == 0u && p.has_lengths == 0u;
    uint lines = shared_kv ? p.batch * p.q_len : p.q_len;
    uint blocks = (lines + QUERIES - 1u) / QUERIES;
    uint group = group_index();
    uint line0 = group % blocks * QUERIES;
    uint head = group / blocks % p.heads;
    uint matrices = shared_kv ? 1u : p.batch;
    uint batch = group / blocks / p.heads % matrices;
    uint chunk = group / blocks / p.heads / matrices;
    if (chunk >= p.chunks)
        return;
    uint column = head * HEAD_DIM;
    uint k_base = p.k.offset + batch * p.k.batch_stride + column;
    uint v_base = p.v.offset + batch * p.v.batch_stride + column;

    uint seen = p.kv_len; // by every query but for the causal mask
    if (p.has_lengths != 0u)
        seen = min(seen, uint(lengths[p.lengths + batch]));
    uint end = seen; // by any query of this workgroup
    if (p.causal != 0u)
        end = min(end, p.first_query + (shared_kv ? p.q_len : line0 + QUERIES));
    end = min(end, (chunk + 1u) * p.chunk_keys);

    load_queries(batch, line0, lines, column);
    float sum[QUERIES * HEAD_DIM / THREADS]; // elements t, t + THREADS, ... of y
    for (uint i = 0u; i < QUERIES * HEAD_DIM / THREADS; i++)
        sum[i] = 0.0;
    float row_max = LOWEST, row_total = 0.0; // of row t, where t < QUERIES

    for (uint first = chunk * p.chunk_keys; first < end; first += KEYS) {
        load_keys(false, k_base, p.k.row_stride, first, end);
        barrier();
        for (uint i = t; i < QUERIES * KEYS; i += THREADS) {
            uint row = i / KEYS, key = first + i % KEYS;
            float dot = 0.0;
            [[unroll]] for (uint d = 0u; d < HEAD_DIM; d++)
                dot = fma(q_tile[row * PITCH + d], kv_tile[i % KEYS * PITCH + d], dot);
            bool visible = key < seen &&
                           (p.causal == 0u ||
                            key <= p.first_query + (line0 + row) % p.q_len);
            score[i] = visible ? dot : LOWEST;
        }
        barrier();
        load_keys(true, v_base, p.v.row_stride, first, end);
        if (t < QUERIES) {
            float highest = row_max;
            [[unroll]] for (uint j = 0u; j < KEYS; j++)
                highest = max(highest, score[t * KEYS + j]);
            float scale = exp(row_max - highest);
            float total = 0.0;
            [[unroll]] for (uint j = 0u; j < KEYS; j++) {
                float s = score[t * KEYS + j];
                float e = s > LOWEST ? exp(s - highest) : 0.0;
                score[t * KEYS + j] = e;
                total += e;
            }
            row_scale[t] = scale;
            row_total = row_total * scale + total;
            row_max = highest;
        }
        barrier();
        [[unroll]] for (uint i = 0u; i < QUERIES * HEAD_DIM / THREADS; i++) {
            uint row = (t + i * THREADS) / HEAD_DIM, d = (t + i * THREADS) % HEAD_DIM;
            float s = sum[i] * row_scale[row];
            [[unroll]] for (uint j = 0u; j < KEYS; j++)
                s = fma(score[row * KEYS + j], kv_tile[j * PITCH + d], s);
            sum[i] = s;
        }
        barrier();
    }

    bool whole = p.chunks == 1u;
    uint part0 = chunk * p.batch * p.q_len + batch * lines + line0; // of row 0
    if (t < QUERIES) {
        row_scale[t] = whole ? 1.0 / row_total : 1.0;
        if (!whole && line0 + t < lines) {
            uint at = attention_part(part0 + t, head, p.heads, HEAD_DIM) + HEAD_DIM;
            y[at] = row_max;
            y[at + 1u] = row_total;
        }
    }
    barrier();
    bool halves = whole && (HALVES & VB_HALVES_Y) != 0u;
    for (uint i = 0u; i < QUERIES * HEAD_DIM / THREADS; i++) {
        uint row = (t + i * THREADS) / HEAD_DIM, d = (t + i * THREADS) % HEAD_DIM;
        if (halves)
            q_tile[row * PITCH + d] = sum[i] * row_scale[row];
        if (halves || line0 + row >= lines)
            continue;
        uint at = whole ? place(p.y, batch, line0 + row) + column
                        : attention_part(part0 + row, head, p.heads, HEAD_DIM);
        y[at + d] = sum[i] * row_scale[row];
    }
    if (halves) {
        barrier();
        store_halves(batch, line0, lines, column);
    }
}
