// rows.c - ops that move or combine rows: some rows are a piece.
#include "cpu/context.h"

#include <math.h>
#include <string.h>

// Values of a piece: what is worth another thread.
enum { PIECE_VALUES = 16384 };

// Calls row(user, r) for r below `rows`, which are of `cols` values.
typedef struct row_loop {
    void (*row)(const struct row_loop *loop, uint32_t r);
    vb_cpu *cpu;
    const void *args;
    uint32_t rows, cols, piece;
} row_loop;

static vblip_status run_rows(void *user, vb_cpu_worker *worker, uint32_t piece,
                             vblip_error *err)
{
    (void)worker, (void)err;
    const row_loop *loop = user;
    const uint32_t first = piece * loop->piece, left = loop->rows - first;
    const uint32_t end = first + (left < loop->piece ? left : loop->piece);
    for (uint32_t r = first; r < end; r++)
        loop->row(loop, r);
    return VBLIP_OK;
}

static vblip_status run_op(const char *op, row_loop loop, vblip_error *err)
{
    double start;
    VB_TRY(vb_cpu_begin(loop.cpu, &start, err));
    loop.piece = loop.cols < PIECE_VALUES ? PIECE_VALUES / loop.cols : 1;
    const vb_cpu_loop pieces = {.run = run_rows,
                                .user = &loop,
                                .pieces = (loop.rows + loop.piece - 1) / loop.piece};
    VB_TRY(vb_cpu_run(loop.cpu, &pieces, err));
    vb_cpu_end(loop.cpu, op, start);
    return VBLIP_OK;
}

static void normalise_one(const row_loop *loop, uint32_t r)
{
    const vb_layernorm_args *a = loop->args;
    loop->cpu->kernels->normalise_row(
        vb_cpu_flat_row_at(&a->y, r), a->y.type, vb_cpu_flat_row(&a->x, r),
        vb_cpu_row(&a->gain, 0, 0), vb_cpu_row(&a->bias, 0, 0), loop->cols, a->eps);
}

vblip_status vb_cpu_layernorm(vb_device *device, const vb_layernorm_args *a,
                              vblip_error *err)
{
    return run_op("layernorm",
                  (row_loop){.row = normalise_one,
                             .cpu = vb_cpu_of(device),
                             .args = a,
                             .rows = a->y.batch * a->y.rows,
                             .cols = a->y.cols},
                  err);
}

// What each byte of a channel becomes.
typedef struct patch_values {
    const vb_patchify_args *args;
    float value[3][256];
} patch_values;

static void cut_patch(const row_loop *loop, uint32_t r)
{
    const patch_values *values = loop->args;
    const vb_patchify_args *a = values->args;
    const size_t side = a->frames.rows, patch = a->patch, grid = side / patch;
    const size_t frame = r / (grid * grid), place = r % (grid * grid);
    const uint8_t *first = vb_cpu_bytes(&a->frames) + frame * side * side * 3 +
                           place / grid * patch * side * 3 + place % grid * patch * 3;
    float *y = vb_cpu_flat_row(&a->y, r);
    for (size_t c = 0; c < 3; c++)
        for (size_t py = 0; py < patch; py++)
            for (size_t px = 0; px < patch; px++)
                *y++ = values->value[c][first[(py * side + px) * 3 + c]];
}

vblip_status vb_cpu_patchify(vb_device *device, const vb_patchify_args *a,
                             vblip_error *err)
{
    patch_values values = {.args = a};
    for (size_t c = 0; c < 3; c++)
        for (size_t byte = 0; byte < 256; byte++)
            values.value[c][byte] =
                ((float)byte / 255.0F - a->mean[c]) / a->deviation[c];
    return run_op("patchify",
                  (row_loop){.row = cut_patch,
                             .cpu = vb_cpu_of(device),
                             .args = &values,
                             .rows = a->y.batch * a->y.rows,
                             .cols = a->y.cols},
                  err);
}

static void embed_token(const row_loop *loop, uint32_t r)
{
    const vb_embed_args *a = loop->args;
    const vb_cpu_matrix *words = (const vb_cpu_matrix *)a->words;
    const int32_t id = ((const int32_t *)(const void *)vb_cpu_bytes(&a->ids))[r];
    const uint32_t position = a->first_position + r % a->y.rows;
    const float *added = vb_cpu_row(&a->positions, 0, position);
    float *y = vb_cpu_flat_row(&a->y, r);
    vb_cpu_matrix_read(words, y, (uint32_t)id);
    for (uint32_t c = 0; c < loop->cols; c++)
        y[c] += added[c];
}

vblip_status vb_cpu_embed(vb_device *device, const vb_embed_args *a, vblip_error *err)
{
    return run_op("embed",
                  (row_loop){.row = embed_token,
                             .cpu = vb_cpu_of(device),
                             .args = a,
                             .rows = a->y.batch * a->y.rows,
                             .cols = a->y.cols},
                  err);
}

static void add_row(const row_loop *loop, uint32_t r)
{
    const vb_add_rows_args *a = loop->args;
    const float *x = vb_cpu_row(&a->x, 0, r % a->y.rows);
    float *y = vb_cpu_flat_row(&a->y, r);
    for (uint32_t c = 0; c < loop->cols; c++)
        y[c] += x[c];
}

vblip_status vb_cpu_add_rows(vb_device *device, const vb_add_rows_args *a,
                             vblip_error *err)
{
    return run_op("add_rows",
                  (row_loop){.row = add_row,
                             .cpu = vb_cpu_of(device),
                             .args = a,
                             .rows = a->y.batch * a->y.rows,
                             .cols = a->y.cols},
                  err);
}

static void set_one_row(const row_loop *loop, uint32_t b)
{
    const vb_set_row_args *a = loop->args;
    memcpy(vb_cpu_row(&a->y, b, a->row), vb_cpu_row(&a->x, 0, 0),
           loop->cols * sizeof(float));
}

vblip_status vb_cpu_set_row(vb_device *device, const vb_set_row_args *a,
                            vblip_error *err)
{
    return run_op("set_row",
                  (row_loop){.row = set_one_row,
                             .cpu = vb_cpu_of(device),
                             .args = a,
                             .rows = a->y.batch,
                             .cols = a->y.cols},
                  err);
}

static void average_rows(const row_loop *loop, uint32_t b)
{
    const vb_mean_rows_args *a = loop->args;
    float *y = vb_cpu_row(&a->y, b, 0);
    memcpy(y, vb_cpu_row(&a->x, b, 0), loop->cols * sizeof *y);
    for (uint32_t r = 1; r < a->x.rows; r++) {
        const float *x = vb_cpu_row(&a->x, b, r);
        for (uint32_t c = 0; c < loop->cols; c++)
            y[c] += x[c];
    }
    for (uint32_t c = 0; c < loop->cols; c++)
        y[c] /= (float)a->x.rows;
}

vblip_status vb_cpu_mean_rows(vb_device *device, const vb_mean_rows_args *a,
                              vblip_error *err)
{
    return run_op("mean_rows",
                  (row_loop){.row = average_rows,
                             .cpu = vb_cpu_of(device),
                             .args = a,
                             .rows = a->x.batch,
                             .cols = a->x.cols},
                  err);
}

static void scale_to_length(const row_loop *loop, uint32_t r)
{
    const vb_l2norm_args *a = loop->args;
    const float *x = vb_cpu_flat_row(&a->x, r);
    float *y = vb_cpu_flat_row(&a->y, r), square = 0;
    for (uint32_t c = 0; c < loop->cols; c++)
        square += x[c] * x[c];
    const float length = fmaxf(sqrtf(square), a->eps);
    for (uint32_t c = 0; c < loop->cols; c++)
        y[c] = x[c] / length;
}

vblip_status vb_cpu_l2norm(vb_device *device, const vb_l2norm_args *a, vblip_error *err)
{
    return run_op("l2norm",
                  (row_loop){.row = scale_to_length,
                             .cpu = vb_cpu_of(device),
                             .args = a,
                             .rows = a->x.batch * a->x.rows,
                             .cols = a->x.cols},
                  err);
}

typedef struct copied {
    vb_tensor y, x;
} copied;

static void copy_row(const row_loop *loop, uint32_t r)
{
    const copied *c = loop->args;
    void *y = vb_cpu_flat_row_at(&c->y, r);
    const void *x = vb_cpu_flat_row_at(&c->x, r);
    if (c->y.type == c->x.type)
        memcpy(y, x, loop->cols * vb_dtype_size(c->y.type));
    else if (c->x.type == VB_F32)
        vb_cpu_narrow(loop->cpu, y, c->y.type, x, loop->cols);
    else
        vb_widen(y, x, c->x.type, loop->cols);
}

vblip_status vb_cpu_copy(vb_device *device, vb_tensor y, vb_tensor x, vblip_error *err)
{
    const copied both = {y, x};
    return run_op("copy",
                  (row_loop){.row = copy_row,
                             .cpu = vb_cpu_of(device),
                             .args = &both,
                             .rows = y.batch * y.rows,
                             .cols = y.cols},
                  err);
}

static void find_largest(const row_loop *loop, uint32_t r)
{
    const vb_topk_args *a = loop->args;
    const float *x = vb_cpu_flat_row(&a->x, r);
    float *y = vb_cpu_flat_row(&a->y, r);
    loop->cpu->kernels->topk_row(y, x, loop->cols, a->k);
    y[VB_TOPK_GATHERED] =
        a->ids.buffer ? x[((const int32_t *)(const void *)vb_cpu_bytes(&a->ids))[r]]
                      : 0;
}

vblip_status vb_cpu_topk(vb_device *device, const vb_topk_args *a, vblip_error *err)
{
    return run_op("topk",
                  (row_loop){.row = find_largest,
                             .cpu = vb_cpu_of(device),
                             .args = a,
                             .rows = a->x.batch * a->x.rows,
                             .cols = a->x.cols},
                  err);
}
