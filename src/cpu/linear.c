// linear.c - vb_linear: rows of x are packed without gaps in the type of the weights, a
// piece multiplies some of them with one panel to a tile, and the tile gets its bias,
// activation and residual on its way to y, while it is in the cache.
#include "cpu/context.h"

#include <string.h>

// Rows of a piece: with x and the panel they stay in a core's second cache. Steps are the
// height of an AMX tile.
enum { MAX_ROWS = 128, MAX_ROWS_WIDE = 64, WIDE = 1024, ROW_STEP = 16 };

typedef struct linear_op {
    vb_cpu *cpu;
    const vb_linear_args *args;
    const vb_cpu_matrix *w;
    const uint8_t *x;    // packed, or x as it lies
    uint32_t rows;       // of all matrices
    uint32_t block_rows; // of a piece
    uint32_t blocks;     // pieces of one panel
} linear_op;

static void choose_blocks(linear_op *op)
{
    const uint32_t most = op->w->base.cols > WIDE ? MAX_ROWS_WIDE : MAX_ROWS;
    const uint32_t blocks = (op->rows + most - 1) / most;
    uint32_t rows = (op->rows + blocks - 1) / blocks;
    if (blocks > 1)
        rows = (rows + ROW_STEP - 1) / ROW_STEP * ROW_STEP;
    op->block_rows = rows;
    op->blocks = (op->rows + rows - 1) / rows;
}

// Whether x is what a product reads: the type of the weights, without gaps.
static bool lies_packed(const linear_op *op)
{
    const vb_tensor *x = &op->args->x;
    return op->w->type == x->type && vb_tensor_packed(x);
}

static vblip_status pack_rows(void *user, vb_cpu_worker *worker, uint32_t piece,
                              vblip_error *err)
{
    (void)worker, (void)err;
    linear_op *op = user;
    const uint32_t first = piece * ROW_STEP, cols = op->w->base.cols;
    const uint32_t left = op->rows - first, count = left < ROW_STEP ? left : ROW_STEP;
    const size_t row_bytes = cols * vb_dtype_size(op->w->type);
    for (uint32_t r = first; r < first + count; r++) {
        uint8_t *out = (uint8_t *)op->cpu->shared.bytes + r * row_bytes;
        const void *x = vb_cpu_flat_row_at(&op->args->x, r);
        if (op->args->x.type == op->w->type)
            memcpy(out, x, row_bytes);
        else
            vb_cpu_narrow(op->cpu, out, op->w->type, x, cols);
    }
    return VBLIP_OK;
}

static vblip_status pack_x(linear_op *op, vblip_error *err)
{
    const size_t size =
        (size_t)op->rows * op->w->base.cols * vb_dtype_size(op->w->type);
    const vb_dtype type = op->args->x.type;
    if (type != VB_F32 && type != op->w->type)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "linear: x: type %s, weights are %s",
                       vb_dtype_name(type), vb_dtype_name(op->w->type));
    if (lies_packed(op)) {
        op->x = vb_cpu_bytes(&op->args->x);
        return VBLIP_OK;
    }
    op->x = vb_room_take(&op->cpu->shared, size, &op->cpu->allocations);
    if (!op->x)
        return vb_fail_memory(err, "linear");
    const vb_cpu_loop loop = {
        .run = pack_rows, .user = op, .pieces = (op->rows + ROW_STEP - 1) / ROW_STEP};
    return vb_cpu_run(op->cpu, &loop, err);
}

// A tile [rows, cols] to rows `first` and columns `at` of y.
static void place_tile(const linear_op *op, const float *tile, uint32_t first,
                       uint32_t rows, uint32_t at, uint32_t cols)
{
    const vb_linear_args *a = op->args;
    const float *bias = a->bias.buffer ? vb_cpu_row(&a->bias, 0, 0) + at : NULL;
    const vb_tensor y = vb_columns(a->y, at, cols);
    for (uint32_t r = 0; r < rows; r++) {
        const float *residual =
            a->residual.buffer ? vb_cpu_flat_row(&a->residual, first + r) + at : NULL;
        op->cpu->kernels->finish_row(vb_cpu_flat_row_at(&y, first + r), y.type,
                                     tile + (size_t)r * cols, bias, residual, cols,
                                     a->act);
    }
}

static vblip_status multiply_block(void *user, vb_cpu_worker *worker, uint32_t piece,
                                   vblip_error *err)
{
    const linear_op *op = user;
    const vb_cpu_matrix *w = op->w;
    const uint32_t panel = piece / op->blocks, at = panel * w->panel_rows;
    const uint32_t first = piece % op->blocks * op->block_rows;
    const uint32_t rows_left = op->rows - first, cols_left = w->base.rows - at;
    const vb_product_shape shape = {
        .rows = rows_left < op->block_rows ? rows_left : op->block_rows,
        .in = w->base.cols,
        .out = cols_left < w->panel_rows ? cols_left : w->panel_rows,
        .type = w->type,
    };
    float *tile =
        vb_room_take(&worker->room, (size_t)shape.rows * shape.out * sizeof *tile,
                     &worker->allocations);
    if (!tile)
        return vb_fail_memory(err, "linear");
    const size_t x_at = (size_t)first * shape.in * vb_dtype_size(w->type);
    VB_TRY(vb_cpu_multiply(worker, &shape, op->x + x_at,
                           w->panels + panel * w->panel_bytes, tile, err));
    place_tile(op, tile, first, shape.rows, at, shape.out);
    return VBLIP_OK;
}

vblip_status vb_cpu_linear(vb_device *device, const vb_linear_args *a, vblip_error *err)
{
    vb_cpu *cpu = vb_cpu_of(device);
    double start;
    linear_op op = {
        .cpu = cpu,
        .args = a,
        .w = (const vb_cpu_matrix *)a->w,
        .rows = a->x.batch * a->x.rows,
    };
    VB_TRY(vb_cpu_begin(cpu, &start, err));
    choose_blocks(&op);
    VB_TRY(pack_x(&op, err));
    const uint32_t panels = (op.w->base.rows + op.w->panel_rows - 1) / op.w->panel_rows;
    const vb_cpu_loop loop = {
        .run = multiply_block, .user = &op, .pieces = panels * op.blocks};
    VB_TRY(vb_cpu_run(cpu, &loop, err));
    vb_cpu_end(cpu, "linear", start);
    return VBLIP_OK;
}
