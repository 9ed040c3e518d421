// matrix.c - weights from checkpoint rows to panels that products read, and to rows that
// vb_embed reads.
#include "cpu/context.h"

#include <stdlib.h>
#include <string.h>

// A panel stays in a core's second cache while rows of x pass by: three quarters of a
// megabyte, and widths that oneDNN's kernels like.
enum { PANEL_BYTES = 768 << 10, PANEL_STEP = 64, MAX_PANEL_ROWS = 256 };

static const uint32_t MAX_ROWS = UINT32_MAX - MAX_PANEL_ROWS;

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

static vblip_status find_places(vb_cpu_matrix *m, vb_cpu *cpu, vblip_error *err)
{
    const uint32_t cols = m->base.cols;
    VB_TRY(vb_panel_places_find(&m->places[0], cpu, m->panel_rows, cols, err));
    return vb_panel_places_find(&m->places[1], cpu,
                                rows_of_panel(m, panel_count(m) - 1), cols, err);
}

size_t vb_cpu_matrix_bytes(const vb_cpu_matrix *m)
{
    return m->base.uses & VB_USE_LINEAR
               ? m->panel_bytes * panel_count(m)
               : (size_t)m->base.rows * m->base.cols * vb_dtype_size(m->type);
}

const uint8_t *vb_cpu_matrix_laid_out(const vb_cpu_matrix *m)
{
    return m->panels ? m->panels : m->rows;
}

static void set_laid_out(vb_cpu_matrix *m, uint8_t *bytes)
{
    if (m->base.uses & VB_USE_LINEAR)
        m->panels = bytes;
    else
        m->rows = bytes;
}

// Everything but the weights.
static vblip_status shape_matrix(vb_cpu_matrix *m, vb_cpu *cpu, vblip_error *err)
{
    if (!(m->base.uses & VB_USE_LINEAR))
        return VBLIP_OK;
    VB_TRY(vb_product_panel_bytes(&m->panel_bytes, cpu->workers[0].oneDNN, m->base.cols,
                                  m->panel_rows, m->type, err));
    return m->base.uses & VB_USE_ROWS ? find_places(m, cpu, err) : VBLIP_OK;
}

// Panels are read, and laid out, each by whoever is free.
typedef struct packing {
    vb_cpu *cpu;
    vb_cpu_matrix *m;
    const vb_matrix_block *blocks;
    const char *name;
} packing;

// Rows [first, first + count) of all blocks as floats; others pass through `raw`, which
// has room for as many floats.
static vblip_status read_block_rows(const packing *p, float *out, uint8_t *raw,
                                    uint32_t first, uint32_t count, vblip_error *err)
{
    const vb_matrix_block *block = p->blocks;
    const size_t cols = p->m->base.cols;
    while (first >= block->rows)
        first -= block++->rows;
    for (; count; block++, first = 0) {
        const uint32_t left = block->rows - first;
        const uint32_t now = count < left ? count : left;
        const size_t row_bytes = cols * vb_dtype_size(block->type);
        const bool wide = block->type == VB_F32;
        VB_TRY(block->read(block->source, wide ? (void *)out : raw, first * row_bytes,
                           now * row_bytes, err));
        if (!wide)
            vb_widen(out, raw, block->type, now * cols);
        out += now * cols;
        count -= now;
    }
    return VBLIP_OK;
}

static vblip_status pack_panel(void *user, vb_cpu_worker *worker, uint32_t panel,
                               vblip_error *err)
{
    const packing *p = user;
    const vb_cpu_matrix *m = p->m;
    const uint32_t first = panel * m->panel_rows, count = rows_of_panel(m, panel);
    const size_t values = (size_t)count * m->base.cols;
    const size_t at = (size_t)first * m->base.cols;
    float *rows =
        vb_room_take(&worker->room, 2 * values * sizeof *rows, &worker->allocations);
    if (!rows)
        return vb_fail_memory(err, p->name);
    VB_TRY(read_block_rows(p, rows, (uint8_t *)(rows + values), first, count, err));
    if (m->panels)
        return vb_product_pack(worker->oneDNN, m->panels + panel * m->panel_bytes, rows,
                               m->base.cols, count, m->type, err);
    vb_cpu_narrow(p->cpu, m->rows + at * vb_dtype_size(m->type), m->type, rows, values);
    return VBLIP_OK;
}

static vblip_status pack_matrix(packing *p, vblip_error *err)
{
    vb_cpu_matrix *m = p->m;
    const size_t bytes = vb_cpu_matrix_bytes(m);
    uint8_t *laid_out = vb_cpu_allocate(bytes);
    if (!laid_out)
        return vb_fail(err, VBLIP_ERR_MEMORY, "%s: no memory for %zu MiB", p->name,
                       bytes >> 20);
    set_laid_out(m, laid_out);
    const vb_cpu_loop loop = {.run = pack_panel, .user = p, .pieces = panel_count(m)};
    return vb_cpu_run(p->cpu, &loop, err);
}

// A matrix without weights.
static vblip_status open_matrix(vb_cpu_matrix **out, vb_cpu *cpu, uint32_t rows,
                                uint32_t cols, uint32_t uses, const char *name,
                                vblip_error *err)
{
    double start;
    *out = NULL;
    VB_TRY(vb_cpu_begin(cpu, &start, err));
    vb_cpu_matrix *m = calloc(1, sizeof *m);
    if (!m)
        return vb_fail_memory(err, name);
    m->base =
        (vb_matrix){.device = &cpu->base, .rows = rows, .cols = cols, .uses = uses};
    m->type = cpu->base.weights;
    m->panel_rows = panel_rows_of(rows, cols, m->type);
    const int threads = vb_product_enter();
    const vblip_status status = shape_matrix(m, cpu, err);
    vb_product_leave(threads);
    if (status != VBLIP_OK) {
        vb_cpu_matrix_free(&m->base);
        return status;
    }
    *out = m;
    return VBLIP_OK;
}

vblip_status vb_cpu_matrix_take(vb_matrix **out, vb_device *device, uint32_t rows,
                                uint32_t cols, uint32_t uses, const char *name,
                                vblip_error *err)
{
    vb_cpu *cpu = vb_cpu_of(device);
    vb_cpu_matrix *m;
    const uint8_t *bytes;
    if (!cpu->cache.file || rows == 0 || rows > MAX_ROWS)
        return VBLIP_OK;
    VB_TRY(open_matrix(&m, cpu, rows, cols, uses, name, err));
    const vblip_status status = vb_cpu_weights_take(&bytes, cpu, m, name, err);
    if (status != VBLIP_OK || !bytes) {
        vb_cpu_matrix_free(&m->base);
        return status;
    }
    set_laid_out(m, (uint8_t *)bytes);
    m->packed = vb_packed_hold(cpu->cache.file);
    cpu->allocations++;
    *out = &m->base;
    return VBLIP_OK;
}

vblip_status vb_cpu_matrix_make(vb_matrix **out, vb_device *device,
                                const vb_matrix_block *blocks, uint32_t count,
                                uint32_t cols, uint32_t uses, const char *name,
                                vblip_error *err)
{
    vb_cpu *cpu = vb_cpu_of(device);
    vb_cpu_matrix *m;
    uint64_t rows = 0;
    for (uint32_t i = 0; i < count; i++)
        rows += blocks[i].rows;
    if (rows == 0 || rows > MAX_ROWS)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "%s: %llu rows", name,
                       (unsigned long long)rows);
    VB_TRY(open_matrix(&m, cpu, (uint32_t)rows, cols, uses, name, err));
    packing p = {cpu, m, blocks, name};
    vblip_status status = pack_matrix(&p, err);
    if (status == VBLIP_OK)
        status = vb_cpu_weights_keep(cpu, m, name, err);
    if (status != VBLIP_OK) {
        vb_cpu_matrix_free(&m->base);
        return status;
    }
    cpu->allocations++;
    *out = &m->base;
    return VBLIP_OK;
}

// Row `row` in its panel, and where its values lie there.
static const uint8_t *find_row(const uint32_t **places, const vb_cpu_matrix *m,
                               uint32_t row)
{
    const uint32_t panel = row / m->panel_rows;
    const bool last = panel == panel_count(m) - 1;
    *places = vb_panel_places_row(m->places[last], row % m->panel_rows);
    return m->panels + panel * m->panel_bytes;
}

void vb_cpu_matrix_read(const vb_cpu_matrix *m, float *out, uint32_t row)
{
    const uint32_t *at, cols = m->base.cols;
    const size_t unit = vb_dtype_size(m->type);
    if (m->rows) {
        vb_widen(out, m->rows + row * cols * unit, m->type, cols);
        return;
    }
    const uint8_t *panel = find_row(&at, m, row);
    for (uint32_t c = 0; c < cols; c++)
        vb_widen(out + c, panel + at[c] * unit, m->type, 1);
}

static vblip_status unpack_panel(void *user, vb_cpu_worker *worker, uint32_t panel,
                                 vblip_error *err)
{
    (void)worker, (void)err;
    const vb_cpu_matrix *m = user;
    const size_t unit = vb_dtype_size(m->type), cols = m->base.cols;
    const uint32_t first = panel * m->panel_rows, count = rows_of_panel(m, panel);
    for (uint32_t r = first; r < first + count; r++) {
        const uint32_t *at;
        const uint8_t *values = find_row(&at, m, r);
        uint8_t *out = m->rows + r * cols * unit;
        for (size_t c = 0; c < cols; c++)
            memcpy(out + c * unit, values + at[c] * unit, unit);
    }
    return VBLIP_OK;
}

vblip_status vb_cpu_matrix_rows(vb_cpu *cpu, vb_cpu_matrix *m, vblip_error *err)
{
    if (m->rows)
        return VBLIP_OK;
    m->rows =
        vb_cpu_allocate((size_t)m->base.rows * m->base.cols * vb_dtype_size(m->type));
    if (!m->rows)
        return vb_fail_memory(err, "rows of weights");
    cpu->allocations++;
    const vb_cpu_loop loop = {.run = unpack_panel, .user = m, .pieces = panel_count(m)};
    const vblip_status status = vb_cpu_run(cpu, &loop, err);
    if (status != VBLIP_OK) {
        free(m->rows);
        m->rows = NULL;
    }
    return status;
}

void vb_cpu_matrix_free(vb_matrix *matrix)
{
    vb_cpu_matrix *m = (vb_cpu_matrix *)matrix;
    if (!m->packed || m->panels)
        free(m->rows);
    if (!m->packed)
        free(m->panels);
    vb_packed_release(&m->packed);
    free(m);
}
