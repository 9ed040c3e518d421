// attention_products.c - vb_attention of many queries: keys and values of a head are packed
// once, in the type of the weights, then some queries at a time make their scores and take
// their values by products of oneDNN. Between the two, scores stay in a core's second
// cache. Sums and softmax are floats.
#include "cpu/attention.h"

#include <math.h>
#include <string.h>

enum {
    LEAST_QUERIES = 48, // fewer are sooner done by the kernel of attention.c
    MOST_QUERIES = 128, // of a piece
    QUERY_STEP = 16,    // the height of a tile of the processor's
    SCORES = 128 << 10, // of a piece: what they take stays in the cache
    KEY_STEP = 64,      // keys are padded to multiples of that
};

typedef struct product_attention {
    vb_cpu *cpu;
    const vb_query_groups *g;
    vb_dtype type;          // of the operands of products
    uint32_t keys, padded;  // of a group
    uint32_t chunk, chunks; // queries of a piece, and pieces of a head
    uint8_t *k, *v;         // [groups * heads, padded, head_dim] of `type`
} product_attention;

bool vb_cpu_attention_suits_products(const vb_query_groups *g)
{
    return g->queries >= LEAST_QUERIES;
}

static size_t row_bytes(const product_attention *op)
{
    return op->g->head_dim * vb_dtype_size(op->type);
}

static size_t unit_bytes(const product_attention *op)
{
    return op->padded * row_bytes(op);
}

// A row of one head, in the type that products read.
static void pack_head(const product_attention *op, uint8_t *out, const float *in)
{
    if (op->type == VB_F32)
        memcpy(out, in, row_bytes(op));
    else
        op->cpu->kernels->narrow_row((uint16_t *)(void *)out, in, op->g->head_dim);
}

static uint32_t most_seen(const product_attention *op, uint32_t group)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < op->g->queries; i++) {
        const uint32_t seen = vb_query_seen(op->g, group, i);
        most = seen > most ? seen : most;
    }
    return most;
}

// Keys and values of one head; those that no query sees may hold anything, and are zero.
static vblip_status pack_keys(void *user, vb_cpu_worker *worker, uint32_t unit,
                              vblip_error *err)
{
    (void)worker, (void)err;
    const product_attention *op = user;
    const vb_attention_args *a = op->g->args;
    const uint32_t group = unit / a->heads, head = unit % a->heads;
    const uint32_t seen = most_seen(op, group);
    const size_t column = (size_t)head * op->g->head_dim, size = row_bytes(op);
    uint8_t *k = op->k + unit * unit_bytes(op), *v = op->v + unit * unit_bytes(op);
    for (uint32_t key = 0; key < seen; key++) {
        pack_head(op, k + key * size, vb_cpu_row(&a->k, group, key) + column);
        pack_head(op, v + key * size, vb_cpu_row(&a->v, group, key) + column);
    }
    memset(k + seen * size, 0, (op->padded - seen) * size);
    memset(v + seen * size, 0, (op->padded - seen) * size);
    return VBLIP_OK;
}

// What a piece works on. In floats, scores become weights where they are.
typedef struct product_room {
    float *scores, *o, *sums; // [chunk, padded], [chunk, head_dim], [chunk]
    float *scaled;            // [head_dim]
    uint8_t *q, *weights;     // [chunk, head_dim], [chunk, padded], of `type`
} product_room;

static size_t aligned(size_t bytes)
{
    return (bytes + VB_CPU_ALIGN - 1) / VB_CPU_ALIGN * VB_CPU_ALIGN;
}

// With `bytes` NULL counts what is needed.
static size_t lay_out_room(product_room *room, uint8_t *bytes,
                           const product_attention *op)
{
    const size_t width = op->g->head_dim, scores = (size_t)op->chunk * op->padded;
    const size_t sizes[] = {
        scores * sizeof(float),
        op->chunk * width * sizeof(float),
        op->chunk * sizeof(float),
        width * sizeof(float),
        op->chunk * row_bytes(op),
        op->type == VB_F32 ? 0 : scores * vb_dtype_size(op->type),
    };
    void *parts[6];
    size_t at = 0;
    for (size_t i = 0; i < 6; i++) {
        parts[i] = bytes ? bytes + at : NULL;
        at += aligned(sizes[i]);
    }
    *room =
        (product_room){parts[0], parts[1], parts[2],
                       parts[3], parts[4], op->type == VB_F32 ? parts[0] : parts[5]};
    return at;
}

static void pack_queries(const product_attention *op, const product_room *room,
                         uint32_t unit, uint32_t first, uint32_t count)
{
    const vb_query_groups *g = op->g;
    const uint32_t group = unit / g->args->heads, head = unit % g->args->heads;
    const float scale = 1.0F / sqrtf((float)g->head_dim);
    for (uint32_t i = 0; i < count; i++) {
        const float *q = vb_query_row(g, &g->args->q, group, first + i, head);
        for (uint32_t d = 0; d < g->head_dim; d++)
            room->scaled[d] = q[d] * scale;
        pack_head(op, room->q + i * row_bytes(op), room->scaled);
    }
}

static void weigh_scores(const product_attention *op, const product_room *room,
                         uint32_t group, uint32_t first, uint32_t count)
{
    const vb_kernels *kernels = op->cpu->kernels;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t seen = vb_query_seen(op->g, group, first + i);
        float *scores = room->scores + (size_t)i * op->padded;
        uint16_t *narrow = (uint16_t *)(void *)room->weights + (size_t)i * op->padded;
        room->sums[i] = op->type == VB_F32
                            ? kernels->weigh_row(scores, seen, op->padded)
                            : kernels->weigh_row_bf16(narrow, scores, seen, op->padded);
    }
}

static vblip_status multiply_once(vb_cpu_worker *worker, const vb_product_shape *shape,
                                  const void *x, const void *w, float *y,
                                  vblip_error *err)
{
    vb_product *product;
    VB_TRY(vb_cpu_product(&product, worker, shape, err));
    return vb_product_run(product, x, w, y, err);
}

// Queries first .. first + count - 1 of a head.
static vblip_status attend_some(const product_attention *op, vb_cpu_worker *worker,
                                const product_room *room, uint32_t unit, uint32_t first,
                                uint32_t count, vblip_error *err)
{
    const vb_query_groups *g = op->g;
    const uint32_t group = unit / g->args->heads, head = unit % g->args->heads;
    const uint32_t width = g->head_dim;
    const size_t at = unit * unit_bytes(op);
    pack_queries(op, room, unit, first, count);
    const vb_product_shape to_scores = {count, width, op->padded, op->type,
                                        VB_PRODUCT_ROWS};
    VB_TRY(multiply_once(worker, &to_scores, room->q, op->k + at, room->scores, err));
    weigh_scores(op, room, group, first, count);
    const vb_product_shape to_values = {count, op->padded, width, op->type,
                                        VB_PRODUCT_COLUMNS};
    VB_TRY(multiply_once(worker, &to_values, room->weights, op->v + at, room->o, err));
    for (uint32_t i = 0; i < count; i++) {
        float *y = vb_query_row(g, &g->args->y, group, first + i, head);
        const float share = 1.0F / room->sums[i];
        for (uint32_t d = 0; d < width; d++)
            y[d] = room->o[(size_t)i * width + d] * share;
    }
    return VBLIP_OK;
}

static vblip_status run_product_piece(void *user, vb_cpu_worker *worker, uint32_t piece,
                                      vblip_error *err)
{
    const product_attention *op = user;
    product_room room;
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

static void choose_chunk(product_attention *op)
{
    uint32_t most = SCORES / op->padded / QUERY_STEP * QUERY_STEP;
    most = most < QUERY_STEP ? QUERY_STEP : most > MOST_QUERIES ? MOST_QUERIES : most;
    const uint32_t chunks = (op->g->queries + most - 1) / most;
    const uint32_t even = (op->g->queries + chunks - 1) / chunks;
    op->chunk = (even + QUERY_STEP - 1) / QUERY_STEP * QUERY_STEP;
    op->chunks = (op->g->queries + op->chunk - 1) / op->chunk;
}

vblip_status vb_cpu_attention_products(vb_cpu *cpu, const vb_query_groups *g,
                                       vblip_error *err)
{
    const uint32_t units = g->groups * g->args->heads;
    product_attention op = {
        .cpu = cpu, .g = g, .type = cpu->base.weights, .keys = g->args->k.rows};
    op.padded = (op.keys + KEY_STEP - 1) / KEY_STEP * KEY_STEP;
    choose_chunk(&op);
    const size_t bytes = units * unit_bytes(&op);
    op.k = vb_room_take(&cpu->shared, 2 * bytes, &cpu->allocations);
    if (!op.k)
        return vb_fail_memory(err, "attention");
    op.v = op.k + bytes;
    const vb_cpu_loop packing = {.run = pack_keys, .user = &op, .pieces = units};
    VB_TRY(vb_cpu_run(cpu, &packing, err));
    const vb_cpu_loop attending = {
        .run = run_product_piece, .user = &op, .pieces = units * op.chunks};
    return vb_cpu_run(cpu, &attending, err);
}
