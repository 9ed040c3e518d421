// matrix.c - weights from checkpoint rows to panels that products read, and to rows that
// vb_embed reads.
#include "cpu/context.h"

#include <stdlib.h>
#include <string.h>

// A panel stays in a core's second cache while rows of x pass by: three quarters of a
// megabyte, and widths that oneDNN's kernels like.
enum { PANEL_BYTES = 768 << 10, PANEL_STEP = 64, MAX_PANEL_ROWS = 256 };

static uint32_t panel_rows_of(uint32_t rows, uint32_t cols, vb_dtype type)
{
    const size_t fit = PANEL_BYTES / (cols * vb_dtype_size(type));
    uint32_t count =
        fit > MAX_PANEL_ROWS ? MAX_PANEL_ROWS : (uint32_t)fit / PANEL_STEP * PANEL_STEP;
    if (count < PANEL_STEP)
        count = PANEL_STEP;
    return count < rows ? count : rows;
}

static uint32_t rows_of_panel(const vb_cpu_matrix *m, uint32_t panel)
{
    const uint32_t left = m->base.rows - panel * m->panel_rows;
    return left < m->panel_rows ? left : m->panel_rows;
}

static uint32_t panel_count(const vb_cpu_matrix *m)
{
    return (m->base.rows + m->panel_rows - 1) / m->panel_rows;
}

static vblip_status make_cpu_layouts(vb_cpu_matrix *m, vb_cpu *cpu, const char *name,
                                     vblip_error *err)
{
    const size_t size = (size_t)m->base.rows * m->base.cols * vb_dtype_size(m->type);
    size_t bytes = 0;
    if (m->base.uses & VB_USE_LINEAR) {
        VB_TRY(vb_product_panel_bytes(&m->panel_bytes, cpu->workers[0].oneDNN,
                                      m->base.cols, m->panel_rows, m->type, err));
        bytes = m->panel_bytes * panel_count(m);
        m->panels = aligned_alloc(VB_CPU_ALIGN, bytes);
    }
    if (m->base.uses & VB_USE_ROWS)
        m->rows = malloc(size);
    if (((m->base.uses & VB_USE_LINEAR) && !m->panels) ||
        ((m->base.uses & VB_USE_ROWS) && !m->rows))
        return vb_fail(err, VBLIP_ERR_MEMORY, "%s: no memory for %zu MiB", name,
                       (bytes + size) >> 20);
    return VBLIP_OK;
}

// Rows of all blocks, one after another.
typedef struct cpu_reader {
    const vb_matrix_block *blocks;
    uint32_t block, row; // the next row, and the block that has it
    uint32_t cols;
} cpu_reader;

// The next `count` rows as floats, through `raw`, which has room for them.
static vblip_status read_block_rows(float *out, cpu_reader *reader, uint8_t *raw,
                                    uint32_t count, vblip_error *err)
{
    while (count) {
        const vb_matrix_block *block = &reader->blocks[reader->block];
        const uint32_t left = block->rows - reader->row;
        const uint32_t now = count < left ? count : left;
        const size_t row_bytes = reader->cols * vb_dtype_size(block->type);
        VB_TRY(block->read(block->source, raw, reader->row * row_bytes, now * row_bytes,
                           err));
        vb_widen(out, raw, block->type, (size_t)now * reader->cols);
        out += (size_t)now * reader->cols;
        count -= now;
        reader->row += now;
        if (reader->row == block->rows) {
            reader->block++;
            reader->row = 0;
        }
    }
    return VBLIP_OK;
}

// As many panels as there are workers, read one after another and laid out at once.
typedef struct packing {
    vb_cpu *cpu;
    vb_cpu_matrix *m;
    const float *rows;
    uint32_t first; // panel
} packing;

static vblip_status pack_panel(void *user, vb_cpu_worker *worker, uint32_t piece,
                               vblip_error *err)
{
    const packing *p = user;
    const vb_cpu_matrix *m = p->m;
    const uint32_t panel = p->first + piece, count = rows_of_panel(m, panel);
    const size_t row = (size_t)piece * m->panel_rows;
    const float *rows = p->rows + row * m->base.cols;
    if (m->panels)
        VB_TRY(vb_product_pack(worker->oneDNN, m->panels + panel * m->panel_bytes, rows,
                               m->base.cols, count, m->type, err));
    if (!m->rows)
        return VBLIP_OK;
    const size_t at = ((size_t)p->first * m->panel_rows + row) * m->base.cols;
    const size_t values = (size_t)count * m->base.cols;
    if (m->type == VB_F32)
        memcpy((float *)(void *)m->rows + at, rows, values * sizeof *rows);
    else
        p->cpu->kernels->narrow_row((uint16_t *)(void *)m->rows + at, rows, values);
    return VBLIP_OK;
}

static vblip_status fill_panels(vb_cpu_matrix *m, vb_cpu *cpu, cpu_reader *reader,
                                float *rows, uint8_t *raw, vblip_error *err)
{
    const uint32_t panels = panel_count(m);
    for (uint32_t first = 0; first < panels; first += cpu->worker_count) {
        const uint32_t left = panels - first;
        const uint32_t now = left < cpu->worker_count ? left : cpu->worker_count;
        const uint32_t before = first * m->panel_rows;
        const uint32_t rest = m->base.rows - before, most = now * m->panel_rows;
        VB_TRY(read_block_rows(rows, reader, raw, rest < most ? rest : most, err));
        packing p = {cpu, m, rows, first};
        VB_TRY(vb_cpu_run(
            cpu, &(vb_cpu_loop){.run = pack_panel, .user = &p, .pieces = now}, err));
    }
    return VBLIP_OK;
}

static vblip_status fill_cpu_matrix(vb_cpu_matrix *m, vb_cpu *cpu,
                                    const vb_matrix_block *blocks, const char *name,
                                    vblip_error *err)
{
    const uint32_t panels = panel_count(m);
    const uint32_t held = panels < cpu->worker_count ? panels : cpu->worker_count;
    const size_t values = (size_t)held * m->panel_rows * m->base.cols;
    float *rows = malloc(values * sizeof *rows);
    uint8_t *raw = malloc(values * sizeof *rows);
    cpu_reader reader = {.blocks = blocks, .cols = m->base.cols};
    const vblip_status status = rows && raw
                                    ? fill_panels(m, cpu, &reader, rows, raw, err)
                                    : vb_fail_memory(err, name);
    free(raw);
    free(rows);
    return status;
}

vblip_status vb_cpu_matrix_make(vb_matrix **out, vb_device *device,
                                const vb_matrix_block *blocks, uint32_t count,
                                uint32_t cols, uint32_t uses, const char *name,
                                vblip_error *err)
{
    vb_cpu *cpu = vb_cpu_of(device);
    uint64_t rows = 0;
    double start;
    for (uint32_t i = 0; i < count; i++)
        rows += blocks[i].rows;
    if (rows == 0 || rows > UINT32_MAX - MAX_PANEL_ROWS)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "%s: %llu rows", name,
                       (unsigned long long)rows);
    VB_TRY(vb_cpu_begin(cpu, &start, err));
    vb_cpu_matrix *m = calloc(1, sizeof *m);
    if (!m)
        return vb_fail_memory(err, name);
    m->base = (vb_matrix){
        .device = device, .rows = (uint32_t)rows, .cols = cols, .uses = uses};
    m->type = device->weights;
    m->panel_rows = panel_rows_of(m->base.rows, cols, m->type);
    const int threads = vb_product_enter();
    vblip_status status = make_cpu_layouts(m, cpu, name, err);
    if (status == VBLIP_OK)
        status = fill_cpu_matrix(m, cpu, blocks, name, err);
    vb_product_leave(threads);
    if (status != VBLIP_OK) {
        vb_cpu_matrix_free(&m->base);
        return status;
    }
    cpu->allocations++;
    *out = &m->base;
    return VBLIP_OK;
}

void vb_cpu_matrix_free(vb_matrix *matrix)
{
    vb_cpu_matrix *m = (vb_cpu_matrix *)matrix;
    free(m->panels);
    free(m->rows);
    free(m);
}
