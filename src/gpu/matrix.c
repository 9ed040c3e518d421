// matrix.c - weights from checkpoint rows to the layouts that kernels read.
//
// Rows are [rows, cols] in float, as in the checkpoint. Panels serve linear_lavapipe.comp:
// [rows / 32 rounded up][cols / 4 rounded up][32][4], so that eight lanes fetch the same
// four columns of eight neighbouring rows from 128 consecutive bytes; the padding is zero.
#include "gpu/context.h"
#include "op_params.h"

#include <stdlib.h>
#include <string.h>

typedef struct row_reader {
    const vb_matrix_block *blocks;
    uint32_t block, row; // the next row
    uint32_t cols;
} row_reader;

static void read_row(row_reader *reader, float *dst)
{
    const vb_matrix_block *block = &reader->blocks[reader->block];
    const size_t bytes = reader->cols * vb_dtype_size(block->type);
    vb_widen(dst, (const uint8_t *)block->data + reader->row * bytes, block->type,
             reader->cols);
    if (++reader->row == block->rows) {
        reader->block++;
        reader->row = 0;
    }
}

// Rows at a time, through `scratch` of VB_PANEL_ROWS * cols floats.
static vblip_status write_rows(vb_gpu_matrix *m, const vb_matrix_block *blocks,
                               float *scratch, vblip_error *err)
{
    row_reader reader = {.blocks = blocks, .cols = m->base.cols};
    const uint64_t row_bytes = m->base.cols * sizeof(float);
    for (uint32_t first = 0; first < m->base.rows; first += VB_PANEL_ROWS) {
        const uint32_t left = m->base.rows - first;
        const uint32_t count = left < VB_PANEL_ROWS ? left : VB_PANEL_ROWS;
        for (uint32_t i = 0; i < count; i++)
            read_row(&reader, scratch + (size_t)i * m->base.cols);
        VB_TRY(vb_gpu_buffer_write(vb_gpu_buffer_of(m->row_data), first * row_bytes,
                                   scratch, count * row_bytes, err));
    }
    return VBLIP_OK;
}

// `row` is one row, `panel` one panel.
static vblip_status write_panels(vb_gpu_matrix *m, const vb_matrix_block *blocks,
                                 float *row, float *panel, vblip_error *err)
{
    row_reader reader = {.blocks = blocks, .cols = m->base.cols};
    const uint32_t quads = (m->base.cols + 3) / 4;
    const size_t panel_bytes = (size_t)quads * 4 * VB_PANEL_ROWS * sizeof(float);
    const uint32_t panels = (m->base.rows + VB_PANEL_ROWS - 1) / VB_PANEL_ROWS;
    for (uint32_t p = 0; p < panels; p++) {
        memset(panel, 0, panel_bytes);
        for (uint32_t r = 0; r < VB_PANEL_ROWS; r++) {
            if (p * VB_PANEL_ROWS + r >= m->base.rows)
                break;
            read_row(&reader, row);
            for (uint32_t c = 0; c < m->base.cols; c++)
                panel[((size_t)(c / 4) * VB_PANEL_ROWS + r) * 4 + c % 4] = row[c];
        }
        VB_TRY(vb_gpu_buffer_write(vb_gpu_buffer_of(m->panels), p * panel_bytes, panel,
                                   panel_bytes, err));
    }
    return VBLIP_OK;
}

static vblip_status fill(vb_gpu_matrix *m, const vb_matrix_block *blocks,
                         const char *name, vblip_error *err)
{
    const size_t quad_cols = ((size_t)m->base.cols + 3) / 4 * 4;
    float *scratch = calloc(quad_cols * (VB_PANEL_ROWS + 1), sizeof(float));
    if (!scratch)
        return vb_fail_memory(err, name);
    vblip_status status = VBLIP_OK;
    if (m->row_data)
        status = write_rows(m, blocks, scratch, err);
    if (status == VBLIP_OK && m->panels)
        status = write_panels(m, blocks, scratch, scratch + quad_cols, err);
    free(scratch);
    return status;
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
    vb_gpu_matrix *m = calloc(1, sizeof *m);
    if (!m)
        return vb_fail_memory(err, name);
    m->base = (vb_matrix){
        .device = device, .rows = (uint32_t)rows, .cols = cols, .uses = uses};
    const bool panels = gpu->family == VB_LAVAPIPE && (uses & VB_USE_LINEAR);
    const uint64_t panel_bytes = (rows + VB_PANEL_ROWS - 1) / VB_PANEL_ROWS *
                                 VB_PANEL_ROWS * (((uint64_t)cols + 3) / 4 * 16);
    vblip_status status = VBLIP_OK;
    if (!panels || (uses & VB_USE_ROWS))
        VB_OK(vb_buffer_make(&m->row_data, device, rows * cols * sizeof(float), name,
                             err));
    if (panels)
        VB_OK(vb_buffer_make(&m->panels, device, panel_bytes, name, err));
    VB_OK(fill(m, blocks, name, err));
    VB_OK(vb_commands_flush(gpu, err)); // what goes through staging must not be dropped
    *out = &m->base;
    return VBLIP_OK;
fail:
    vb_gpu_matrix_free(&m->base);
    return status;
}

void vb_gpu_matrix_free(vb_matrix *matrix)
{
    vb_gpu_matrix *m = (vb_gpu_matrix *)matrix;
    vb_buffer_free(&m->row_data);
    vb_buffer_free(&m->panels);
    free(m);
}
