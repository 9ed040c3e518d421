// absorbed.c - vb_absorbed_attention: a head's queries become rows as wide as x by the
// weights of its keys, all heads go through x as one, and what they find becomes values
// by the weights of those.
#include "cpu/attention.h"

#include <string.h>

enum {
    COLUMNS_OF_A_PIECE = 256,
    // Fewer queries than these are a step of decoding. Rounded to bf16 they cost a third
    // less, and change twice as many of the words that are chosen narrowly.
    LEAST_ROUNDED = 8,
};

typedef struct absorbed_op {
    vb_cpu *cpu;
    const vb_absorbed_attention_args *args;
    const vb_cpu_matrix *w;
    uint32_t groups, rows;    // rows of q that see the same x
    uint32_t width, wide;     // of a head; of x
    uint32_t pieces;          // of the columns of x
    vb_tensor queries, mixed; // VB_F32 [groups, heads * rows, wide]
} absorbed_op;

// Row `row` of a head's weights of keys or, behind those of all heads, of values.
static const void *weight_row(const absorbed_op *op, uint32_t head, bool value)
{
    const size_t row =
        (size_t)head * op->width + (value ? (size_t)op->args->heads * op->width : 0);
    return op->w->rows + row * op->wide * vb_dtype_size(op->w->type);
}

// Where row `row`, of all rows of q, of a head lies in queries and mixed.
static float *wide_row(const absorbed_op *op, const vb_tensor *t, uint32_t head,
                       uint32_t row)
{
    return vb_cpu_row(t, row / op->rows, head * op->rows + row % op->rows);
}

static uint32_t all_rows(const absorbed_op *op)
{
    return op->groups * op->rows;
}

// Some columns of the queries of a head, all rows.
static vblip_status absorb_queries(void *user, vb_cpu_worker *worker, uint32_t piece,
                                   vblip_error *err)
{
    const absorbed_op *op = user;
    const uint32_t head = piece / op->pieces, rows = all_rows(op);
    const uint32_t first = piece % op->pieces * COLUMNS_OF_A_PIECE;
    const uint32_t left = op->wide - first;
    const uint32_t cols = left < COLUMNS_OF_A_PIECE ? left : COLUMNS_OF_A_PIECE;
    const float scale = 1.0F / sqrtf((float)op->width);
    float *q =
        vb_room_take(&worker->room, (size_t)rows * (op->width + cols) * sizeof *q,
                     &worker->allocations);
    if (!q)
        return vb_fail_memory(err, "absorbed attention");
    for (uint32_t r = 0; r < rows; r++) {
        const float *row = vb_cpu_flat_row(&op->args->q, r) + head * op->width;
        for (uint32_t d = 0; d < op->width; d++)
            q[r * op->width + d] = row[d] * scale;
    }
    const vb_row_product product = {
        .rows = rows,
        .in = op->width,
        .out = cols,
        .x = q,
        .w = (const uint8_t *)weight_row(op, head, false) +
             first * vb_dtype_size(op->w->type),
        .type = op->w->type,
        .w_stride = op->wide,
        .y = q + (size_t)rows * op->width,
    };
    op->cpu->kernels->times_rows(&product);
    for (uint32_t r = 0; r < rows; r++)
        memcpy(wide_row(op, &op->queries, head, r) + first,
               product.y + (size_t)r * cols, cols * sizeof *q);
    return VBLIP_OK;
}

// The values of a head, all rows.
static vblip_status take_values(void *user, vb_cpu_worker *worker, uint32_t head,
                                vblip_error *err)
{
    const absorbed_op *op = user;
    const vb_absorbed_attention_args *a = op->args;
    const uint32_t rows = all_rows(op), column = head * op->width;
    float *x =
        vb_room_take(&worker->room, (size_t)rows * (op->wide + op->width) * sizeof *x,
                     &worker->allocations);
    if (!x)
        return vb_fail_memory(err, "absorbed attention");
    for (uint32_t r = 0; r < rows; r++)
        memcpy(x + (size_t)r * op->wide, wide_row(op, &op->mixed, head, r),
               op->wide * sizeof *x);
    const vb_row_product product = {
        .rows = rows,
        .in = op->wide,
        .out = op->width,
        .x = x,
        .w = weight_row(op, head, true),
        .type = op->w->type,
        .w_stride = op->wide,
        .y = x + (size_t)rows * op->wide,
    };
    op->cpu->kernels->times_columns(&product);
    const float *bias = vb_cpu_row(&a->bias, 0, 0) + a->heads * op->width + column;
    const vb_tensor y = vb_columns(a->y, column, op->width);
    for (uint32_t r = 0; r < rows; r++)
        op->cpu->kernels->finish_row(vb_cpu_flat_row_at(&y, r), y.type,
                                     product.y + (size_t)r * op->width, bias, NULL,
                                     op->width, VB_ACT_NONE);
    return VBLIP_OK;
}

static vblip_status attend_absorbed(absorbed_op *op, vblip_error *err)
{
    const vb_absorbed_attention_args *a = op->args;
    const uint32_t rows = a->heads * op->rows;
    const size_t bytes = (size_t)op->groups * rows * op->wide * sizeof(float);
    vb_cpu_buffer scratch = {.base = {.device = &op->cpu->base, .size = 2 * bytes}};
    scratch.bytes = vb_room_take(&op->cpu->absorbed, 2 * bytes, &op->cpu->allocations);
    if (!scratch.bytes)
        return vb_fail_memory(err, "absorbed attention");
    op->queries = vb_tensor_view(&scratch.base, 0, VB_F32, op->groups, rows, op->wide);
    op->mixed =
        vb_tensor_view(&scratch.base, bytes, VB_F32, op->groups, rows, op->wide);
    const vb_attention_args whole = {
        .y = op->mixed, .q = op->queries, .k = a->x, .v = a->x, .heads = 1};
    vb_query_groups groups = vb_query_groups_of(&whole);
    groups.scale = 1; // the queries have it
    groups.exact = op->rows < LEAST_ROUNDED;

    op->pieces = vb_divided(op->wide, COLUMNS_OF_A_PIECE);
    VB_TRY(vb_cpu_run(op->cpu,
                      &(vb_cpu_loop){.run = absorb_queries,
                                     .user = op,
                                     .pieces = a->heads * op->pieces},
                      err));
    VB_TRY(vb_cpu_attend(op->cpu, &groups, err));
    return vb_cpu_run(
        op->cpu, &(vb_cpu_loop){.run = take_values, .user = op, .pieces = a->heads},
        err);
}

vblip_status vb_cpu_absorbed_attention(vb_device *device,
                                       const vb_absorbed_attention_args *a,
                                       vblip_error *err)
{
    vb_cpu *cpu = vb_cpu_of(device);
    const bool shared = a->x.batch == 1;
    double start;
    absorbed_op op = {
        .cpu = cpu,
        .args = a,
        .w = (const vb_cpu_matrix *)a->w,
        .groups = shared ? 1 : a->q.batch,
        .rows = shared ? a->q.batch * a->q.rows : a->q.rows,
        .width = a->q.cols / a->heads,
        .wide = a->x.cols,
    };
    VB_TRY(vb_cpu_begin(cpu, &start, err));
    VB_TRY(vb_cpu_matrix_rows(cpu, (vb_cpu_matrix *)a->w, err));
    VB_TRY(attend_absorbed(&op, err));
    vb_cpu_end(cpu, "absorbed attention", start);
    return VBLIP_OK;
}
