// matrix.c - weights from checkpoint rows to the layouts and the type that kernels read.
//
// Elements are floats, or halves where the device was opened with f16. Rows are
// [rows, cols], as in the checkpoint. Panels serve linear_lavapipe.comp: texels of 16
// bytes, each N columns of one row (N is 4 floats or 8 halves), as [rows / 32 rounded
// up][cols / N rounded up][32][N], so that eight lanes fetch the same columns of eight
// neighbouring rows from 128 consecutive bytes; the padding is zero.
#include "base/cores.h"
#include "gpu/context.h"
#include "op_params.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXEL_BYTES = 16, MOST_THREADS = 16 };

// What a thread converts with, and what it met.
typedef struct converter {
    uint8_t *raw; // room for VB_PANEL_ROWS rows as they lie in the checkpoint
    float *wide;  // for one row of floats
    uint8_t *row; // for one of whole texels, zero past its columns
    vblip_error err;
    uint32_t panel; // where
} converter;

// One layout of a matrix, which threads convert by panels of VB_PANEL_ROWS rows.
typedef struct filling {
    const vb_gpu_matrix *m;
    const vb_matrix_block *blocks;
    const char *name;
    bool by_panel;
    size_t texels, panel_bytes; // of a row; of a panel, or of its rows
    converter converters[MOST_THREADS];
    uint32_t threads;
    uint8_t *to;    // of the panels at hand
    uint32_t first; // of these
    vb_pieces pieces;
} filling;

// What a checkpoint holds beyond f16 would be infinite: refused, not clamped.
static vblip_status narrow(uint16_t *dst, const filling *f, const float *wide,
                           uint32_t row, vblip_error *err)
{
    for (uint32_t c = 0; c < f->m->base.cols; c++) {
        const float value = wide[c];
        dst[c] = vb_f32_to_f16(value);
        if ((dst[c] & 0x7fffu) == 0x7c00u && isfinite(value))
            return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                           "%s: %.9g in row %u, column %u: f16 holds up to 65504",
                           f->name, (double)value, row, c);
    }
    return VBLIP_OK;
}

static vblip_status convert_row(void *dst, const filling *f, converter *c,
                                const uint8_t *src, vb_dtype type, uint32_t row)
{
    if (f->m->type == VB_F32) {
        vb_widen(dst, src, type, f->m->base.cols);
        return VBLIP_OK;
    }
    vb_widen(c->wide, src, type, f->m->base.cols);
    return narrow(dst, f, c->wide, row, &c->err);
}

// Row `held` of a panel.
static vblip_status place_row(uint8_t *panel, const filling *f, converter *c,
                              const uint8_t *src, vb_dtype type, uint32_t row,
                              uint32_t held)
{
    if (!f->by_panel)
        return convert_row(panel + held * (f->panel_bytes / VB_PANEL_ROWS), f, c, src,
                           type, row);
    VB_TRY(convert_row(c->row, f, c, src, type, row));
    for (size_t t = 0; t < f->texels; t++)
        memcpy(panel + (t * VB_PANEL_ROWS + held) * TEXEL_BYTES,
               c->row + t * TEXEL_BYTES, TEXEL_BYTES);
    return VBLIP_OK;
}

// The rows of a panel, which may be of several blocks.
static vblip_status convert_panel(uint8_t *to, const filling *f, converter *c,
                                  uint32_t panel)
{
    const uint32_t rows = f->m->base.rows, first = panel * VB_PANEL_ROWS;
    const uint32_t left = rows - first;
    const uint32_t count = left < VB_PANEL_ROWS ? left : VB_PANEL_ROWS;
    const vb_matrix_block *block = f->blocks;
    uint32_t at = first;                      // in the block
    if (f->by_panel && count < VB_PANEL_ROWS) // padding; all else is written
        memset(to, 0, f->panel_bytes);
    for (uint32_t held = 0; held < count;) {
        while (at >= block->rows)
            at -= block++->rows;
        const size_t bytes = f->m->base.cols * vb_dtype_size(block->type);
        const uint32_t more = count - held, has = block->rows - at;
        const uint32_t n = more < has ? more : has;
        VB_TRY(block->read(block->source, c->raw, at * bytes, n * bytes, &c->err));
        for (uint32_t i = 0; i < n; i++, held++)
            VB_TRY(place_row(to, f, c, c->raw + i * bytes, block->type, first + held,
                             held));
        at += n;
    }
    return VBLIP_OK;
}

static void convert_panels(void *user, uint32_t worker)
{
    filling *f = user;
    converter *c = &f->converters[worker];
    uint32_t i;
    while (worker < f->threads && c->err.status == VBLIP_OK &&
           vb_pieces_take(&f->pieces, &i)) {
        c->panel = f->first + i;
        (void)convert_panel(f->to + i * f->panel_bytes, f, c, c->panel); // c->err
    }
}

// Panels first .. first + count - 1 to memory. Of several failures, that of the first row.
static vblip_status convert(uint8_t *to, filling *f, uint32_t first, uint32_t count,
                            vblip_error *err)
{
    const vb_gpu *gpu = vb_gpu_of(f->m->base.device);
    const converter *failed = NULL;
    f->to = to;
    f->first = first;
    f->pieces = (vb_pieces){.count = count};
    if (gpu->team)
        vb_team_run(gpu->team, convert_panels, f);
    else
        convert_panels(f, 0);
    for (uint32_t i = 0; i < f->threads; i++) {
        const converter *c = &f->converters[i];
        if (c->err.status && (!failed || c->panel < failed->panel))
            failed = c;
    }
    return failed ? vb_fail(err, failed->err.status, "%s", failed->err.message)
                  : VBLIP_OK;
}

// Panels of which one is longer than a transfer.
static vblip_status send_long_panels(filling *f, vb_gpu_buffer *buffer, uint32_t panels,
                                     vblip_error *err)
{
    vb_gpu *gpu = vb_gpu_of(f->m->base.device);
    vblip_status status = VBLIP_OK;
    gpu->memory.host_allocations++;
    uint8_t *panel = malloc(f->panel_bytes);
    if (!panel)
        return vb_fail_memory(err, f->name);
    for (uint32_t i = 0; i < panels && status == VBLIP_OK; i++) {
        const uint64_t at = i * f->panel_bytes, left = buffer->base.size - at;
        status = convert(panel, f, i, 1, err);
        if (status == VBLIP_OK)
            status =
                vb_transfer_upload(gpu, buffer, at, panel,
                                   left < f->panel_bytes ? left : f->panel_bytes, err);
    }
    free(panel);
    return status;
}

// All of a layout, straight to its buffer where that is mapped, else through staging.
static vblip_status fill_layout(filling *f, vb_gpu_buffer *buffer, vblip_error *err)
{
    vb_gpu *gpu = vb_gpu_of(f->m->base.device);
    const uint32_t panels = (f->m->base.rows + VB_PANEL_ROWS - 1) / VB_PANEL_ROWS;
    if (buffer->mapped)
        return convert(buffer->mapped, f, 0, panels, err);
    const uint32_t most = (uint32_t)(VB_TRANSFER_BYTES / f->panel_bytes);
    if (!most)
        return send_long_panels(f, buffer, panels, err);
    for (uint32_t first = 0, count; first < panels; first += count) {
        count = panels - first < most ? panels - first : most;
        const uint64_t at = first * f->panel_bytes, left = buffer->base.size - at;
        const uint64_t bytes =
            count * f->panel_bytes < left ? count * f->panel_bytes : left;
        vb_staged staged;
        VB_TRY(vb_transfer_stage(&staged, gpu, bytes, err));
        VB_TRY(convert(staged.bytes, f, first, count, err));
        VB_TRY(vb_transfer_send(gpu, buffer, at, &staged, bytes, err));
    }
    return VBLIP_OK;
}

static size_t texels_of_row(const vb_gpu_matrix *m)
{
    const size_t bytes = m->base.cols * vb_dtype_size(m->type);
    return (bytes + TEXEL_BYTES - 1) / TEXEL_BYTES;
}

// Room for each thread to convert in; one allocation, at the first.
static vblip_status make_converters(filling *f, vblip_error *err)
{
    const size_t row = f->texels * TEXEL_BYTES,
                 floats = f->m->base.cols * sizeof(float);
    const size_t wide = (floats + TEXEL_BYTES - 1) / TEXEL_BYTES * TEXEL_BYTES;
    const size_t each = VB_PANEL_ROWS * wide + wide + row;
    uint8_t *room = calloc(f->threads, each);
    if (!room)
        return vb_fail_memory(err, f->name);
    for (uint32_t i = 0; i < f->threads; i++) {
        uint8_t *at = room + i * each;
        f->converters[i] =
            (converter){.raw = at,
                        .wide = (float *)(void *)(at + VB_PANEL_ROWS * wide),
                        .row = at + VB_PANEL_ROWS * wide + wide};
    }
    return VBLIP_OK;
}

static vblip_status fill_matrix(vb_gpu_matrix *m, const vb_matrix_block *blocks,
                                const char *name, vblip_error *err)
{
    const vb_gpu *gpu = vb_gpu_of(m->base.device);
    filling f = {.m = m,
                 .blocks = blocks,
                 .name = name,
                 .texels = texels_of_row(m),
                 .threads = gpu->loading ? gpu->threads : 1};
    vblip_status status = make_converters(&f, err);
    if (status == VBLIP_OK && m->row_data) {
        f.panel_bytes = VB_PANEL_ROWS * m->base.cols * vb_dtype_size(m->type);
        status = fill_layout(&f, vb_gpu_buffer_of(m->row_data), err);
    }
    if (status == VBLIP_OK && m->panels) {
        f.by_panel = true;
        f.panel_bytes = VB_PANEL_ROWS * f.texels * TEXEL_BYTES;
        status = fill_layout(&f, vb_gpu_buffer_of(m->panels), err);
    }
    free(f.converters[0].raw);
    return status;
}

// Room in device memory, in the layouts that the uses need.
static vblip_status make_layouts(vb_gpu_matrix *m, const char *name, vblip_error *err)
{
    const vb_gpu *gpu = vb_gpu_of(m->base.device);
    const uint64_t rows = m->base.rows,
                   bytes = rows * m->base.cols * vb_dtype_size(m->type);
    const uint64_t panels = (rows + VB_PANEL_ROWS - 1) / VB_PANEL_ROWS;
    const uint64_t panel_bytes = texels_of_row(m) * VB_PANEL_ROWS * TEXEL_BYTES;
    const bool by_panel = gpu->family == VB_LAVAPIPE && (m->base.uses & VB_USE_LINEAR);
    if (!by_panel || (m->base.uses & VB_USE_ROWS)) // kernels read halves in pairs
        VB_TRY(vb_buffer_make(&m->row_data, m->base.device, (bytes + 3) / 4 * 4, name,
                              err));
    if (!by_panel)
        return VBLIP_OK;
    VB_TRY(vb_buffer_make(&m->panels, m->base.device, panels * panel_bytes, name, err));
    return m->type == VB_F32 ? VBLIP_OK
                             : vb_memory_view_halves(vb_gpu_buffer_of(m->panels), err);
}

vblip_status vb_gpu_matrix_make(vb_matrix **out, vb_device *device,
                                const vb_matrix_block *blocks, uint32_t count,
                                uint32_t cols, uint32_t uses, const char *name,
                                vblip_error *err)
{
    vb_gpu *gpu = vb_gpu_of(device);
    uint64_t rows = 0;
    for (uint32_t i = 0; i < count; i++)
        rows += blocks[i].rows;
    if (rows == 0 || rows > UINT32_MAX - VB_PANEL_ROWS)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "%s: %llu rows", name,
                       (unsigned long long)rows);
    VB_TRY(vb_wait_check(gpu, err));
    VB_TRY(vb_commands_go_on(gpu, err));
    gpu->memory.host_allocations += 2; // and of make_converters
    vb_gpu_matrix *m = calloc(1, sizeof *m);
    if (!m)
        return vb_fail_memory(err, name);
    m->base = (vb_matrix){
        .device = device, .rows = (uint32_t)rows, .cols = cols, .uses = uses};
    m->type = device->weights;
    if (!gpu->loading) // so that failures from here on are of these weights alone
        vb_commands_settle(gpu, vb_submission_value(&gpu->submissions));
    vblip_status status = make_layouts(m, name, err);
    if (status == VBLIP_OK)
        status = fill_matrix(m, blocks, name, err);
    if (status == VBLIP_OK && !gpu->loading) // what is staged must not be dropped
        status = vb_commands_flush(gpu, err);
    if (status != VBLIP_OK) {
        vb_gpu_matrix_free(&m->base);
        return status;
    }
    *out = &m->base;
    return VBLIP_OK;
}

void vb_gpu_matrix_free(vb_matrix *matrix)
{
    vb_gpu_matrix *m = (vb_gpu_matrix *)matrix;
    vb_buffer_free(&m->row_data);
    vb_buffer_free(&m->panels);
    free(m);
}

void vb_gpu_weights_begin(vb_device *device, vb_weights_origin origin)
{
    (void)origin; // nothing is kept
    vb_gpu *gpu = vb_gpu_of(device);
    const uint32_t cores = vb_core_count();
    gpu->loading = true;
    gpu->threads = cores < MOST_THREADS ? cores : MOST_THREADS;
    if (vb_team_open(&gpu->team, gpu->threads, NULL) != VBLIP_OK)
        gpu->threads = 1; // the caller's
}

void vb_gpu_weights_end(vb_device *device, bool whole)
{
    vb_gpu *gpu = vb_gpu_of(device);
    gpu->loading = false;
    gpu->loaded = gpu->loaded || whole;
    vb_team_close(&gpu->team);
}
