// ops.c - what each op demands of its operands. A device may rely on all of it.
#include "compute/ops.h"

#include "compute/recorder.h"

enum { MAX_HEAD_DIM = 128, HEAD_DIM_STEP = 16, NARROW_STEP = 8 };
enum { MAX_TOPK_COLS = 1 << 24 }; // up to here a float holds any whole number

// Fails unless `t` is a sound view of type `type` and shape [batch, rows, cols].
static void expect(vb_recorder *rec, const char *op, const char *operand,
                   const vb_tensor *t, vb_dtype type, uint32_t batch, uint32_t rows,
                   uint32_t cols)
{
    if (rec->status != VBLIP_OK)
        return;
    if (!t->buffer)
        vb_recorder_fail(rec, VBLIP_ERR_ARGUMENT, "%s: %s: absent", op, operand);
    else if (t->type != type)
        vb_recorder_fail(rec, VBLIP_ERR_ARGUMENT, "%s: %s: type %s, expected %s", op,
                         operand, vb_dtype_name(t->type), vb_dtype_name(type));
    else if (t->batch != batch || t->rows != rows || t->cols != cols)
        vb_recorder_fail(rec, VBLIP_ERR_ARGUMENT,
                         "%s: %s: shape %ux%ux%u, expected %ux%ux%u", op, operand,
                         t->batch, t->rows, t->cols, batch, rows, cols);
    else if (!batch || !rows || !cols)
        vb_recorder_fail(rec, VBLIP_ERR_ARGUMENT, "%s: %s: empty: %ux%ux%u", op,
                         operand, batch, rows, cols);
    else if (t->row_stride < cols || t->offset % VB_TENSOR_ALIGNMENT ||
             t->offset > t->buffer->size ||
             vb_tensor_bytes(t) > t->buffer->size - t->offset)
        vb_recorder_fail(rec, VBLIP_ERR_ARGUMENT,
                         "%s: %s: bytes %llu+%llu of a buffer of %llu, row stride %u",
                         op, operand, (unsigned long long)t->offset,
                         (unsigned long long)vb_tensor_bytes(t),
                         (unsigned long long)t->buffer->size, t->row_stride);
    else if (t->buffer->device != rec->device)
        vb_recorder_fail(rec, VBLIP_ERR_ARGUMENT, "%s: %s: of another device", op,
                         operand);
}

// The same of an operand that is VB_F32, or `narrow`.
static void expect_either(vb_recorder *rec, const char *op, const char *operand,
                          const vb_tensor *t, vb_dtype narrow, uint32_t batch,
                          uint32_t rows, uint32_t cols)
{
    expect(rec, op, operand, t, t->type == narrow ? narrow : VB_F32, batch, rows, cols);
    if (rec->status == VBLIP_OK && t->type != VB_F32 &&
        (cols % NARROW_STEP || t->row_stride % NARROW_STEP ||
         t->batch_stride % NARROW_STEP))
        vb_recorder_fail(rec, VBLIP_ERR_ARGUMENT,
                         "%s: %s: %s: columns and strides must be multiples of 8", op,
                         operand, vb_dtype_name(t->type));
}

static void expect_activation(vb_recorder *rec, const char *op, const char *operand,
                              const vb_tensor *t, uint32_t batch, uint32_t rows,
                              uint32_t cols)
{
    expect_either(rec, op, operand, t, vb_device_activations(rec->device), batch, rows,
                  cols);
}

static void expect_matrix(vb_recorder *rec, const char *op, const char *operand,
                          const vb_matrix *w, uint32_t use)
{
    if (rec->status != VBLIP_OK)
        return;
    if (!w)
        vb_recorder_fail(rec, VBLIP_ERR_ARGUMENT, "%s: %s: absent", op, operand);
    else if (w->device != rec->device)
        vb_recorder_fail(rec, VBLIP_ERR_ARGUMENT, "%s: %s: of another device", op,
                         operand);
    else if (!(w->uses & use))
        vb_recorder_fail(rec, VBLIP_ERR_ARGUMENT, "%s: %s: not made for this use", op,
                         operand);
}

static void expect_true(vb_recorder *rec, bool ok, const char *op, const char *what)
{
    if (!ok)
        vb_recorder_fail(rec, VBLIP_ERR_ARGUMENT, "%s: %s", op, what);
}

// Where the bytes of a view end.
static uint64_t end_of(const vb_tensor *t)
{
    return t->offset + vb_tensor_bytes(t);
}

// Whether the rows of both views are rows of one grid of equal matrices.
static bool same_grid(const vb_tensor *a, const vb_tensor *b)
{
    return a->type == b->type && a->row_stride == b->row_stride &&
           a->batch_stride == b->batch_stride && a->batch_stride % a->row_stride == 0;
}

// Whether two sound views share an element. Exact for columns, rows and matrices of one
// tensor; of other views in the same bytes it says yes.
static bool overlap(const vb_tensor *a, const vb_tensor *b)
{
    if (a->buffer != b->buffer || end_of(a) <= b->offset || end_of(b) <= a->offset)
        return false;
    if (!same_grid(a, b) || !a->batch_stride)
        return true;
    if (b->offset < a->offset)
        return overlap(b, a);
    const uint64_t between = (b->offset - a->offset) / vb_dtype_size(a->type);
    const uint64_t row = between % a->batch_stride / a->row_stride;
    const uint64_t col = between % a->row_stride;
    const bool wraps = col + b->cols > a->row_stride; // into the next row of `a`
    const bool cols_meet = col < a->cols || wraps;
    const bool rows_meet = row < a->rows || row + b->rows + (wraps ? 1 : 0) >
                                                a->batch_stride / a->row_stride;
    return cols_meet && rows_meet;
}

static bool same_view(const vb_tensor *a, const vb_tensor *b)
{
    return a->type == b->type && a->offset == b->offset &&
           a->row_stride == b->row_stride &&
           (a->batch == 1 || a->batch_stride == b->batch_stride) &&
           a->batch == b->batch && a->rows == b->rows && a->cols == b->cols;
}

// How an output may lie to an input.
typedef enum placing { APART, APART_OR_SAME } placing;

// Fails when output y of `op` shares elements with `input`, absent or already checked.
static void expect_apart(vb_recorder *rec, const char *op, const vb_tensor *y,
                         const char *operand, const vb_tensor *input, placing how)
{
    if (rec->status != VBLIP_OK || !input->buffer)
        return;
    if (overlap(y, input) && !(how == APART_OR_SAME && same_view(y, input)))
        vb_recorder_fail(rec, VBLIP_ERR_ARGUMENT, "%s: y: overlaps %s", op, operand);
}

// Fails unless the matrices of output y lie apart from each other.
static void expect_distinct(vb_recorder *rec, const char *op, const vb_tensor *y)
{
    if (rec->status != VBLIP_OK || y->batch < 2)
        return;
    const vb_tensor first = vb_batches(*y, 0, 1), second = vb_batches(*y, 1, 1);
    if (overlap(&first, &second))
        vb_recorder_fail(rec, VBLIP_ERR_ARGUMENT, "%s: y: its matrices overlap", op);
}

// Hands a checked op to the device.
#define CALL(rec, function, ...)                                                       \
    do {                                                                               \
        if ((rec)->status == VBLIP_OK)                                                 \
            (rec)->status = (rec)->device->table->function((rec)->device, __VA_ARGS__, \
                                                           &(rec)->error);             \
    } while (0)

// Counts `products`, each with the sum that it goes into.
static void count_products(vb_recorder *rec, double products)
{
    if (rec->status == VBLIP_OK)
        rec->device->flops += 2 * products;
}

void vb_linear_op(vb_recorder *rec, const vb_linear_args *a)
{
    const uint32_t batch = a->y.batch, rows = a->y.rows;
    expect_matrix(rec, "linear", "w", a->w, VB_USE_LINEAR);
    if (rec->status != VBLIP_OK)
        return;
    const uint32_t out = a->w->rows, in = a->w->cols;
    expect_activation(rec, "linear", "y", &a->y, batch, rows, out);
    expect_activation(rec, "linear", "x", &a->x, batch, rows, in);
    if (a->bias.buffer)
        expect(rec, "linear", "bias", &a->bias, VB_F32, 1, 1, out);
    if (a->residual.buffer)
        expect(rec, "linear", "residual", &a->residual, VB_F32, batch, rows, out);
    expect_true(rec,
                in % 4 == 0 && a->x.row_stride % 4 == 0 && a->x.batch_stride % 4 == 0,
                "linear", "x: columns and strides must be multiples of 4");
    expect_distinct(rec, "linear", &a->y);
    expect_apart(rec, "linear", &a->y, "x", &a->x, APART);
    expect_apart(rec, "linear", &a->y, "bias", &a->bias, APART);
    expect_apart(rec, "linear", &a->y, "residual", &a->residual, APART_OR_SAME);
    CALL(rec, linear, a);
    count_products(rec, (double)batch * rows * in * out);
}

void vb_layernorm_op(vb_recorder *rec, const vb_layernorm_args *a)
{
    const uint32_t cols = a->y.cols;
    expect_activation(rec, "layernorm", "y", &a->y, a->y.batch, a->y.rows, cols);
    expect(rec, "layernorm", "x", &a->x, VB_F32, a->y.batch, a->y.rows, cols);
    expect(rec, "layernorm", "gain", &a->gain, VB_F32, 1, 1, cols);
    expect(rec, "layernorm", "bias", &a->bias, VB_F32, 1, 1, cols);
    expect_distinct(rec, "layernorm", &a->y);
    expect_apart(rec, "layernorm", &a->y, "x", &a->x, APART_OR_SAME);
    expect_apart(rec, "layernorm", &a->y, "gain", &a->gain, APART);
    expect_apart(rec, "layernorm", &a->y, "bias", &a->bias, APART);
    CALL(rec, layernorm, a);
}

void vb_attention_op(vb_recorder *rec, const vb_attention_args *a)
{
    const uint32_t batch = a->q.batch, width = a->q.cols, kv_len = a->k.rows;
    const uint32_t kv_batch = a->k.batch == 1 ? 1 : batch;
    const vb_dtype narrow = vb_device_keys(rec->device);
    expect_either(rec, "attention", "q", &a->q, narrow, batch, a->q.rows, width);
    expect_activation(rec, "attention", "y", &a->y, batch, a->q.rows, width);
    expect_either(rec, "attention", "k", &a->k, narrow, kv_batch, kv_len, width);
    expect_either(rec, "attention", "v", &a->v, narrow, kv_batch, kv_len, width);
    expect_true(rec, a->k.type == a->v.type, "attention", "k and v: of two types");
    if (a->lengths.buffer)
        expect(rec, "attention", "lengths", &a->lengths, VB_I32, 1, 1, batch);
    const uint32_t head_dim = a->heads ? width / a->heads : 0;
    expect_true(rec, a->heads && width % a->heads == 0, "attention",
                "width is not a multiple of the number of heads");
    expect_true(rec, head_dim % HEAD_DIM_STEP == 0 && head_dim <= MAX_HEAD_DIM,
                "attention", "head_dim must be a multiple of 16, at most 128");
    expect_true(rec, !a->causal || (uint64_t)a->first_query + a->q.rows <= kv_len,
                "attention", "causal: fewer keys than queries");
    expect_distinct(rec, "attention", &a->y);
    expect_apart(rec, "attention", &a->y, "q", &a->q, APART);
    expect_apart(rec, "attention", &a->y, "k", &a->k, APART);
    expect_apart(rec, "attention", &a->y, "v", &a->v, APART);
    expect_apart(rec, "attention", &a->y, "lengths", &a->lengths, APART);
    CALL(rec, attention, a);
    count_products(rec, 2.0 * batch * a->q.rows * width * kv_len);
}

void vb_absorbed_attention_op(vb_recorder *rec, const vb_absorbed_attention_args *a)
{
    static const char op[] = "absorbed attention";
    const uint32_t batch = a->q.batch, width = a->q.cols;
    const uint32_t head_dim = a->heads ? width / a->heads : 0;
    expect_true(rec, vb_device_absorbs(rec->device), op, "this device has none");
    expect_matrix(rec, op, "w", a->w, VB_USE_ROWS);
    if (rec->status != VBLIP_OK)
        return;
    expect_true(rec, a->w->rows == 2 * width, op,
                "w: rows are not twice the columns of q");
    expect(rec, op, "q", &a->q, VB_F32, batch, a->q.rows, width);
    expect_activation(rec, op, "y", &a->y, batch, a->q.rows, width);
    expect_activation(rec, op, "x", &a->x, a->x.batch == 1 ? 1 : batch, a->x.rows,
                      a->w->cols);
    expect(rec, op, "bias", &a->bias, VB_F32, 1, 1, 2 * width);
    expect_true(rec, a->x.row_stride == a->x.cols && a->x.cols % HEAD_DIM_STEP == 0, op,
                "x: rows must be packed, their columns a multiple of 16");
    expect_true(rec, (a->q.row_stride | a->q.batch_stride | a->x.batch_stride) % 4 == 0,
                op, "q, x: strides must be multiples of 4");
    expect_true(rec, a->heads && width % a->heads == 0 && head_dim % HEAD_DIM_STEP == 0,
                op, "head_dim must be a multiple of 16");
    expect_distinct(rec, op, &a->y);
    expect_apart(rec, op, &a->y, "q", &a->q, APART);
    expect_apart(rec, op, &a->y, "x", &a->x, APART);
    expect_apart(rec, op, &a->y, "bias", &a->bias, APART);
    CALL(rec, absorbed_attention, a);
    const double cols = 2.0 * batch * a->q.rows * a->x.cols; // of scores and of values
    count_products(rec, cols * (width + (double)a->heads * a->x.rows));
}

void vb_patchify_op(vb_recorder *rec, const vb_patchify_args *a)
{
    const uint32_t frames = a->frames.batch, side = a->frames.rows, patch = a->patch;
    expect(rec, "patchify", "frames", &a->frames, VB_U8, frames, side, side * 3);
    expect_true(rec, patch && side % patch == 0 && vb_tensor_packed(&a->frames),
                "patchify", "frames: packed, the side a multiple of the patch");
    if (rec->status != VBLIP_OK)
        return;
    const uint32_t grid = side / patch;
    expect(rec, "patchify", "y", &a->y, VB_F32, frames, grid * grid, 3 * patch * patch);
    expect_distinct(rec, "patchify", &a->y);
    expect_apart(rec, "patchify", &a->y, "frames", &a->frames, APART);
    CALL(rec, patchify, a);
}

void vb_embed_op(vb_recorder *rec, const vb_embed_args *a)
{
    expect_matrix(rec, "embed", "words", a->words, VB_USE_ROWS);
    if (rec->status != VBLIP_OK)
        return;
    const uint32_t cols = a->words->cols;
    expect(rec, "embed", "y", &a->y, VB_F32, a->y.batch, a->y.rows, cols);
    expect(rec, "embed", "ids", &a->ids, VB_I32, 1, a->y.batch, a->y.rows);
    expect(rec, "embed", "positions", &a->positions, VB_F32, 1, a->positions.rows,
           cols);
    expect_true(rec, (uint64_t)a->first_position + a->y.rows <= a->positions.rows,
                "embed", "text is longer than the position embeddings");
    expect_true(rec, vb_tensor_packed(&a->ids), "embed", "ids: must be packed");
    expect_distinct(rec, "embed", &a->y);
    expect_apart(rec, "embed", &a->y, "ids", &a->ids, APART);
    expect_apart(rec, "embed", &a->y, "positions", &a->positions, APART);
    CALL(rec, embed, a);
}

void vb_add_rows_op(vb_recorder *rec, const vb_add_rows_args *a)
{
    expect(rec, "add_rows", "y", &a->y, VB_F32, a->y.batch, a->y.rows, a->y.cols);
    expect(rec, "add_rows", "x", &a->x, VB_F32, 1, a->y.rows, a->y.cols);
    expect_distinct(rec, "add_rows", &a->y);
    expect_apart(rec, "add_rows", &a->y, "x", &a->x, APART);
    CALL(rec, add_rows, a);
}

void vb_set_row_op(vb_recorder *rec, const vb_set_row_args *a)
{
    expect(rec, "set_row", "y", &a->y, VB_F32, a->y.batch, a->y.rows, a->y.cols);
    expect(rec, "set_row", "x", &a->x, VB_F32, 1, 1, a->y.cols);
    expect_true(rec, a->row < a->y.rows, "set_row", "no such row");
    expect_distinct(rec, "set_row", &a->y);
    expect_apart(rec, "set_row", &a->y, "x", &a->x, APART);
    CALL(rec, set_row, a);
}

void vb_mean_rows_op(vb_recorder *rec, const vb_mean_rows_args *a)
{
    expect(rec, "mean_rows", "y", &a->y, VB_F32, a->x.batch, 1, a->x.cols);
    expect(rec, "mean_rows", "x", &a->x, VB_F32, a->x.batch, a->x.rows, a->x.cols);
    expect_distinct(rec, "mean_rows", &a->y);
    expect_apart(rec, "mean_rows", &a->y, "x", &a->x, APART);
    CALL(rec, mean_rows, a);
}

void vb_l2norm_op(vb_recorder *rec, const vb_l2norm_args *a)
{
    expect(rec, "l2norm", "y", &a->y, VB_F32, a->x.batch, a->x.rows, a->x.cols);
    expect(rec, "l2norm", "x", &a->x, VB_F32, a->x.batch, a->x.rows, a->x.cols);
    expect_distinct(rec, "l2norm", &a->y);
    expect_apart(rec, "l2norm", &a->y, "x", &a->x, APART_OR_SAME);
    CALL(rec, l2norm, a);
}

void vb_topk_op(vb_recorder *rec, const vb_topk_args *a)
{
    const uint32_t batch = a->x.batch, rows = a->x.rows, cols = a->x.cols;
    expect(rec, "topk", "x", &a->x, VB_F32, batch, rows, cols);
    expect_true(rec, a->k >= 1 && a->k <= VB_TOPK_MOST && a->k <= cols, "topk",
                "k must be 1 to 192, and at most the columns of x");
    expect_true(rec, cols <= MAX_TOPK_COLS, "topk", "x: more than 16777216 columns");
    expect(rec, "topk", "y", &a->y, VB_F32, batch, rows, vb_topk_cols(a->k));
    if (a->ids.buffer) {
        expect(rec, "topk", "ids", &a->ids, VB_I32, 1, batch, rows);
        expect_true(rec, vb_tensor_packed(&a->ids), "topk", "ids: must be packed");
    }
    expect_distinct(rec, "topk", &a->y);
    expect_apart(rec, "topk", &a->y, "x", &a->x, APART);
    expect_apart(rec, "topk", &a->y, "ids", &a->ids, APART);
    CALL(rec, topk, a);
}

void vb_upload(vb_recorder *rec, vb_tensor y, const void *src)
{
    expect(rec, "upload", "y", &y, y.type, y.batch, y.rows, y.cols);
    expect_true(rec, vb_tensor_packed(&y), "upload", "y: must be packed");
    CALL(rec, upload, y, src);
}

void vb_download(vb_recorder *rec, void *dst, vb_tensor x)
{
    expect(rec, "download", "x", &x, x.type, x.batch, x.rows, x.cols);
    expect_true(rec, vb_tensor_packed(&x), "download", "x: must be packed");
    if (rec->status == VBLIP_OK)
        rec->status = rec->device->table->download(rec->device, dst, x, &rec->error);
}

void vb_copy(vb_recorder *rec, vb_tensor y, vb_tensor x)
{
    const vb_dtype narrow = vb_device_activations(rec->device);
    const bool activations = y.type == VB_F32 || y.type == narrow;
    if (activations) {
        expect_activation(rec, "copy", "y", &y, y.batch, y.rows, y.cols);
        expect_activation(rec, "copy", "x", &x, y.batch, y.rows, y.cols);
    } else {
        expect(rec, "copy", "y", &y, y.type, y.batch, y.rows, y.cols);
        expect(rec, "copy", "x", &x, y.type, y.batch, y.rows, y.cols);
    }
    expect_true(rec, activations || vb_dtype_size(y.type) == 4, "copy",
                "elements must have 4 bytes");
    expect_distinct(rec, "copy", &y);
    expect_apart(rec, "copy", &y, "x", &x, APART);
    CALL(rec, copy, y, x);
}
