// attention_bf16.c - keys and values of a head become packed rows in bf16, once for all
// queries, which then go through them by products.
#include "cpu/attention.h"

#include <string.h>

enum { LEAST_QUERIES = 48 }; // fewer are sooner done in floats

bool vb_attention_suits_bf16(const vb_cpu *cpu, const vb_query_groups *g)
{
    return cpu->base.weights == VB_BF16 && g->queries >= LEAST_QUERIES &&
           g->args->k.type == VB_F32;
}

typedef struct narrowing {
    vb_cpu *cpu;
    const vb_query_groups *g;
    uint16_t *k, *v; // [groups * heads, keys, head_dim]
} narrowing;

static uint32_t most_seen(const narrowing *op, uint32_t group)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < op->g->queries; i++) {
        const uint32_t seen = vb_query_seen(op->g, group, i);
        most = seen > most ? seen : most;
    }
    return most;
}

// Keys and values of one head; those that no query sees may hold anything, and are zero.
static vblip_status narrow_keys(void *user, vb_cpu_worker *worker, uint32_t unit,
                                vblip_error *err)
{
    (void)worker, (void)err;
    const narrowing *op = user;
    const vb_attention_args *a = op->g->args;
    const uint32_t group = unit / a->heads, head = unit % a->heads;
    const uint32_t width = op->g->head_dim, seen = most_seen(op, group);
    const size_t column = (size_t)head * width, at = (size_t)unit * a->k.rows * width;
    for (uint32_t key = 0; key < seen; key++) {
        const size_t row = at + (size_t)key * width;
        op->cpu->kernels->narrow_row(op->k + row,
                                     vb_cpu_row(&a->k, group, key) + column, width);
        op->cpu->kernels->narrow_row(op->v + row,
                                     vb_cpu_row(&a->v, group, key) + column, width);
    }
    const size_t rest = (size_t)(a->k.rows - seen) * width * sizeof *op->k;
    memset(op->k + at + (size_t)seen * width, 0, rest);
    memset(op->v + at + (size_t)seen * width, 0, rest);
    return VBLIP_OK;
}

vblip_status vb_attention_narrow_keys(const uint16_t **k, const uint16_t **v,
                                      vb_cpu *cpu, const vb_query_groups *g,
                                      vblip_error *err)
{
    const uint32_t units = g->groups * g->args->heads;
    const size_t values = (size_t)units * g->args->k.rows * g->head_dim;
    narrowing op = {.cpu = cpu, .g = g};
    op.k = vb_room_take(&cpu->narrowed, 2 * values * sizeof *op.k, &cpu->allocations);
    if (!op.k)
        return vb_fail_memory(err, "attention");
    op.v = op.k + values;
    *k = op.k;
    *v = op.v;
    const vb_cpu_loop loop = {.run = narrow_keys, .user = &op, .pieces = units};
    return vb_cpu_run(cpu, &loop, err);
}
