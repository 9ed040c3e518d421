// ops_lavapipe.c - the ops that have a kernel of their own on llvmpipe.
#include "gpu/context.h"
#include "gpu/ops.h"

enum { LANES = VB_LAVAPIPE_LANES, MOST_ROWS = 16 };

uint32_t vb_lavapipe_tile_rows(uint32_t lines)
{
    const uint32_t rows = vb_ceil_div(lines, vb_ceil_div(lines, MOST_ROWS));
    return rows <= 4 ? rows : (rows + 1) / 2 * 2;
}

vblip_status vb_lavapipe_linear(vb_gpu *gpu, const vb_linear_args *a,
                                struct vb_linear_params *params, vblip_error *err)
{
    const vb_gpu_matrix *w = (const vb_gpu_matrix *)a->w;
    const uint32_t lines = params->batch * params->rows,
                   rows = vb_lavapipe_tile_rows(lines);
    params->x = vb_view_texels(&a->x);
    const vb_dispatch dispatch = {
        .op = "linear",
        .pipeline = w->type == VB_F16 ? VB_PIPELINE_LINEAR_LAVAPIPE_F16
                                      : VB_PIPELINE_LINEAR_LAVAPIPE,
        .constants = {rows},
        .bindings = {vb_span_of(gpu, &a->y), vb_span_of(gpu, &a->x),
                     vb_span_whole(w->panels), vb_span_of(gpu, &a->bias),
                     vb_span_of(gpu, &a->residual)},
        .params = params,
        .groups = {vb_ceil_div(params->out_cols, VB_PANEL_ROWS),
                   vb_ceil_div(lines, rows)},
        .iterations = vb_loop_iterations(params->in_cols / 16) + vb_loop_iterations(3),
        .work = (uint64_t)rows * VB_PANEL_ROWS * params->in_cols,
    };
    return vb_commands_dispatch(gpu, &dispatch, err);
}

bool vb_lavapipe_layernorm_fits(const vb_layernorm_args *a)
{
    return a->x.cols % 4 == 0 && vb_in_quads(&a->x);
}

vblip_status vb_lavapipe_layernorm(vb_gpu *gpu, const vb_layernorm_args *a,
                                   struct vb_layernorm_params *params, vblip_error *err)
{
    params->x = vb_view_texels(&a->x);
    params->gain = vb_view_texels(&a->gain).offset;
    params->bias = vb_view_texels(&a->bias).offset;
    vb_dispatch dispatch = {
        .op = "layernorm",
        .pipeline = VB_PIPELINE_LAYERNORM_LAVAPIPE,
        .bindings = {vb_span_of(gpu, &a->y), vb_span_of(gpu, &a->x),
                     vb_span_of(gpu, &a->gain), vb_span_of(gpu, &a->bias)},
        .params = params,
        .iterations = 3 * vb_loop_iterations(params->cols / 4),
        .work = (uint64_t)LANES * params->cols * VB_ELEMENT_WORK,
    };
    vb_dispatch_row(&dispatch, vb_ceil_div(params->batch * params->rows, LANES));
    return vb_commands_dispatch(gpu, &dispatch, err);
}

bool vb_lavapipe_attention_fits(const vb_attention_args *a)
{
    return vb_in_quads(&a->q) && vb_in_quads(&a->k) && vb_in_quads(&a->v);
}

vblip_status vb_lavapipe_attention(vb_gpu *gpu, const vb_attention_args *a,
                                   struct vb_attention_params *params, vblip_error *err)
{
    params->q = vb_view_texels(&a->q);
    params->k = vb_view_texels(&a->k);
    params->v = vb_view_texels(&a->v);
    if (a->k.batch == 1)
        params->k.batch_stride = params->v.batch_stride = 0;
    const vb_attention_lines rows = vb_attention_lines_of(params);
    const uint32_t sets = rows.lines > LANES ? 2 : 1;
    const uint32_t blocks = vb_ceil_div(rows.lines, sets * LANES) * rows.matrices;
    vb_dispatch dispatch = {
        .op = "attention",
        .pipeline = VB_PIPELINE_ATTENTION_LAVAPIPE,
        .constants = {a->q.cols / a->heads, sets},
        .bindings = {vb_span_of(gpu, &a->y), vb_span_of(gpu, &a->q),
                     vb_span_of(gpu, &a->k), vb_span_of(gpu, &a->v),
                     vb_span_of(gpu, &a->lengths)},
        .params = params,
        .iterations = vb_loop_iterations(vb_ceil_div(params->kv_len, LANES)),
        .work = (uint64_t)2 * sets * LANES * params->kv_len * (a->q.cols / a->heads),
    };
    vb_dispatch_row(&dispatch, (uint64_t)blocks * a->heads);
    return vb_commands_dispatch(gpu, &dispatch, err);
}
