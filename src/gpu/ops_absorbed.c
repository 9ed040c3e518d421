// ops_absorbed.c - absorbed attention on llvmpipe: products with weights that lie in rows, and
// with what others gave.
#include "gpu/context.h"
#include "gpu/ops.h"

#include <math.h>

enum { TILE_COLS = 32, PRODUCT_DEPTH = 2, ROW_LANES = VB_LAVAPIPE_LANES };

// What the dispatches of one op share. Rows of q that see the same x are a group; those of a
// head follow each other in what lies between: queries and mixed are [groups, heads * rows,
// wide], scores [groups, heads * rows, padded].
typedef struct absorbed_run {
    vb_gpu *gpu;
    const vb_absorbed_attention_args *args;
    vb_span weights;
    uint32_t groups, rows, lines; // lines: of all heads of a group
    uint32_t width, wide;         // of a head; of x
    uint32_t states, padded;      // rows of x; in whole texels
    vb_span scratch;
    uint32_t scores, mixed; // where they begin in it, in floats; queries at 0
} absorbed_run;

// A product of the run. y, x and w are bound whole, but y where it is the op's.
typedef struct absorbed_product {
    vb_span y, x, w, bias;
    bool in_rows; // w is [in_cols, out_cols], not [out_cols, in_cols]
    struct vb_product_params params;
} absorbed_product;

static vblip_status absorbed_multiply(const absorbed_run *r,
                                      const absorbed_product *product, vblip_error *err)
{
    const struct vb_product_params *p = &product->params;
    const uint32_t rows = vb_lavapipe_tile_rows(p->rows);
    const uint32_t matrices = r->groups * p->heads;
    const vb_dispatch dispatch = {
        .op = "absorbed attention",
        .pipeline = product->in_rows ? VB_PIPELINE_PRODUCT_LAVAPIPE_IN_ROWS
                                     : VB_PIPELINE_PRODUCT_LAVAPIPE,
        .constants = {rows},
        .bindings = {product->y, product->x, product->w, product->bias},
        .params = p,
        .groups = {vb_ceil_div(p->out_cols, TILE_COLS),
                   vb_ceil_div(p->rows, rows) * matrices},
        .iterations = vb_loop_iterations(p->in_cols / (4 * PRODUCT_DEPTH)) +
                      vb_loop_iterations(PRODUCT_DEPTH),
        .work = (uint64_t)rows * TILE_COLS * p->in_cols,
    };
    return vb_commands_dispatch(r->gpu, &dispatch, err);
}

// A part of the scratch, of `cols` columns, all heads of a group one after another.
static struct vb_view part_view(const absorbed_run *r, uint32_t offset, uint32_t cols)
{
    return (struct vb_view){offset, cols, r->lines * cols};
}

// queries = scale * q_h Wk_h, each head for itself.
static vblip_status absorbed_queries(const absorbed_run *r, vblip_error *err)
{
    const vb_absorbed_attention_args *a = r->args;
    const absorbed_product product = {
        .y = r->scratch,
        .x = vb_span_whole(a->q.buffer),
        .w = r->weights,
        .in_rows = true,
        .params = {.y = part_view(r, 0, r->wide),
                   .x = vb_view_texels(&a->q),
                   .w = {.row_stride = r->wide / 4},
                   .y_rows = r->rows,
                   .x_rows = a->q.rows,
                   .y_head = r->rows * r->wide,
                   .x_head = r->width / 4,
                   .w_head = r->width * r->wide / 4,
                   .heads = a->heads,
                   .rows = r->rows,
                   .in_cols = r->width,
                   .out_cols = r->wide,
                   .scale = 1.0F / sqrtf((float)r->width)},
    };
    return absorbed_multiply(r, &product, err);
}

static struct vb_view states_view(const absorbed_run *r)
{
    struct vb_view view = vb_view_texels(&r->args->x);
    if (r->groups == 1)
        view.batch_stride = 0;
    return view;
}

// scores = queries x^T, or mixed = scores x: all heads together.
static vblip_status absorbed_states(const absorbed_run *r, bool mix, vblip_error *err)
{
    const struct vb_view queries = part_view(r, 0, r->wide);
    const struct vb_view mixed = part_view(r, r->mixed, r->wide);
    const struct vb_view scores = part_view(r, r->scores, r->padded);
    const absorbed_product product = {
        .y = r->scratch,
        .x = r->scratch,
        .w = vb_span_whole(r->args->x.buffer),
        .in_rows = mix,
        .params = {.y = mix ? mixed : scores,
                   .x = vb_view_quads(mix ? scores : queries),
                   .w = states_view(r),
                   .y_rows = r->lines,
                   .x_rows = r->lines,
                   .heads = 1,
                   .rows = r->lines,
                   .in_cols = mix ? r->states : r->wide,
                   .out_cols = mix ? r->wide : r->states,
                   .scale = 1.0F},
    };
    return absorbed_multiply(r, &product, err);
}

static vblip_status absorbed_softmax(const absorbed_run *r, vblip_error *err)
{
    const struct vb_view scores = {r->scores, r->padded, 0};
    const struct vb_rows_params params = {
        .y = scores,
        .x = vb_view_quads(scores),
        .batch = 1,
        .rows = r->groups * r->lines,
        .cols = r->states,
    };
    vb_dispatch dispatch = {
        .op = "absorbed attention",
        .pipeline = VB_PIPELINE_SOFTMAX_LAVAPIPE,
        .bindings = {r->scratch, r->scratch},
        .params = &params,
        .iterations = 3 * vb_loop_iterations(vb_ceil_div(r->padded, 4 * ROW_LANES)),
        .work = (uint64_t)r->padded * VB_ELEMENT_WORK,
    };
    vb_dispatch_row(&dispatch, params.rows);
    return vb_commands_dispatch(r->gpu, &dispatch, err);
}

// y_h = mixed_h Wv_h^T + bias, each head for itself.
static vblip_status absorbed_values(const absorbed_run *r, vblip_error *err)
{
    const vb_absorbed_attention_args *a = r->args;
    const uint32_t values = a->heads * r->width; // rows of keys come first
    const absorbed_product product = {
        .y = vb_span_of(r->gpu, &a->y),
        .x = r->scratch,
        .w = r->weights,
        .bias = vb_span_of(r->gpu, &a->bias),
        .params = {.y = vb_view_of(r->gpu, &a->y),
                   .x = vb_view_quads(part_view(r, r->mixed, r->wide)),
                   .w = {values * r->wide / 4, r->wide / 4, 0},
                   .y_rows = a->y.rows,
                   .x_rows = r->rows,
                   .y_head = r->width,
                   .x_head = r->rows * r->wide / 4,
                   .w_head = r->width * r->wide / 4,
                   .heads = a->heads,
                   .rows = r->rows,
                   .in_cols = r->wide,
                   .out_cols = r->width,
                   .bias = vb_view_of(r->gpu, &a->bias).offset + values,
                   .has_bias = 1,
                   .scale = 1.0F},
    };
    return absorbed_multiply(r, &product, err);
}

vblip_status vb_gpu_absorbed_attention(vb_device *device,
                                       const vb_absorbed_attention_args *a,
                                       vblip_error *err)
{
    vb_gpu *gpu = vb_gpu_of(device);
    const bool shared = a->x.batch == 1;
    absorbed_run r = {
        .gpu = gpu,
        .args = a,
        .weights = vb_span_whole(((const vb_gpu_matrix *)a->w)->row_data),
        .groups = a->x.batch,
        .rows = shared ? a->q.batch * a->q.rows : a->q.rows,
        .width = a->q.cols / a->heads,
        .wide = a->x.cols,
        .states = a->x.rows,
        .padded = vb_ceil_div(a->x.rows, 4) * 4,
    };
    r.lines = a->heads * r.rows;
    const uint64_t wide = (uint64_t)r.groups * r.lines * r.wide;
    const uint64_t scores = (uint64_t)r.groups * r.lines * r.padded;
    if (2 * wide + scores > UINT32_MAX / sizeof(float))
        return vb_fail_memory(err, "absorbed attention");
    VB_TRY(vb_scratch_take(&r.scratch, gpu, (2 * wide + scores) * sizeof(float), err));
    r.scores = (uint32_t)wide;
    r.mixed = (uint32_t)(wide + scores);
    VB_TRY(absorbed_queries(&r, err));
    VB_TRY(absorbed_states(&r, false, err));
    VB_TRY(absorbed_softmax(&r, err));
    VB_TRY(absorbed_states(&r, true, err));
    return absorbed_values(&r, err);
}
