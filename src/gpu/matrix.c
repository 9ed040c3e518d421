// matrix.c - weights from checkpoint rows to the layouts and the type that kernels read.
//
// Elements are floats, or halves where the device was opened with f16. Rows are
// [rows, cols], as in the checkpoint. Panels serve linear_lavapipe.comp: texels of 16
// bytes, each N columns of one row (N is 4 floats or 8 halves), as [rows / 32 rounded
// up][cols / N rounded up][32][N], so that eight lanes fetch the same columns of eight
// neighbouring rows from 128 consecutive bytes; the padding is zero.
#include "gpu/context.h"
#include "op_params.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXEL_BYTES = 16 };

// Rows of all blocks, one after another.
typedef struct row_reader {
    const vb_matrix_block *blocks;
    const char *name;
    uint32_t block, row; // the next row, and the block that has it
    uint32_t cols, rows_read;
    vb_dtype type; // that rows are read into
    uint8_t *raw;  // room for VB_PANEL_ROWS rows as they lie in the checkpoint
    float *wide;   // room for one row of floats
} row_reader;

// What a checkpoint holds beyond f16 would be infinite: refused, not clamped.
static vblip_status narrow(uint16_t *dst, const row_reader *reader, vblip_error *err)
{
    for (uint32_t c = 0; c < reader->cols; c++) {
        const float value = reader->wide[c];
        dst[c] = vb_f32_to_f16(value);
        if ((dst[c] & 0x7fffu) == 0x7c00u && isfinite(value))
            return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                           "%s: %.9g in row %u, column %u: f16 holds up to 65504",
                           reader->name, (double)value, reader->rows_read, c);
    }
    return VBLIP_OK;
}

static vblip_status read_row(row_reader *reader, void *dst, vblip_error *err)
{
    const vb_matrix_block *block = &reader->blocks[reader->block];
    const size_t bytes = reader->cols * vb_dtype_size(block->type);
    const uint32_t held = reader->row % VB_PANEL_ROWS, left = block->rows - reader->row;
    const uint8_t *src = reader->raw + held * bytes;
    if (held == 0)
        VB_TRY(block->read(block->source, reader->raw, reader->row * bytes,
                           (left < VB_PANEL_ROWS ? left : VB_PANEL_ROWS) * bytes, err));
    if (reader->type == VB_F32) {
        vb_widen(dst, src, block->type, reader->cols);
    } else {
        vb_widen(reader->wide, src, block->type, reader->cols);
        VB_TRY(narrow(dst, reader, err));
    }
    reader->rows_read++;
    if (++reader->row == block->rows) {
        reader->block++;
        reader->row = 0;
    }
    return VBLIP_OK;
}

// Rows at a time, through `scratch` of VB_PANEL_ROWS rows.
static vblip_status write_rows(vb_gpu_matrix *m, row_reader reader, uint8_t *scratch,
                               vblip_error *err)
{
    const size_t row_bytes = m->base.cols * vb_dtype_size(m->type);
    for (uint32_t first = 0; first < m->base.rows; first += VB_PANEL_ROWS) {
        const uint32_t left = m->base.rows - first;
        const uint32_t count = left < VB_PANEL_ROWS ? left : VB_PANEL_ROWS;
        for (uint32_t i = 0; i < count; i++)
            VB_TRY(read_row(&reader, scratch + i * row_bytes, err));
        VB_TRY(vb_gpu_buffer_write(vb_gpu_buffer_of(m->row_data), first * row_bytes,
                                   scratch, count * row_bytes, err));
    }
    return VBLIP_OK;
}

// `row` is one row of whole texels, zero past its columns; `panel` is one panel.
static vblip_status write_panels(vb_gpu_matrix *m, row_reader reader, uint8_t *row,
                                 uint8_t *panel, size_t texels, vblip_error *err)
{
    const size_t panel_bytes = texels * VB_PANEL_ROWS * TEXEL_BYTES;
    const uint32_t panels = (m->base.rows + VB_PANEL_ROWS - 1) / VB_PANEL_ROWS;
    for (uint32_t p = 0; p < panels; p++) {
        const uint32_t left = m->base.rows - p * VB_PANEL_ROWS;
        if (left < VB_PANEL_ROWS) // padding; all else is written
            memset(panel, 0, panel_bytes);
        for (uint32_t r = 0; r < VB_PANEL_ROWS && r < left; r++) {
            VB_TRY(read_row(&reader, row, err));
            for (size_t t = 0; t < texels; t++)
                memcpy(panel + (t * VB_PANEL_ROWS + r) * TEXEL_BYTES,
                       row + t * TEXEL_BYTES, TEXEL_BYTES);
        }
        VB_TRY(vb_gpu_buffer_write(vb_gpu_buffer_of(m->panels), p * panel_bytes, panel,
                                   panel_bytes, err));
    }
    return VBLIP_OK;
}

static size_t texels_of_row(const vb_gpu_matrix *m)
{
    const size_t bytes = m->base.cols * vb_dtype_size(m->type);
    return (bytes + TEXEL_BYTES - 1) / TEXEL_BYTES;
}

static vblip_status fill_matrix(vb_gpu_matrix *m, const vb_matrix_block *blocks,
                                const char *name, vblip_error *err)
{
    const size_t texels = texels_of_row(m), row_bytes = texels * TEXEL_BYTES;
    uint8_t *scratch = malloc((VB_PANEL_ROWS + 1) * row_bytes);
    row_reader reader = {
        .blocks = blocks, .name = name, .cols = m->base.cols, .type = m->type};
    reader.wide = m->type == VB_F32 ? NULL : malloc(m->base.cols * sizeof(float));
    reader.raw = malloc(VB_PANEL_ROWS * m->base.cols * sizeof(float));
    vblip_status status = VBLIP_OK;
    if (!scratch || !reader.raw || (m->type != VB_F32 && !reader.wide))
        status = vb_fail_memory(err, name);
    if (status == VBLIP_OK && m->row_data)
        status = write_rows(m, reader, scratch, err);
    if (status == VBLIP_OK && m->panels) {
        memset(scratch, 0, row_bytes);
        status = write_panels(m, reader, scratch, scratch + row_bytes, texels, err);
    }
    free(scratch);
    free(reader.wide);
    free(reader.raw);
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
    vb_gpu_matrix *m = calloc(1, sizeof *m);
    if (!m)
        return vb_fail_memory(err, name);
    m->base = (vb_matrix){
        .device = device, .rows = (uint32_t)rows, .cols = cols, .uses = uses};
    m->type = device->weights;
    vb_commands_settle(gpu); // so that failures from here on are of these weights alone
    vblip_status status = make_layouts(m, name, err);
    if (status == VBLIP_OK)
        status = fill_matrix(m, blocks, name, err);
    if (status == VBLIP_OK) // what goes through staging must not be dropped
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
