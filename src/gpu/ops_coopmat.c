// ops_coopmat.c - kernels that multiply by cooperative matrices.
#include "gpu/context.h"
#include "gpu/ops.h"

enum { SUBGROUPS = 4 }; // of a workgroup, in all of them

static const vb_pipeline_id pipelines[VB_VARIANT_COUNT] = {
    [VB_VARIANT_COOPMAT_128X128] = VB_PIPELINE_LINEAR_COOPMAT_128X128,
    [VB_VARIANT_COOPMAT_64X64] = VB_PIPELINE_LINEAR_COOPMAT_64X64,
    [VB_VARIANT_COOPMAT_32X64] = VB_PIPELINE_LINEAR_COOPMAT_32X64,
    [VB_VARIANT_COOPMAT_64X64_OF_8] = VB_PIPELINE_LINEAR_COOPMAT_64X64_OF_8,
};

vblip_status vb_coopmat_linear(vb_gpu *gpu, const vb_linear_args *a,
                               const struct vb_linear_params *params,
                               vb_variant variant, vblip_error *err)
{
    const vb_gpu_matrix *w = (const vb_gpu_matrix *)a->w;
    const vb_linear_tile tile = vb_linear_tile_of(variant);
    const vb_dispatch dispatch = {
        .op = "linear",
        .pipeline = pipelines[variant],
        .constants = {SUBGROUPS * gpu->physical.coopmat.subgroup,
                      vb_linear_is_one_matrix(params), vb_linear_halves(a)},
        .bindings = {vb_span_of(gpu, &a->y), vb_span_of(gpu, &a->x),
                     vb_span_whole(w->row_data), vb_span_of(gpu, &a->bias),
                     vb_span_of(gpu, &a->residual)},
        .params = params,
        .groups = {vb_ceil_div(params->out_cols, tile.cols),
                   vb_ceil_div(params->batch * params->rows, tile.rows)},
        .work = (uint64_t)tile.rows * tile.cols * params->in_cols,
    };
    return vb_commands_dispatch(gpu, &dispatch, err);
}

uint32_t vb_coopmat_attention(vb_pipeline_id *pipeline,
                              uint32_t constants[VB_MAX_CONSTANTS], const vb_gpu *gpu,
                              vb_variant variant, uint32_t halves)
{
    const bool of_8 = variant == VB_VARIANT_ATTENTION_COOPMAT_OF_8;
    *pipeline =
        of_8 ? VB_PIPELINE_ATTENTION_COOPMAT_OF_8 : VB_PIPELINE_ATTENTION_COOPMAT;
    constants[0] = SUBGROUPS * gpu->physical.coopmat.subgroup;
    constants[1] = gpu->physical.info.kind == VBLIP_DEVICE_SOFTWARE; // in lockstep
    constants[2] = halves;
    return SUBGROUPS * (of_8 ? 8 : 16);
}
