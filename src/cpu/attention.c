// attention.c - vb_attention: a piece takes some queries of one head through its keys,
// block by block, and no score leaves the cache. Where a batch shares its keys, queries of
// all its matrices go through them together; where there are fewer pieces than workers,
// the keys are divided, and what the parts found is merged.
#include "cpu/attention.h"

#include <math.h>
#include <string.h>

enum {
    PIECES_PER_WORKER = 4, // so that none waits long for the last
    LEAST_QUERIES = 64,    // of a piece, where there are more
    MOST_QUERIES = 640,    // what they take stays in a core's second cache
    LEAST_KEYS = 512,      // of a part
};

typedef struct attention_op {
    vb_cpu *cpu;
    vb_query_groups g;
    uint32_t chunk, chunks; // queries of a piece, and how many times that
    uint32_t part, parts;   // keys of a piece, a multiple of VB_KEY_BLOCK
    float *found;           // of every piece, when parts > 1
} attention_op;

// One piece: queries first .. first + count - 1 of a group and a head.
typedef struct attention_piece {
    uint32_t group, head, first, count, part;
} attention_piece;

// What a piece works on, and finds: all in floats.
typedef struct attention_room {
    float *o, *largest, *sum; // found
    float *q, *blocks;
    uint32_t *seen;
} attention_room;

static uint32_t at_most(uint32_t value, uint32_t most)
{
    return value < most ? value : most;
}

static size_t found_floats(const attention_op *op)
{
    return (size_t)op->chunk * (op->g.head_dim + 2);
}

static size_t room_floats(const attention_op *op)
{
    return found_floats(op) + (size_t)op->chunk * (op->g.head_dim + 1) +
           (size_t)VB_KEY_BLOCK * (op->g.head_dim + VB_ATTEND_QUERIES);
}

static attention_room found_at(const attention_op *op, float *at)
{
    const size_t values = (size_t)op->chunk * op->g.head_dim;
    return (attention_room){
        .o = at, .largest = at + values, .sum = at + values + op->chunk};
}

static attention_room room_at(const attention_op *op, float *at)
{
    attention_room room = found_at(op, at);
    room.blocks = at + found_floats(op);
    room.q = room.blocks + (size_t)VB_KEY_BLOCK * (op->g.head_dim + VB_ATTEND_QUERIES);
    room.seen = (uint32_t *)(void *)(room.q + (size_t)op->chunk * op->g.head_dim);
    return room;
}

// Pieces are numbered by group, head, chunk and part, the last the fastest.
static attention_piece piece_of(const attention_op *op, uint32_t number)
{
    const uint32_t part = number % op->parts, rest = number / op->parts;
    const uint32_t first = rest % op->chunks * op->chunk, unit = rest / op->chunks;
    const uint32_t left = op->g.queries - first;
    return (attention_piece){
        .group = unit / op->g.args->heads,
        .head = unit % op->g.args->heads,
        .first = first,
        .count = left < op->chunk ? left : op->chunk,
        .part = part,
    };
}

static void gather_queries(const attention_op *op, const attention_piece *p,
                           const attention_room *room)
{
    const float scale = 1.0F / sqrtf((float)op->g.head_dim);
    for (uint32_t i = 0; i < p->count; i++) {
        const float *q =
            vb_query_row(&op->g, &op->g.args->q, p->group, p->first + i, p->head);
        float *out = room->q + (size_t)i * op->g.head_dim;
        for (uint32_t d = 0; d < op->g.head_dim; d++)
            out[d] = q[d] * scale;
        room->seen[i] = vb_query_seen(&op->g, p->group, p->first + i);
        room->largest[i] = -INFINITY;
        room->sum[i] = 0;
    }
    memset(room->o, 0, (size_t)p->count * op->g.head_dim * sizeof *room->o);
}

static void attend_to_keys(const attention_op *op, const attention_piece *p,
                           const attention_room *room)
{
    const vb_attention_args *a = op->g.args;
    const uint32_t first = p->part * op->part, left = a->k.rows - first;
    const uint32_t end = first + (left < op->part ? left : op->part);
    const size_t column = (size_t)p->head * op->g.head_dim;
    for (uint32_t key = first; key < end; key += VB_KEY_BLOCK) {
        const vb_attend step = {
            .queries = p->count,
            .head_dim = op->g.head_dim,
            .q = room->q,
            .o = room->o,
            .largest = room->largest,
            .sum = room->sum,
            .k = vb_cpu_row(&a->k, p->group, key) + column,
            .v = vb_cpu_row(&a->v, p->group, key) + column,
            .k_stride = a->k.row_stride,
            .v_stride = a->v.row_stride,
            .first = key,
            .keys = at_most(end - key, VB_KEY_BLOCK),
            .next = key + VB_KEY_BLOCK < end
                        ? at_most(end - key - VB_KEY_BLOCK, VB_KEY_BLOCK)
                        : 0,
            .seen = room->seen,
            .room = room->blocks,
        };
        op->cpu->kernels->attend(&step);
    }
}

static void write_attended(const attention_op *op, const attention_piece *p,
                           const attention_room *found)
{
    for (uint32_t i = 0; i < p->count; i++) {
        void *y = vb_query_row(&op->g, &op->g.args->y, p->group, p->first + i, p->head);
        vb_write_attended(op->cpu, &op->g, y, found->o + (size_t)i * op->g.head_dim,
                          found->sum[i]);
    }
}

static vblip_status run_piece(void *user, vb_cpu_worker *worker, uint32_t number,
                              vblip_error *err)
{
    const attention_op *op = user;
    const attention_piece p = piece_of(op, number);
    float *floats = vb_room_take(&worker->room, room_floats(op) * sizeof *floats,
                                 &worker->allocations);
    if (!floats)
        return vb_fail_memory(err, "attention");
    attention_room room = room_at(op, floats);
    if (op->parts > 1) {
        const attention_room found =
            found_at(op, op->found + number * found_floats(op));
        room.o = found.o;
        room.largest = found.largest;
        room.sum = found.sum;
    }
    gather_queries(op, &p, &room);
    attend_to_keys(op, &p, &room);
    if (op->parts == 1)
        write_attended(op, &p, &room);
    return VBLIP_OK;
}

// What `from` found becomes part of what `to` did: both are scaled to the larger of their
// largest scores. A part whose keys a query does not see has found nothing of it.
static void merge_found(const attention_op *op, const attention_room *to,
                        const attention_room *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (from->sum[i] == 0)
            continue;
        const float largest = fmaxf(to->largest[i], from->largest[i]);
        const float old = expf(to->largest[i] - largest);
        const float new = expf(from->largest[i] - largest);
        float *o = to->o + (size_t)i * op->g.head_dim;
        const float *added = from->o + (size_t)i * op->g.head_dim;
        for (uint32_t d = 0; d < op->g.head_dim; d++)
            o[d] = o[d] * old + added[d] * new;
        to->sum[i] = to->sum[i] * old + from->sum[i] * new;
        to->largest[i] = largest;
    }
}

static vblip_status merge_parts(void *user, vb_cpu_worker *worker, uint32_t piece,
                                vblip_error *err)
{
    (void)worker, (void)err;
    const attention_op *op = user;
    const uint32_t number = piece * op->parts;
    const attention_piece p = piece_of(op, number);
    const attention_room to = found_at(op, op->found + number * found_floats(op));
    for (uint32_t i = 1; i < op->parts; i++) {
        const attention_room from =
            found_at(op, op->found + (number + i) * found_floats(op));
        merge_found(op, &to, &from, p.count);
    }
    write_attended(op, &p, &to);
    return VBLIP_OK;
}

static void divide_attention(attention_op *op)
{
    const uint32_t units = op->g.groups * op->g.args->heads, keys = op->g.args->k.rows;
    const uint32_t wanted = PIECES_PER_WORKER * op->cpu->worker_count;
    uint32_t chunks = (op->g.queries + MOST_QUERIES - 1) / MOST_QUERIES;
    if (units * chunks < wanted && op->g.queries >= 2 * LEAST_QUERIES)
        chunks = at_most((wanted + units - 1) / units, op->g.queries / LEAST_QUERIES);
    op->chunk = (op->g.queries + chunks - 1) / chunks;
    op->chunks = (op->g.queries + op->chunk - 1) / op->chunk;
    uint32_t parts = 1;
    if (units * op->chunks < op->cpu->worker_count && keys >= 2 * LEAST_KEYS)
        parts = at_most((wanted + units * op->chunks - 1) / (units * op->chunks),
                        keys / LEAST_KEYS);
    op->part =
        ((keys + parts - 1) / parts + VB_KEY_BLOCK - 1) / VB_KEY_BLOCK * VB_KEY_BLOCK;
    op->parts = (keys + op->part - 1) / op->part;
}

static vblip_status attend_in_floats(attention_op *op, vblip_error *err)
{
    divide_attention(op);
    const uint32_t units = op->g.groups * op->g.args->heads * op->chunks;
    if (op->parts > 1) {
        op->found = vb_room_take(&op->cpu->shared,
                                 units * op->parts * found_floats(op) * sizeof(float),
                                 &op->cpu->allocations);
        if (!op->found)
            return vb_fail_memory(err, "attention");
    }
    const vb_cpu_loop loop = {
        .run = run_piece, .user = op, .pieces = units * op->parts};
    VB_TRY(vb_cpu_run(op->cpu, &loop, err));
    const vb_cpu_loop merging = {.run = merge_parts, .user = op, .pieces = units};
    return op->parts > 1 ? vb_cpu_run(op->cpu, &merging, err) : VBLIP_OK;
}

vblip_status vb_cpu_attention(vb_device *device, const vb_attention_args *a,
                              vblip_error *err)
{
    vb_cpu *cpu = vb_cpu_of(device);
    double start;
    attention_op op = {.cpu = cpu, .g = vb_query_groups_of(a)};
    VB_TRY(vb_cpu_begin(cpu, &start, err));
    if (vb_cpu_attention_suits_bf16(cpu, &op.g))
        VB_TRY(vb_cpu_attention_bf16(cpu, &op.g, err));
    else
        VB_TRY(attend_in_floats(&op, err));
    vb_cpu_end(cpu, "attention", start);
    return VBLIP_OK;
}
