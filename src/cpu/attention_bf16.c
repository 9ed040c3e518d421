// attention_bf16.c - vb_attention where weights are bf16 and queries are many: keys and
// values of a head are narrowed once, then some queries at a time make their scores and
// take their values by products, which have instructions of their own for bf16. Between
// the two, scores stay in a core's second cache. Sums and softmax are floats.
#include "cpu/attention.h"

#include <math.h>
#include <string.h>

enum {
    LEAST_QUERIES = 48, // fewer are sooner done in floats
    MOST_QUERIES = 128, // of a piece
    QUERY_STEP = 16,    // the height of a tile of the processor's
    SCORES = 128 << 10, // of a piece: what they take stays in the cache
    KEY_STEP = 64,      // keys are padded to multiples of that
};

typedef struct bf16_op {
    vb_cpu *cpu;
    const vb_query_groups *g;
    uint32_t keys, padded;  // of a group
    uint32_t chunk, chunks; // queries of a piece, and pieces of a head
    uint16_t *k, *v;        // [groups * heads, padded, head_dim]
} bf16_op;

bool vb_cpu_attention_suits_bf16(const vb_cpu *cpu, const vb_query_groups *g)
{
    return cpu->base.weights == VB_BF16 && g->queries >= LEAST_QUERIES &&
           g->args->k.type == VB_F32;
}

static size_t unit_values(const bf16_op *op)
{
    return (size_t)op->padded * op->g->head_dim;
}

static uint32_t most_seen(const bf16_op *op, uint32_t group)
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
    const bf16_op *op = user;
    const vb_attention_args *a = op->g->args;
    const uint32_t group = unit / a->heads, head = unit % a->heads;
    const uint32_t width = op->g->head_dim, seen = most_seen(op, group);
    const size_t column = (size_t)head * width, at = unit * unit_values(op);
    for (uint32_t key = 0; key < seen; key++) {
        const size_t row = at + (size_t)key * width;
        op->cpu->kernels->narrow_row(op->k + row,
                                     vb_cpu_row(&a->k, group, key) + column, width);
        op->cpu->kernels->narrow_row(op->v + row,
                                     vb_cpu_row(&a->v, group, key) + column, width);
    }
    const size_t rest = (size_t)(op->padded - seen) * width * sizeof *op->k;
    memset(op->k + at + (size_t)seen * width, 0, rest);
    memset(op->v + at + (size_t)seen * width, 0, rest);
    return VBLIP_OK;
}

// What a piece works on.
typedef struct bf16_room {
    float *scores, *o, *sums; // [chunk, padded], [chunk, head_dim], [chunk]
    float *scaled;            // [head_dim]
    uint16_t *q, *weights;    // [chunk, head_dim], [chunk, padded]
} bf16_room;

static size_t aligned(size_t bytes)
{
    return (bytes + VB_CPU_ALIGN - 1) / VB_CPU_ALIGN * VB_CPU_ALIGN;
}

// With `bytes` NULL counts what is needed.
static size_t lay_out_room(bf16_room *room, uint8_t *bytes, const bf16_op *op)
{
    const size_t width = op->g->head_dim, scores = (size_t)op->chunk * op->padded;
    const size_t sizes[] = {
        scores * sizeof(float),
        op->chunk * width * sizeof(float),
        op->chunk * sizeof(float),
        width * sizeof(float),
        op->chunk * width * sizeof(uint16_t),
        scores * sizeof(uint16_t),
    };
    void *parts[6];
    size_t at = 0;
    for (size_t i = 0; i < 6; i++) {
        parts[i] = bytes ? bytes + at : NULL;
        at += aligned(sizes[i]);
    }
    *room = (bf16_room){parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]};
    return at;
}

// Queries first .. first + count - 1 of a head.
static vblip_status attend_some(const bf16_op *op, vb_cpu_worker *worker,
                                const bf16_room *room, uint32_t unit, uint32_t first,
                                uint32_t count, vblip_error *err)
{
    const vb_query_groups *g = op->g;
    const vb_kernels *kernels = op->cpu->kernels;
    const uint32_t group = unit / g->args->heads, head = unit % g->args->heads;
    const uint32_t width = g->head_dim;
    const size_t at = unit * unit_values(op);
    for (uint32_t i = 0; i < count; i++) {
        const float *q = vb_query_row(g, &g->args->q, group, first + i, head);
        for (uint32_t d = 0; d < width; d++)
            room->scaled[d] = q[d] * g->scale;
        kernels->narrow_row(room->q + (size_t)i * width, room->scaled, width);
    }
    const vb_product_shape to_scores = {count, width, op->padded, VB_BF16,
                                        VB_PRODUCT_ROWS};
    VB_TRY(vb_cpu_multiply(worker, &to_scores, room->q, op->k + at, room->scores, err));
    for (uint32_t i = 0; i < count; i++) {
        const size_t row = (size_t)i * op->padded;
        float largest = -INFINITY;
        room->sums[i] = kernels->weigh_row(room->weights + row, room->scores + row,
                                           vb_query_seen(g, group, first + i),
                                           op->padded, &largest);
    }
    const vb_product_shape to_values = {count, op->padded, width, VB_BF16,
                                        VB_PRODUCT_COLUMNS};
    VB_TRY(
        vb_cpu_multiply(worker, &to_values, room->weights, op->v + at, room->o, err));
    for (uint32_t i = 0; i < count; i++)
        vb_write_attended(op->cpu, g,
                          vb_query_row(g, &g->args->y, group, first + i, head),
                          room->o + (size_t)i * width, room->sums[i]);
    return VBLIP_OK;
}

static vblip_status run_bf16_piece(void *user, vb_cpu_worker *worker, uint32_t piece,
                                   vblip_error *err)
{
    const bf16_op *op = user;
    bf16_room room;
    const uint32_t first = piece % op->chunks * op->chunk;
    const uint32_t left = op->g->queries - first;
    uint8_t *bytes = vb_room_take(&worker->room, lay_out_room(&room, NULL, op),
                                  &worker->allocations);
    if (!bytes)
        return vb_fail_memory(err, "attention");
    (void)lay_out_room(&room, bytes, op);
    return attend_some(op, worker, &room, piece / op->chunks, first,
                       left < op->chunk ? left : op->chunk, err);
}

static void choose_chunk(bf16_op *op)
{
    uint32_t most = SCORES / op->padded / QUERY_STEP * QUERY_STEP;
    most = most < QUERY_STEP ? QUERY_STEP : most > MOST_QUERIES ? MOST_QUERIES : most;
    const uint32_t chunks = (op->g->queries + most - 1) / most;
    const uint32_t even = (op->g->queries + chunks - 1) / chunks;
    op->chunk = (even + QUERY_STEP - 1) / QUERY_STEP * QUERY_STEP;
    op->chunks = (op->g->queries + op->chunk - 1) / op->chunk;
}

vblip_status vb_cpu_attention_bf16(vb_cpu *cpu, const vb_query_groups *g,
                                   vblip_error *err)
{
    const uint32_t units = g->groups * g->args->heads;
    bf16_op op = {.cpu = cpu, .g = g, .keys = g->args->k.rows};
    op.padded = (op.keys + KEY_STEP - 1) / KEY_STEP * KEY_STEP;
    choose_chunk(&op);
    const size_t values = units * unit_values(&op);
    op.k = vb_room_take(&cpu->shared, 2 * values * sizeof *op.k, &cpu->allocations);
    if (!op.k)
        return vb_fail_memory(err, "attention");
    op.v = op.k + values;
    const vb_cpu_loop narrowing = {.run = narrow_keys, .user = &op, .pieces = units};
    VB_TRY(vb_cpu_run(cpu, &narrowing, err));
    const vb_cpu_loop attending = {
        .run = run_bf16_piece, .user = &op, .pieces = units * op.chunks};
    return vb_cpu_run(cpu, &attending, err);
}
