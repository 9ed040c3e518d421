// attention_keys_bf16.c - some queries go through keys and values in bf16, of one head, or
// whole rows for all heads as absorbed attention has them. Some keys at a time give scores
// by one product and take values by another, which have instructions of their own for
// bf16; between the two, scores stay in a core's second cache. Sums and softmax are
// floats. Queries that are to be exact are sums of two rows in bf16 each, and their scores
// are those of floats.
#include "cpu/attention.h"

#include <string.h>

enum {
    MOST_SCORES = 80 << 10, // of a step, in a core's second cache
    LEAST_KEYS = 256,       // of a step, more scores or not: products need depth
    KEY_STEP = 64,          // keys of a step are a multiple of that
};

typedef struct keys_room {
    uint16_t *q, *weights;  // [rows, width], [count, step]
    float *scores, *values; // [rows, step], [count, width]
} keys_room;

// Of q: the queries, and behind them what exact ones lack.
static uint32_t rows_of(const vb_query_groups *g, uint32_t count)
{
    return g->exact ? 2 * count : count;
}

// Steps of like size. Fewer queries, or keys, may have longer ones: a step is chosen once,
// for the largest piece.
uint32_t vb_attend_keys_step(const vb_query_groups *g, uint32_t count, uint32_t keys)
{
    const uint32_t fit = MOST_SCORES / rows_of(g, count) / KEY_STEP * KEY_STEP;
    const uint32_t most = fit > LEAST_KEYS ? fit : LEAST_KEYS;
    const uint32_t steps = vb_divided(keys, most);
    return vb_divided(vb_divided(keys, steps), KEY_STEP) * KEY_STEP;
}

// With `bytes` NULL counts what is needed.
static size_t lay_out_keys_room(keys_room *room, uint8_t *bytes,
                                const vb_query_groups *g, uint32_t count, uint32_t step)
{
    const size_t rows = rows_of(g, count), width = g->head_dim;
    const size_t sizes[] = {
        rows * width * sizeof *room->q,
        (size_t)count * step * sizeof *room->weights,
        rows * step * sizeof *room->scores,
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

size_t vb_attend_keys_bytes(const vb_query_groups *g, uint32_t count, uint32_t step)
{
    keys_room room;
    return lay_out_keys_room(&room, NULL, g, count, step);
}

static void round_queries(const vb_cpu *cpu, const vb_attend_keys *k,
                          const keys_room *room)
{
    const vb_query_groups *g = k->groups;
    const size_t width = g->head_dim;
    float *scaled = room->values; // which are not made yet
    for (size_t i = 0; i < k->count; i++) {
        const float *q =
            vb_query_row(g, &g->args->q, k->group, k->first + (uint32_t)i, k->head);
        uint16_t *rounded = room->q + i * width;
        for (size_t d = 0; d < width; d++)
            scaled[d] = q[d] * g->scale;
        cpu->kernels->narrow_row(rounded, scaled, width);
        if (!g->exact)
            continue;
        for (size_t d = 0; d < width; d++)
            scaled[d] -= vb_bf16_to_f32(rounded[d]);
        cpu->kernels->narrow_row(rounded + k->count * width, scaled, width);
    }
}

// How many of keys first .. first + keys - 1 query `i` of a piece sees.
static uint32_t seen_of_step(const vb_attend_keys *k, uint32_t i, uint32_t first,
                             uint32_t keys)
{
    const uint32_t seen = vb_query_seen(k->groups, k->group, k->first + i);
    return seen <= first ? 0 : seen - first < keys ? seen - first : keys;
}

// Scores of a step's keys become weights, and what was found before is scaled to the new
// largest score.
static void weigh_keys(const vb_cpu *cpu, const vb_attend_keys *k,
                       const keys_room *room, const vb_attend_found *found,
                       uint32_t first, uint32_t keys)
{
    const size_t width = k->groups->head_dim;
    for (uint32_t i = 0; i < k->count; i++) {
        float *scores = room->scores + (size_t)i * keys;
        uint16_t *weights = room->weights + (size_t)i * keys;
        const float *lack = scores + (size_t)k->count * keys;
        const uint32_t seen = seen_of_step(k, i, first, keys);
        if (!seen) {
            memset(weights, 0, keys * sizeof *weights);
            continue;
        }
        for (size_t j = 0; k->groups->exact && j < keys; j++)
            scores[j] += lack[j];
        const float before = found->largest[i];
        const float sum =
            cpu->kernels->weigh_row(weights, scores, seen, keys, &found->largest[i]);
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
    const size_t at = (size_t)first * width;
    const vb_product_shape to_scores = {rows_of(k->groups, k->count), width, keys,
                                        VB_BF16, VB_PRODUCT_ROWS};
    const vb_product_shape to_values = {k->count, keys, width, VB_BF16,
                                        VB_PRODUCT_COLUMNS};
    VB_TRY(vb_cpu_multiply(worker, &to_scores, room->q, k->k + at, room->scores, err));
    weigh_keys(cpu, k, room, found, first, keys);
    if (first == k->first_key)
        return vb_cpu_multiply(worker, &to_values, room->weights, k->v + at, found->o,
                               err);
    VB_TRY(vb_cpu_multiply(worker, &to_values, room->weights, k->v + at, room->values,
                           err));
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
    (void)lay_out_keys_room(&room, k->room, k->groups, k->count, k->step);
    round_queries(cpu, k, &room);
    for (uint32_t key = k->first_key; key < k->end_key; key += k->step) {
        const uint32_t left = k->end_key - key;
        VB_TRY(step_through(cpu, worker, k, &room, found, key,
                            left < k->step ? left : k->step, err));
    }
    return VBLIP_OK;
}
