// attention.h - what the ways of attention share: queries in groups that see the same
// keys, those of one matrix, or of all where a batch has one k and v.
#ifndef VB_CPU_ATTENTION_H
#define VB_CPU_ATTENTION_H

#include "cpu/context.h"

#include <math.h>

typedef struct vb_query_groups {
    const vb_attention_args *args;
    uint32_t groups;  // matrices of keys
    uint32_t queries; // of each
    uint32_t head_dim;
    float scale; // of scores
    bool exact;  // scores are as those of floats where keys are bf16
} vb_query_groups;

static inline vb_query_groups vb_query_groups_of(const vb_attention_args *a)
{
    const bool shared = a->k.batch == 1;
    const uint32_t head_dim = a->q.cols / a->heads;
    return (vb_query_groups){
        .args = a,
        .groups = shared ? 1 : a->q.batch,
        .queries = shared ? a->q.batch * a->q.rows : a->q.rows,
        .head_dim = head_dim,
        .scale = 1.0F / sqrtf((float)head_dim),
    };
}

// Row of query `i` of a group in q or y, at the columns of a head.
static inline void *vb_query_row(const vb_query_groups *g, const vb_tensor *t,
                                 uint32_t group, uint32_t i, uint32_t head)
{
    return (uint8_t *)vb_cpu_flat_row_at(t, group * g->queries + i) +
           (size_t)head * g->head_dim * vb_dtype_size(t->type);
}

// Writes the values that a query weighted, whose weights have this sum. `o` is spent.
static inline void vb_write_attended(const vb_cpu *cpu, const vb_query_groups *g,
                                     void *y, float *o, float sum)
{
    const float share = 1.0F / sum;
    for (uint32_t d = 0; d < g->head_dim; d++)
        o[d] *= share;
    vb_cpu_narrow(cpu, y, g->args->y.type, o, g->head_dim);
}

// How many keys it sees: 0 .. that - 1.
static inline uint32_t vb_query_seen(const vb_query_groups *g, uint32_t group,
                                     uint32_t i)
{
    const vb_attention_args *a = g->args;
    const uint32_t row = group * g->queries + i;
    const uint32_t batch = row / a->q.rows, query = row % a->q.rows;
    uint32_t keys = a->k.rows;
    if (a->lengths.buffer)
        keys =
            (uint32_t)((const int32_t *)(const void *)vb_cpu_bytes(&a->lengths))[batch];
    if (a->causal && a->first_query + query + 1 < keys)
        keys = a->first_query + query + 1;
    return keys;
}

// The values that the queries of all groups take, to args->y. k and v are VB_F32, or one
// packed tensor in VB_BF16 that all heads read whole: then heads is 1.
VB_CHECKED vblip_status vb_cpu_attend(vb_cpu *cpu, const vb_query_groups *groups,
                                      vblip_error *err);

// Where weights are bf16 and queries many, keys and values in floats are narrowed:
// attention_bf16.c. k, v [groups * heads, keys, head_dim], until the next call.
bool vb_attention_suits_bf16(const vb_cpu *cpu, const vb_query_groups *groups);
VB_CHECKED vblip_status vb_attention_narrow_keys(const uint16_t **k, const uint16_t **v,
                                                 vb_cpu *cpu,
                                                 const vb_query_groups *groups,
                                                 vblip_error *err);

// What some queries have found after some of their keys: values weighted, the largest
// score, and the sum of the weights. Zeros and -INFINITY before the first.
typedef struct vb_attend_found {
    float *o, *largest, *sum; // [queries, head_dim], [queries], [queries]
} vb_attend_found;

// Queries first .. first + count - 1 of a group and a head, and keys first_key ..
// end_key - 1 of k and v, in VB_BF16: attention_keys_bf16.c. `room` is at a multiple of
// VB_CPU_ALIGN.
typedef struct vb_attend_keys {
    const vb_query_groups *groups;
    uint32_t group, head, first, count;
    const uint16_t *k, *v; // [keys, head_dim]
    uint32_t first_key, end_key;
    uint32_t step; // keys at a time
    void *room;    // vb_attend_keys_bytes(), of no fewer queries and the same step
} vb_attend_keys;
uint32_t vb_attend_keys_step(const vb_query_groups *groups, uint32_t count,
                             uint32_t keys);
size_t vb_attend_keys_bytes(const vb_query_groups *groups, uint32_t count,
                            uint32_t step);
VB_CHECKED vblip_status vb_attend_keys_bf16(vb_cpu *cpu, vb_cpu_worker *worker,
                                            const vb_attend_keys *keys,
                                            const vb_attend_found *found,
                                            vblip_error *err);

#endif // VB_CPU_ATTENTION_H
