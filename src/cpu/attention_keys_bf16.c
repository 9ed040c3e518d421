// attention_keys_bf16.c - some queries go through keys that lie in bf16 and are their own
// values, whole rows for all heads, as absorbed attention has them. Some keys at a time
// give scores by one product and take values by another; between the two, scores stay in
// a core's second cache. Queries that are to be exact are sums of two rows in bf16 each,
// and their scores are those of floats.
#include "cpu/attention.h"

enum { KEYS = 256 }; // of a step

typedef struct keys_room {
    uint16_t *q, *weights;  // [rows, width], [count, KEYS]
    float *scores, *values; // [rows, KEYS], [count, width]
} keys_room;

// Of q: the queries, and behind them what exact ones lack.
static uint32_t rows_of(const vb_query_groups *g, uint32_t count)
{
    return g->exact ? 2 * count : count;
}

// With `bytes` NULL counts what is needed.
static size_t lay_out_keys_room(keys_room *room, uint8_t *bytes,
                                const vb_query_groups *g, uint32_t count)
{
    const size_t rows = rows_of(g, count), width = g->head_dim;
    const size_t sizes[] = {
        rows * width * sizeof *room->q,
        (size_t)count * KEYS * sizeof *room->weights,
        rows * KEYS * sizeof *room->scores,
        count * width * sizeof *room->values,
    };
    void *parts[4];
    size_t at = 0;
    for (size_t i = 0; i < 4; i++) {
        parts[i] = bytes ? bytes + at : NULL;
        at += (sizes[i] + VB_CPU_ALIGN - 1) / VB_CPU_ALIGN * VB_CPU_ALIGN;
    }
    *room = (keys_room){parts[0], parts[1], parts[2], parts[3]};
    return at;
}

size_t vb_attend_keys_bytes(const vb_query_groups *g, uint32_t count)
{
    keys_room room;
    return lay_out_keys_room(&room, NULL, g, count);
}

static void round_queries(const vb_cpu *cpu, const vb_attend_keys *k,
                          const keys_room *room)
{
    const vb_query_groups *g = k->groups;
    const size_t width = g->head_dim;
    float *lack = room->values;
    for (size_t i = 0; i < k->count; i++) {
        const float *q =
            vb_query_row(g, &g->args->q, k->group, k->first + (uint32_t)i, 0);
        uint16_t *rounded = room->q + i * width;
        cpu->kernels->narrow_row(rounded, q, width);
        if (!g->exact)
            continue;
        vb_widen(lack, rounded, VB_BF16, width);
        for (size_t d = 0; d < width; d++)
            lack[d] = q[d] - lack[d];
        cpu->kernels->narrow_row(rounded + k->count * width, lack, width);
    }
}

// Scores of `keys` keys become weights, and what was found before is scaled to the new
// largest score.
static void weigh_keys(const vb_cpu *cpu, const vb_attend_keys *k,
                       const keys_room *room, const vb_attend_found *found, size_t keys)
{
    const size_t width = k->groups->head_dim;
    for (size_t i = 0; i < k->count; i++) {
        float *scores = room->scores + i * keys;
        const float *lack = scores + k->count * keys;
        for (size_t j = 0; k->groups->exact && j < keys; j++)
            scores[j] += lack[j];
        const float before = found->largest[i];
        const float sum = cpu->kernels->weigh_row(room->weights + i * keys, scores,
                                                  keys, keys, &found->largest[i]);
        const float scale = expf(before - found->largest[i]);
        found->sum[i] = found->sum[i] * scale + sum;
        float *o = found->o + i * width;
        for (size_t d = 0; scale != 1.0F && d < width; d++)
            o[d] *= scale;
    }
}

static vblip_status step_through(const vb_cpu *cpu, vb_cpu_worker *worker,
                                 const vb_attend_keys *k, const keys_room *room,
                                 const vb_attend_found *found, uint32_t first,
                                 uint32_t keys, vblip_error *err)
{
    const uint32_t width = k->groups->head_dim;
    const void *x = vb_cpu_row_at(&k->groups->args->k, k->group, first);
    const vb_product_shape to_scores = {rows_of(k->groups, k->count), width, keys,
                                        VB_BF16, VB_PRODUCT_ROWS};
    const vb_product_shape to_values = {k->count, keys, width, VB_BF16,
                                        VB_PRODUCT_COLUMNS};
    VB_TRY(vb_cpu_multiply(worker, &to_scores, room->q, x, room->scores, err));
    weigh_keys(cpu, k, room, found, keys);
    VB_TRY(vb_cpu_multiply(worker, &to_values, room->weights, x, room->values, err));
    for (size_t i = 0; i < k->count; i++)
        cpu->kernels->finish_row(found->o + i * width, VB_F32, room->values + i * width,
                                 NULL, found->o + i * width, width, VB_ACT_NONE);
    return VBLIP_OK;
}

vblip_status vb_attend_keys_bf16(vb_cpu *cpu, vb_cpu_worker *worker,
                                 const vb_attend_keys *k, const vb_attend_found *found,
                                 vblip_error *err)
{
    keys_room room;
    (void)lay_out_keys_room(&room, k->room, k->groups, k->count);
    round_queries(cpu, k, &room);
    for (uint32_t key = k->first_key; key < k->end_key; key += KEYS) {
        const uint32_t left = k->end_key - key;
        VB_TRY(step_through(cpu, worker, k, &room, found, key,
                            left < KEYS ? left : KEYS, err));
    }
    return VBLIP_OK;
}
