// attention.c - vb_attention: a piece takes some queries of one head through its keys,
// block by block, and no score leaves the cache. Where a batch shares its keys, queries of
// all its matrices go through them together; where there are fewer pieces than workers,
// the keys are divided, and what the parts found is merged. Few queries cost little beside
// reading the keys: a piece takes them through all heads of a block, whose rows lie one
// behind the other. Many queries of keys in bf16 have a file of their own.
#include "cpu/attention.h"

#include <string.h>

enum {
    PIECES_PER_WORKER = 4,    // so that none waits long for the last
    LEAST_QUERIES = 64,       // of a piece, where there are more
    MOST_VALUES = 40960,      // of a piece's queries, which stay in the second cache
    MOST_NARROW = 128,        // queries of a piece where keys are bf16
    MOST_TOGETHER = 32,       // queries whose heads go through the keys together
    LEAST_PRODUCTS = 1 << 17, // of a part, to be worth merging
};

typedef struct attention_op {
    vb_cpu *cpu;
    vb_query_groups g;
    uint32_t span;          // heads of a piece: one, or all
    uint32_t chunk, chunks; // queries of a piece, and how many times that
    uint32_t part, parts;   // keys of a piece, a multiple of VB_KEY_BLOCK
    uint32_t step;          // keys that a piece takes at a time, in bf16
    float *found;           // of every piece, when parts > 1
    const uint16_t *k, *v;  // in bf16: vb_attention_narrow_keys(), or NULL
} attention_op;

// One piece: queries first .. first + count - 1 of a group, heads head .. head + span - 1.
typedef struct attention_piece {
    uint32_t group, head, first, count, part;
} attention_piece;

// What a piece works on when keys are floats.
typedef struct attention_room {
    float *q, *blocks;
    uint32_t *seen;
} attention_room;

static uint32_t at_most(uint32_t value, uint32_t most)
{
    return value < most ? value : most;
}

// Of a head, a multiple of VB_CPU_ALIGN bytes.
static size_t found_floats(const attention_op *op)
{
    const size_t line = VB_CPU_ALIGN / sizeof(float);
    return ((size_t)op->chunk * (op->g.head_dim + 2) + line - 1) / line * line;
}

static size_t block_floats(const attention_op *op)
{
    return (size_t)VB_KEY_BLOCK * (op->g.head_dim + VB_ATTEND_QUERIES);
}

// Whether keys are read in bf16: narrowed, or as they lie.
static bool is_narrow(const attention_op *op)
{
    return op->k || op->g.args->k.type == VB_BF16;
}

// What a piece needs, in a worker's room behind what it finds.
static size_t room_bytes(const attention_op *op)
{
    if (is_narrow(op))
        return vb_attend_keys_bytes(&op->g, op->chunk, op->step);
    return (block_floats(op) +
            (size_t)op->chunk * (op->span * (size_t)op->g.head_dim + 1)) *
           sizeof(float);
}

static vb_attend_found found_at(const attention_op *op, float *at)
{
    const size_t values = (size_t)op->chunk * op->g.head_dim;
    return (vb_attend_found){
        .o = at, .largest = at + values, .sum = at + values + op->chunk};
}

static attention_room room_at(const attention_op *op, float *at)
{
    float *q = at + block_floats(op);
    return (attention_room){
        .blocks = at,
        .q = q,
        .seen = (uint32_t *)(void *)(q + (size_t)op->span * op->chunk * op->g.head_dim),
    };
}

// What a piece found of the n-th of its heads.
static vb_attend_found found_of_head(const attention_op *op, float *at, uint32_t n)
{
    return found_at(op, at + n * found_floats(op));
}

// Pieces are numbered by group, heads, chunk and part, the last the fastest.
static attention_piece piece_of(const attention_op *op, uint32_t number)
{
    const uint32_t part = number % op->parts, rest = number / op->parts;
    const uint32_t first = rest % op->chunks * op->chunk, unit = rest / op->chunks;
    const uint32_t left = op->g.queries - first, spans = op->g.args->heads / op->span;
    return (attention_piece){
        .group = unit / spans,
        .head = unit % spans * op->span,
        .first = first,
        .count = left < op->chunk ? left : op->chunk,
        .part = part,
    };
}

// Queries of the n-th head of a piece, scaled.
static float *queries_of_head(const attention_op *op, const attention_room *room,
                              uint32_t n)
{
    return room->q + (size_t)n * op->chunk * op->g.head_dim;
}

static void gather_queries(const attention_op *op, const attention_piece *p,
                           const attention_room *room)
{
    const uint32_t width = op->g.head_dim;
    for (uint32_t i = 0; i < p->count; i++)
        room->seen[i] = vb_query_seen(&op->g, p->group, p->first + i);
    for (uint32_t n = 0; n < op->span; n++) {
        float *out = queries_of_head(op, room, n);
        for (uint32_t i = 0; i < p->count; i++, out += width) {
            const float *q = vb_query_row(&op->g, &op->g.args->q, p->group,
                                          p->first + i, p->head + n);
            for (uint32_t d = 0; d < width; d++)
                out[d] = q[d] * op->g.scale;
        }
    }
}

// Asks for the n-th part of `span` of the rows of a block, all heads of a piece wide:
// its memory is read while another block is worked on.
static void fetch_block(const attention_op *op, const attention_piece *p,
                        const vb_tensor *t, uint32_t first, uint32_t end, uint32_t n)
{
    enum { FLOATS_OF_LINE = VB_CPU_ALIGN / sizeof(float) };
    const uint32_t keys = end - first, width = op->span * op->g.head_dim;
    for (uint32_t r = keys * n / op->span; r < keys * (n + 1) / op->span; r++) {
        const float *row =
            vb_cpu_row(t, p->group, first + r) + (size_t)p->head * op->g.head_dim;
        for (uint32_t at = 0; at < width; at += FLOATS_OF_LINE)
            __builtin_prefetch(row + at, 0, 2);
    }
}

static void attend_to_block(const attention_op *op, const attention_piece *p,
                            float *found_here, const attention_room *room,
                            uint32_t first, uint32_t end)
{
    const vb_attention_args *a = op->g.args;
    const uint32_t next = end, next_end = at_most(end + VB_KEY_BLOCK, a->k.rows);
    for (uint32_t n = 0; n < op->span; n++) {
        const vb_attend_found found = found_of_head(op, found_here, n);
        const size_t column = (size_t)(p->head + n) * op->g.head_dim;
        const vb_attend step = {
            .queries = p->count,
            .head_dim = op->g.head_dim,
            .q = queries_of_head(op, room, n),
            .o = found.o,
            .largest = found.largest,
            .sum = found.sum,
            .k = vb_cpu_row(&a->k, p->group, first) + column,
            .v = vb_cpu_row(&a->v, p->group, first) + column,
            .k_stride = a->k.row_stride,
            .v_stride = a->v.row_stride,
            .first = first,
            .keys = end - first,
            .seen = room->seen,
            .room = room->blocks,
        };
        fetch_block(op, p, &a->k, next, next_end, n);
        fetch_block(op, p, &a->v, next, next_end, n);
        op->cpu->kernels->attend(&step);
    }
}

static void attend_to_blocks(const attention_op *op, const attention_piece *p,
                             float *found, float *floats, uint32_t first, uint32_t end)
{
    const attention_room room = room_at(op, floats);
    gather_queries(op, p, &room);
    for (uint32_t key = first; key < end; key += VB_KEY_BLOCK)
        attend_to_block(op, p, found, &room, key, at_most(key + VB_KEY_BLOCK, end));
}

static vblip_status attend_by_products(const attention_op *op, vb_cpu_worker *worker,
                                       const attention_piece *p,
                                       const vb_attend_found *found, float *room,
                                       uint32_t first, uint32_t end, vblip_error *err)
{
    const vb_attention_args *a = op->g.args;
    const size_t unit = (size_t)p->group * a->heads + p->head;
    const size_t at = unit * a->k.rows * op->g.head_dim;
    const vb_attend_keys some = {
        .groups = &op->g,
        .group = p->group,
        .head = p->head,
        .first = p->first,
        .count = p->count,
        .k = op->k ? op->k + at : vb_cpu_row_at(&a->k, p->group, 0),
        .v = op->v ? op->v + at : vb_cpu_row_at(&a->v, p->group, 0),
        .first_key = first,
        .end_key = end,
        .step = op->step,
        .room = room,
    };
    return vb_attend_keys_bf16(op->cpu, worker, &some, found, err);
}

static void empty_found(const attention_op *op, float *at)
{
    for (uint32_t n = 0; n < op->span; n++) {
        const vb_attend_found found = found_of_head(op, at, n);
        memset(found.o, 0, (size_t)op->chunk * op->g.head_dim * sizeof *found.o);
        for (uint32_t i = 0; i < op->chunk; i++) {
            found.largest[i] = -INFINITY;
            found.sum[i] = 0;
        }
    }
}

static vblip_status attend_to_keys(const attention_op *op, vb_cpu_worker *worker,
                                   const attention_piece *p, float *found, float *room,
                                   vblip_error *err)
{
    const uint32_t keys = op->g.args->k.rows, first = p->part * op->part;
    const uint32_t end = first + at_most(keys - first, op->part);
    empty_found(op, found);
    if (is_narrow(op)) {
        const vb_attend_found of_head = found_at(op, found);
        return attend_by_products(op, worker, p, &of_head, room, first, end, err);
    }
    attend_to_blocks(op, p, found, room, first, end);
    return VBLIP_OK;
}

static void write_attended(const attention_op *op, const attention_piece *p,
                           float *found_here)
{
    for (uint32_t n = 0; n < op->span; n++) {
        const vb_attend_found found = found_of_head(op, found_here, n);
        for (uint32_t i = 0; i < p->count; i++)
            vb_write_attended(op->cpu, &op->g,
                              vb_query_row(&op->g, &op->g.args->y, p->group,
                                           p->first + i, p->head + n),
                              found.o + (size_t)i * op->g.head_dim, found.sum[i]);
    }
}

// What all heads of a piece found, where parts are merged.
static float *found_of_piece(const attention_op *op, uint32_t number)
{
    return op->found + (size_t)number * op->span * found_floats(op);
}

static vblip_status run_piece(void *user, vb_cpu_worker *worker, uint32_t number,
                              vblip_error *err)
{
    const attention_op *op = user;
    const attention_piece p = piece_of(op, number);
    const size_t found_size = op->span * found_floats(op);
    float *floats =
        vb_room_take(&worker->room, found_size * sizeof *floats + room_bytes(op),
                     &worker->allocations);
    if (!floats)
        return vb_fail_memory(err, "attention");
    float *found = op->parts > 1 ? found_of_piece(op, number) : floats;
    VB_TRY(attend_to_keys(op, worker, &p, found, floats + found_size, err));
    if (op->parts == 1)
        write_attended(op, &p, found);
    return VBLIP_OK;
}

// What `from` found becomes part of what `to` did: both are scaled to the larger of their
// largest scores. A part whose keys a query does not see has found nothing of it.
static void merge_found(const attention_op *op, const vb_attend_found *to,
                        const vb_attend_found *from, uint32_t count)
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
    for (uint32_t i = 1; i < op->parts; i++)
        for (uint32_t n = 0; n < op->span; n++) {
            const vb_attend_found to = found_of_head(op, found_of_piece(op, number), n);
            const vb_attend_found from =
                found_of_head(op, found_of_piece(op, number + i), n);
            merge_found(op, &to, &from, p.count);
        }
    write_attended(op, &p, found_of_piece(op, number));
    return VBLIP_OK;
}

static void divide_queries(attention_op *op, uint32_t units, uint32_t wanted)
{
    const uint32_t queries = op->g.queries, fit = MOST_VALUES / op->g.head_dim;
    const uint32_t most = is_narrow(op) ? at_most(fit, MOST_NARROW) : fit;
    uint32_t chunks = vb_divided(queries, most ? most : 1);
    if (units * chunks < wanted && queries >= 2 * LEAST_QUERIES) {
        const uint32_t more =
            at_most(vb_divided(wanted, units), queries / LEAST_QUERIES);
        chunks = more > chunks ? more : chunks;
    }
    op->chunk = vb_divided(queries, chunks);
    op->chunks = vb_divided(queries, op->chunk);
}

// Keys are divided where there are fewer pieces than wanted: into as many parts as leave
// no worker without, or some times that, each worth the merging.
static void divide_keys(attention_op *op, uint32_t pieces, uint32_t wanted)
{
    const uint32_t blocks = vb_divided(op->g.args->k.rows, VB_KEY_BLOCK);
    const uint32_t products = // of a block
        op->chunk * op->span * op->g.head_dim * VB_KEY_BLOCK;
    const uint32_t least = vb_divided(LEAST_PRODUCTS, products);
    uint32_t parts = vb_divided(op->cpu->worker_count, pieces);
    const uint32_t finer = at_most(vb_divided(wanted, parts * pieces),
                                   blocks / (parts * least * PIECES_PER_WORKER));
    parts = at_most(finer ? finer * parts : parts, blocks / least);
    op->part = vb_divided(blocks, pieces < wanted && parts ? parts : 1) * VB_KEY_BLOCK;
    op->parts = vb_divided(op->g.args->k.rows, op->part);
    op->step =
        vb_attend_keys_step(&op->g, op->chunk, at_most(op->g.args->k.rows, op->part));
}

static void divide_attention(attention_op *op)
{
    const vb_attention_args *a = op->g.args;
    const bool together = op->g.queries <= MOST_TOGETHER && !is_narrow(op);
    op->span = together ? a->heads : 1;
    const uint32_t units = op->g.groups * a->heads / op->span;
    const uint32_t wanted = PIECES_PER_WORKER * op->cpu->worker_count;
    divide_queries(op, units, wanted);
    divide_keys(op, units * op->chunks, wanted);
}

static vblip_status attend_in_pieces(attention_op *op, vblip_error *err)
{
    divide_attention(op);
    const uint32_t units = op->g.groups * op->g.args->heads / op->span * op->chunks;
    if (op->parts > 1) {
        const size_t size = (size_t)units * op->parts * op->span * found_floats(op);
        op->found = vb_room_take(&op->cpu->shared, size * sizeof *op->found,
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

vblip_status vb_cpu_attend(vb_cpu *cpu, const vb_query_groups *g, vblip_error *err)
{
    attention_op op = {.cpu = cpu, .g = *g};
    if (vb_attention_suits_bf16(cpu, g))
        VB_TRY(vb_attention_narrow_keys(&op.k, &op.v, cpu, g, err));
    return attend_in_pieces(&op, err);
}

vblip_status vb_cpu_attention(vb_device *device, const vb_attention_args *a,
                              vblip_error *err)
{
    vb_cpu *cpu = vb_cpu_of(device);
    const vb_query_groups groups = vb_query_groups_of(a);
    double start;
    VB_TRY(vb_cpu_begin(cpu, &start, err));
    VB_TRY(vb_cpu_attend(cpu, &groups, err));
    vb_cpu_end(cpu, "attention", start);
    return VBLIP_OK;
}
