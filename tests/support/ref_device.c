#include "support/ref_device.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Rows and columns that vb_linear works on at once.
enum { TILE_ROWS = 4, TILE_COLS = 8, MAX_HEAD_DIM = 128 };

// One load, one check of AddressSanitizer's.
typedef float lanes __attribute__((vector_size(16)));
enum { LANES = sizeof(lanes) / sizeof(float), TILE_LANES = TILE_COLS / LANES };

typedef struct ref_buffer {
    vb_buffer base;
    uint8_t *bytes;
} ref_buffer;

typedef struct ref_matrix {
    vb_matrix base;
    float *rows;  // [rows, cols] when made with VB_USE_ROWS, else NULL
    float *tiles; // [ceil(rows / TILE_COLS), cols, TILE_COLS] for VB_USE_LINEAR
} ref_matrix;

typedef struct download {
    struct download *next;
    void *dst;
    size_t size;
    uint8_t bytes[];
} download;

typedef struct ref_device {
    vb_device base;
    download *downloads;
    uint64_t fail_after; // allocations until one fails; 0 = never
    ref_device_stats stats;
    vblip_device_info info;
} ref_device;

static ref_device *self(vb_device *device)
{
    return (ref_device *)device;
}

static uint8_t *bytes_of(const vb_tensor *t)
{
    return ((const ref_buffer *)t->buffer)->bytes + t->offset;
}

// Row `row` of matrix `batch`.
static float *row_of(const vb_tensor *t, uint32_t batch, uint32_t row)
{
    return (float *)(void *)bytes_of(t) + (size_t)batch * t->batch_stride +
           (size_t)row * t->row_stride;
}

static const int32_t *ints_of(const vb_tensor *t)
{
    return (const int32_t *)(const void *)bytes_of(t);
}

static bool may_allocate(ref_device *device)
{
    if (device->fail_after && --device->fail_after == 0)
        return false;
    device->stats.allocations++;
    return true;
}

// ---------------------------------------------------------------------------- memory

static vblip_status buffer_make(vb_buffer **out, vb_device *device, uint64_t bytes,
                                const char *name, vblip_error *err)
{
    if (!may_allocate(self(device)))
        return vb_fail(err, VBLIP_ERR_MEMORY, "%s: %s: out of memory",
                       device->caps.name, name);
    ref_buffer *buffer = calloc(1, sizeof *buffer);
    uint8_t *memory = malloc((size_t)bytes);
    if (!buffer || !memory) {
        free(buffer);
        free(memory);
        return vb_fail_memory(err, name);
    }
    memset(memory, 0xff, (size_t)bytes); // a NaN, so that reading it unwritten shows
    *buffer = (ref_buffer){.base = {device, bytes}, .bytes = memory};
    ref_device_stats *stats = &self(device)->stats;
    stats->alive++;
    if (bytes > stats->largest_bytes)
        stats->largest_bytes = bytes;
    *out = &buffer->base;
    return VBLIP_OK;
}

static void buffer_free(vb_buffer *buffer)
{
    self(buffer->device)->stats.alive--;
    free(((ref_buffer *)buffer)->bytes);
    free(buffer);
}

static void matrix_free(vb_matrix *matrix)
{
    ref_matrix *m = (ref_matrix *)matrix;
    self(matrix->device)->stats.alive--;
    free(m->rows);
    free(m->tiles);
    free(m);
}

static float *make_tiles(const float *rows, size_t count, size_t cols)
{
    size_t tiles = (count + TILE_COLS - 1) / TILE_COLS;
    float *out = calloc(tiles * cols * TILE_COLS, sizeof *out);
    for (size_t r = 0; out && r < count; r++)
        for (size_t c = 0; c < cols; c++)
            out[(r / TILE_COLS * cols + c) * TILE_COLS + r % TILE_COLS] =
                rows[r * cols + c];
    return out;
}

// The rows of a block, widened.
static vblip_status read_block(float *out, const vb_matrix_block *block, size_t cols,
                               vblip_error *err)
{
    const size_t count = block->rows * cols, size = count * vb_dtype_size(block->type);
    void *raw = malloc(size);
    if (!raw)
        return vb_fail_memory(err, "rows");
    vblip_status status = block->read(block->source, raw, 0, size, err);
    if (status == VBLIP_OK)
        vb_widen(out, raw, block->type, count);
    free(raw);
    return status;
}

static vblip_status matrix_make(vb_matrix **out, vb_device *device,
                                const vb_matrix_block *blocks, uint32_t count,
                                uint32_t cols, uint32_t uses, const char *name,
                                vblip_error *err)
{
    if (!may_allocate(self(device)))
        return vb_fail(err, VBLIP_ERR_MEMORY, "%s: %s: out of memory",
                       device->caps.name, name);
    uint32_t rows = 0;
    for (uint32_t b = 0; b < count; b++)
        rows += blocks[b].rows;
    ref_matrix *m = calloc(1, sizeof *m);
    if (!m)
        return vb_fail_memory(err, name);
    m->base = (vb_matrix){device, rows, cols, uses};
    self(device)->stats.alive++;
    self(device)->stats.loaded += (uint64_t)rows * cols;
    m->rows = malloc((size_t)rows * cols * sizeof *m->rows);
    vblip_status status = VBLIP_OK;
    if (!m->rows)
        goto fail;
    size_t at = 0;
    for (uint32_t b = 0; b < count && status == VBLIP_OK; b++) {
        status = read_block(m->rows + at, &blocks[b], cols, err);
        at += (size_t)blocks[b].rows * cols;
    }
    if (status != VBLIP_OK)
        goto fail;
    if (uses & VB_USE_LINEAR) {
        m->tiles = make_tiles(m->rows, rows, cols);
        if (!m->tiles)
            goto fail;
    }
    if (!(uses & VB_USE_ROWS)) {
        free(m->rows);
        m->rows = NULL;
    }
    *out = &m->base;
    return VBLIP_OK;
fail:
    matrix_free(&m->base);
    return status == VBLIP_OK ? vb_fail_memory(err, name) : status;
}

// ------------------------------------------------------------------------- transfers

static vblip_status upload(vb_device *device, vb_tensor y, const void *src,
                           vblip_error *err)
{
    (void)err;
    self(device)->stats.ops++;
    self(device)->stats.loaded += vb_tensor_bytes(&y) / vb_dtype_size(y.type);
    memcpy(bytes_of(&y), src, (size_t)vb_tensor_bytes(&y));
    return VBLIP_OK;
}

static vblip_status fetch(vb_device *device, void *dst, vb_tensor x, vblip_error *err)
{
    ref_device *d = self(device);
    size_t size = (size_t)vb_tensor_bytes(&x);
    download *down = malloc(sizeof *down + size);
    if (!down)
        return vb_fail_memory(err, "download");
    *down = (download){.next = d->downloads, .dst = dst, .size = size};
    memcpy(down->bytes, bytes_of(&x), size);
    self(device)->stats.downloaded += size;
    d->downloads = down;
    d->stats.ops++;
    return VBLIP_OK;
}

static vblip_status copy(vb_device *device, vb_tensor y, vb_tensor x, vblip_error *err)
{
    (void)err;
    self(device)->stats.ops++;
    for (uint32_t b = 0; b < y.batch; b++)
        for (uint32_t r = 0; r < y.rows; r++)
            memmove(row_of(&y, b, r), row_of(&x, b, r), (size_t)y.cols * 4);
    return VBLIP_OK;
}

static void settle(ref_device *device, bool deliver)
{
    while (device->downloads) {
        download *down = device->downloads;
        device->downloads = down->next;
        if (deliver)
            memcpy(down->dst, down->bytes, down->size);
        free(down);
    }
}

static vblip_status submit(vb_device *device, vblip_error *err)
{
    (void)err;
    self(device)->stats.submits++;
    settle(self(device), true);
    return VBLIP_OK;
}

static void discard(vb_device *device)
{
    settle(self(device), false);
}

// ------------------------------------------------------------------------------- ops

static float gelu(float x)
{
    return 0.5f * x * (1.0f + erff(x * 0.70710678118654752f));
}

// Dot products of TILE_ROWS rows with the TILE_COLS columns of one tile.
static void multiply_tile(float sums[TILE_ROWS][TILE_COLS],
                          const float *const x[TILE_ROWS], const lanes *tile,
                          size_t cols)
{
    lanes sum[TILE_ROWS][TILE_LANES] = {0};
    for (size_t i = 0; i < cols; i++, tile += TILE_LANES)
        for (int r = 0; r < TILE_ROWS; r++)
            for (int c = 0; c < TILE_LANES; c++)
                sum[r][c] += x[r][i] * tile[c];
    memcpy(sums, sum, sizeof sum);
}

// Rows first .. first + count - 1 of matrix b.
static void linear_rows(const vb_linear_args *a, uint32_t b, uint32_t first,
                        uint32_t count)
{
    const ref_matrix *w = (const ref_matrix *)a->w;
    const float *bias = a->bias.buffer ? row_of(&a->bias, 0, 0) : NULL;
    const float *x[TILE_ROWS];
    for (uint32_t r = 0; r < TILE_ROWS; r++)
        x[r] = row_of(&a->x, b, first + (r < count ? r : 0));
    for (uint32_t o = 0; o < w->base.rows; o += TILE_COLS) {
        float sums[TILE_ROWS][TILE_COLS];
        const float *tile = w->tiles + (size_t)o * w->base.cols;
        multiply_tile(sums, x, (const lanes *)(const void *)tile, w->base.cols);
        uint32_t width = w->base.rows - o < TILE_COLS ? w->base.rows - o : TILE_COLS;
        for (uint32_t r = 0; r < count; r++) {
            float *y = row_of(&a->y, b, first + r) + o;
            for (uint32_t c = 0; c < width; c++) {
                float value = sums[r][c] + (bias ? bias[o + c] : 0.0f);
                if (a->act == VB_ACT_GELU)
                    value = gelu(value);
                if (a->act == VB_ACT_RELU)
                    value = fmaxf(value, 0.0f);
                if (a->residual.buffer)
                    value += row_of(&a->residual, b, first + r)[o + c];
                y[c] = value;
            }
        }
    }
}

static vblip_status linear(vb_device *device, const vb_linear_args *a, vblip_error *err)
{
    (void)err;
    self(device)->stats.ops++;
    for (uint32_t b = 0; b < a->y.batch; b++) {
        for (uint32_t r = 0; r < a->y.rows; r += TILE_ROWS) {
            uint32_t left = a->y.rows - r;
            linear_rows(a, b, r, left < TILE_ROWS ? left : TILE_ROWS);
        }
    }
    return VBLIP_OK;
}

static vblip_status layernorm(vb_device *device, const vb_layernorm_args *a,
                              vblip_error *err)
{
    (void)err;
    self(device)->stats.ops++;
    const float *gain = row_of(&a->gain, 0, 0), *bias = row_of(&a->bias, 0, 0);
    const uint32_t cols = a->y.cols;
    for (uint32_t i = 0; i < a->y.batch * a->y.rows; i++) {
        const float *x = row_of(&a->x, i / a->y.rows, i % a->y.rows);
        float *y = row_of(&a->y, i / a->y.rows, i % a->y.rows);
        double sum = 0, square = 0; // a float mean of rows around 1000 is off by 1e-4
        for (uint32_t c = 0; c < cols; c++)
            sum += (double)x[c];
        const double mean = sum / cols;
        for (uint32_t c = 0; c < cols; c++)
            square += ((double)x[c] - mean) * ((double)x[c] - mean);
        const double scale = 1 / sqrt(square / cols + (double)a->eps);
        for (uint32_t c = 0; c < cols; c++)
            y[c] = (float)(((double)x[c] - mean) * scale) * gain[c] + bias[c];
    }
    return VBLIP_OK;
}

// One query of one head over the first `keys` rows from k and v on: an online softmax,
// as the kernels of real devices do.
static void attend(float *y, const float *q, const float *k, const float *v,
                   uint32_t keys, size_t k_stride, size_t v_stride, uint32_t head_dim)
{
    const float scale = 1.0f / sqrtf((float)head_dim);
    float largest = -INFINITY, sum = 0.0f, mixed[MAX_HEAD_DIM] = {0};
    for (uint32_t j = 0; j < keys; j++) {
        float score = 0.0f;
        for (uint32_t d = 0; d < head_dim; d++)
            score += q[d] * k[j * k_stride + d];
        score *= scale;
        if (score > largest) {
            const float shrink = expf(largest - score);
            sum *= shrink;
            for (uint32_t d = 0; d < head_dim; d++)
                mixed[d] *= shrink;
            largest = score;
        }
        const float weight = expf(score - largest);
        sum += weight;
        for (uint32_t d = 0; d < head_dim; d++)
            mixed[d] += weight * v[j * v_stride + d];
    }
    for (uint32_t d = 0; d < head_dim; d++)
        y[d] = mixed[d] / sum;
}

static uint32_t keys_seen(const vb_attention_args *a, uint32_t batch, uint32_t query)
{
    uint32_t keys = a->k.rows;
    if (a->lengths.buffer)
        keys = (uint32_t)ints_of(&a->lengths)[batch];
    if (a->causal && a->first_query + query + 1 < keys)
        keys = a->first_query + query + 1;
    return keys;
}

static vblip_status attention(vb_device *device, const vb_attention_args *a,
                              vblip_error *err)
{
    (void)err;
    self(device)->stats.ops++;
    const uint32_t head_dim = a->q.cols / a->heads;
    for (uint32_t b = 0; b < a->q.batch; b++) {
        const float *k = row_of(&a->k, a->k.batch == 1 ? 0 : b, 0);
        const float *v = row_of(&a->v, a->v.batch == 1 ? 0 : b, 0);
        for (uint32_t i = 0; i < a->q.rows; i++)
            for (uint32_t at = 0; at < a->q.cols; at += head_dim)
                attend(row_of(&a->y, b, i) + at, row_of(&a->q, b, i) + at, k + at,
                       v + at, keys_seen(a, b, i), a->k.row_stride, a->v.row_stride,
                       head_dim);
    }
    return VBLIP_OK;
}

static vblip_status patchify(vb_device *device, const vb_patchify_args *a,
                             vblip_error *err)
{
    (void)err;
    self(device)->stats.ops++;
    const uint32_t side = a->frames.rows, patch = a->patch, grid = side / patch;
    for (uint32_t f = 0; f < a->frames.batch; f++) {
        const uint8_t *frame = bytes_of(&a->frames) + (size_t)f * side * side * 3;
        for (uint32_t g = 0; g < grid * grid; g++) {
            float *y = row_of(&a->y, f, g);
            for (uint32_t i = 0; i < 3 * patch * patch; i++) {
                uint32_t c = i / (patch * patch), p = i % (patch * patch);
                uint32_t row = g / grid * patch + p / patch;
                uint32_t col = g % grid * patch + p % patch;
                float value = (float)frame[((size_t)row * side + col) * 3 + c] / 255.0f;
                y[i] = (value - a->mean[c]) / a->deviation[c];
            }
        }
    }
    return VBLIP_OK;
}

static vblip_status embed(vb_device *device, const vb_embed_args *a, vblip_error *err)
{
    (void)err;
    self(device)->stats.ops++;
    const ref_matrix *words = (const ref_matrix *)a->words;
    const int32_t *ids = ints_of(&a->ids);
    for (uint32_t i = 0; i < a->y.batch * a->y.rows; i++) {
        const uint32_t b = i / a->y.rows, t = i % a->y.rows;
        const float *word = words->rows + (size_t)ids[i] * words->base.cols;
        const float *position = row_of(&a->positions, 0, a->first_position + t);
        float *y = row_of(&a->y, b, t);
        for (uint32_t c = 0; c < a->y.cols; c++)
            y[c] = word[c] + position[c];
    }
    return VBLIP_OK;
}

static vblip_status add_rows(vb_device *device, const vb_add_rows_args *a,
                             vblip_error *err)
{
    (void)err;
    self(device)->stats.ops++;
    for (uint32_t b = 0; b < a->y.batch; b++)
        for (uint32_t r = 0; r < a->y.rows; r++)
            for (uint32_t c = 0; c < a->y.cols; c++)
                row_of(&a->y, b, r)[c] += row_of(&a->x, 0, r)[c];
    return VBLIP_OK;
}

static vblip_status set_row(vb_device *device, const vb_set_row_args *a,
                            vblip_error *err)
{
    (void)err;
    self(device)->stats.ops++;
    for (uint32_t b = 0; b < a->y.batch; b++)
        memcpy(row_of(&a->y, b, a->row), row_of(&a->x, 0, 0), (size_t)a->y.cols * 4);
    return VBLIP_OK;
}

static vblip_status mean_rows(vb_device *device, const vb_mean_rows_args *a,
                              vblip_error *err)
{
    (void)err;
    self(device)->stats.ops++;
    for (uint32_t b = 0; b < a->x.batch; b++) {
        float *y = row_of(&a->y, b, 0);
        for (uint32_t c = 0; c < a->x.cols; c++) {
            float sum = 0.0f;
            for (uint32_t r = 0; r < a->x.rows; r++)
                sum += row_of(&a->x, b, r)[c];
            y[c] = sum / (float)a->x.rows;
        }
    }
    return VBLIP_OK;
}

static vblip_status l2norm(vb_device *device, const vb_l2norm_args *a, vblip_error *err)
{
    (void)err;
    self(device)->stats.ops++;
    for (uint32_t i = 0; i < a->x.batch * a->x.rows; i++) {
        const float *x = row_of(&a->x, i / a->x.rows, i % a->x.rows);
        float *y = row_of(&a->y, i / a->x.rows, i % a->x.rows);
        float square = 0.0f;
        for (uint32_t c = 0; c < a->x.cols; c++)
            square += x[c] * x[c];
        const float length = fmaxf(sqrtf(square), a->eps);
        for (uint32_t c = 0; c < a->x.cols; c++)
            y[c] = x[c] / length;
    }
    return VBLIP_OK;
}

// Selection from the front: k is small.
static void topk_row(float *y, const float *x, uint32_t count, uint32_t k)
{
    float *values = y + VB_TOPK_VALUES, *columns = values + k;
    double sum = 0, total = 0;
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = found < k ? found++ : k;
        for (; at > 0 && x[i] > values[at - 1]; at--)
            if (at < k) {
                values[at] = values[at - 1];
                columns[at] = columns[at - 1];
            }
        if (at < k) {
            values[at] = x[i];
            columns[at] = (float)i;
        }
        total += (double)x[i];
    }
    for (uint32_t i = 0; i < count; i++)
        sum += (double)expf(x[i] - values[0]);
    y[VB_TOPK_SUM] = (float)sum;
    y[VB_TOPK_MEAN] = (float)(total / count);
}

static vblip_status topk(vb_device *device, const vb_topk_args *a, vblip_error *err)
{
    (void)err;
    self(device)->stats.ops++;
    for (uint32_t i = 0; i < a->x.batch * a->x.rows; i++) {
        const float *x = row_of(&a->x, i / a->x.rows, i % a->x.rows);
        float *y = row_of(&a->y, i / a->x.rows, i % a->x.rows);
        topk_row(y, x, a->x.cols, a->k);
        y[VB_TOPK_GATHERED] = a->ids.buffer ? x[ints_of(&a->ids)[i]] : 0.0f;
    }
    return VBLIP_OK;
}

// ---------------------------------------------------------------------------- device

static void close_device(vb_device *device)
{
    settle(self(device), false);
    free(device);
}

static const vblip_device_info *describe(const vb_device *device)
{
    return &((const ref_device *)device)->info;
}

static vblip_status profile(vb_device *device, vblip_op_time_fn fn, void *user,
                            vblip_error *err)
{
    (void)fn, (void)user;
    return vb_fail(err, VBLIP_ERR_ARGUMENT, "%s: keeps no times", device->caps.name);
}

static const vb_device_table table = {
    .close = close_device,
    .describe = describe,
    .profile = profile,
    .buffer_make = buffer_make,
    .buffer_free = buffer_free,
    .matrix_make = matrix_make,
    .matrix_free = matrix_free,
    .upload = upload,
    .download = fetch,
    .copy = copy,
    .linear = linear,
    .layernorm = layernorm,
    .attention = attention,
    .patchify = patchify,
    .embed = embed,
    .add_rows = add_rows,
    .set_row = set_row,
    .mean_rows = mean_rows,
    .l2norm = l2norm,
    .topk = topk,
    .submit = submit,
    .discard = discard,
};

vblip_status ref_device_open(vb_device **out, const ref_device_options *options,
                             vblip_error *err)
{
    static const ref_device_options defaults;
    if (!options)
        options = &defaults;
    *out = NULL;
    ref_device *device = calloc(1, sizeof *device);
    if (!device)
        return vb_fail_memory(err, "reference device");
    device->base.table = &table;
    device->base.caps = (vb_device_caps){
        .name = "reference",
        .kernels = "reference",
        .max_buffer_bytes =
            options->max_buffer_bytes ? options->max_buffer_bytes : 128u << 20,
        .memory_bytes = (uint64_t)4 << 30,
        .weight_types = 1u << VB_F32,
        .shares_cores = true,
    };
    device->info = (vblip_device_info){
        .kind = VBLIP_DEVICE_SOFTWARE,
        .name = device->base.caps.name,
        .driver = "C",
        .api = "",
        .kernels = device->base.caps.kernels,
        .precision = vb_precision_name(VB_F32),
        .memory_bytes = device->base.caps.memory_bytes,
    };
    device->fail_after = options->fail_after;
    *out = &device->base;
    return VBLIP_OK;
}

ref_device_stats ref_device_look(const vb_device *device)
{
    return ((const ref_device *)device)->stats;
}

void ref_device_fail_after(vb_device *device, uint64_t n)
{
    self(device)->fail_after = n;
}
