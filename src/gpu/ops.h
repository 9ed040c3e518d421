// ops.h - the ops of compute/ops.h as dispatches. Functions of vb_device_table.
#ifndef VB_GPU_OPS_H
#define VB_GPU_OPS_H

#include "compute/device.h"
#include "gpu/commands.h"
#include "gpu/variants.h"
#include "op_params.h"

vblip_status vb_gpu_upload(vb_device *device, vb_tensor y, const void *src,
                           vblip_error *err);
vblip_status vb_gpu_download(vb_device *device, void *dst, vb_tensor x,
                             vblip_error *err);
vblip_status vb_gpu_copy(vb_device *device, vb_tensor y, vb_tensor x, vblip_error *err);
vblip_status vb_gpu_linear(vb_device *device, const vb_linear_args *a,
                           vblip_error *err);
vblip_status vb_gpu_layernorm(vb_device *device, const vb_layernorm_args *a,
                              vblip_error *err);
vblip_status vb_gpu_attention(vb_device *device, const vb_attention_args *a,
                              vblip_error *err);
vblip_status vb_gpu_absorbed_attention(vb_device *device,
                                       const vb_absorbed_attention_args *a,
                                       vblip_error *err);
vblip_status vb_gpu_patchify(vb_device *device, const vb_patchify_args *a,
                             vblip_error *err);
vblip_status vb_gpu_embed(vb_device *device, const vb_embed_args *a, vblip_error *err);
vblip_status vb_gpu_add_rows(vb_device *device, const vb_add_rows_args *a,
                             vblip_error *err);
vblip_status vb_gpu_set_row(vb_device *device, const vb_set_row_args *a,
                            vblip_error *err);
vblip_status vb_gpu_mean_rows(vb_device *device, const vb_mean_rows_args *a,
                              vblip_error *err);
vblip_status vb_gpu_l2norm(vb_device *device, const vb_l2norm_args *a,
                           vblip_error *err);
vblip_status vb_gpu_topk(vb_device *device, const vb_topk_args *a, vblip_error *err);
void vb_gpu_discard(vb_device *device);

// For the files that implement them.

// What is bound for a tensor: its bytes, begun where the device's alignment lets a binding
// begin. An absent tensor gives an empty span.
vb_span vb_span_of(const vb_gpu *gpu, const vb_tensor *t);

// The whole of a buffer.
vb_span vb_span_whole(vb_buffer *buffer);

// Where `t` begins in that span, in elements, and its strides.
struct vb_view vb_view_of(const vb_gpu *gpu, const vb_tensor *t);

// `bit`, one of VB_HALVES_* in op_params.h, when `t` lies in halves.
static inline uint32_t vb_halves_bit(const vb_tensor *t, uint32_t bit)
{
    return t->type == VB_F16 ? bit : 0;
}

// Whether it can be read four elements at a time.
static inline bool vb_in_quads(const vb_tensor *t)
{
    return t->offset % 16 == 0 && t->row_stride % 4 == 0 && t->batch_stride % 4 == 0;
}

// The same in units of four elements.
struct vb_view vb_view_quads(struct vb_view view);

// The same of a whole buffer in texels, for texel bindings.
struct vb_view vb_view_texels(const vb_tensor *t);

static inline uint32_t vb_ceil_div(uint32_t a, uint32_t b)
{
    return a / b + (a % b != 0);
}

// What a loop of `count` iterations adds to vb_dispatch.iterations: the last test of
// its condition counts as one.
static inline uint32_t vb_loop_iterations(uint32_t count)
{
    return count + 1;
}

enum { VB_ROW_SUM_ITERATIONS = 7 }; // what one call in row_sum.glsl adds

enum { VB_ELEMENT_WORK = 32 }; // of an element that is read and written

// Sets the groups for a row of `count` workgroups, folded as group_index() of
// shaders/common.glsl unfolds it.
void vb_dispatch_row(vb_dispatch *dispatch, uint64_t count);

// The queries of an attention as its kernels count them: so many matrices of so many
// lines. Those of a batch that shares its keys are one matrix.
typedef struct vb_attention_lines {
    uint32_t matrices, lines;
} vb_attention_lines;
vb_attention_lines vb_attention_lines_of(const struct vb_attention_params *params);

// Which operands lie in halves: VB_HALVES_*.
uint32_t vb_linear_halves(const vb_linear_args *a);

// The matrices of a batch follow each other without gaps, and so count as one.
bool vb_linear_is_one_matrix(const struct vb_linear_params *params);

// Of cooperative matrices, by a variant that vb_choose_linear has chosen.
vblip_status vb_coopmat_linear(vb_gpu *gpu, const vb_linear_args *a,
                               const struct vb_linear_params *params,
                               vb_variant variant, vblip_error *err);

// The pipeline of a variant that vb_choose_attention has chosen, and its constants; returns
// the rows of q of a workgroup. q, k and v lie in quads (vb_in_quads), or as `halves` says:
// VB_HALVES_*.
uint32_t vb_coopmat_attention(vb_pipeline_id *pipeline,
                              uint32_t constants[VB_MAX_CONSTANTS], const vb_gpu *gpu,
                              vb_variant variant, uint32_t halves);

// Rows of one tile of the lavapipe family's products: as many tiles as there must be, of the same
// size. Each size is compiled at its first use, so there are ten.
uint32_t vb_lavapipe_tile_rows(uint32_t lines);

// Kernels of the lavapipe family; `params` is what the simt kernel would get. Where the
// operands do not fit into texels, the simt kernel takes them.
vblip_status vb_lavapipe_linear(vb_gpu *gpu, const vb_linear_args *a,
                                struct vb_linear_params *params, vblip_error *err);
bool vb_lavapipe_layernorm_fits(const vb_layernorm_args *a);
vblip_status vb_lavapipe_layernorm(vb_gpu *gpu, const vb_layernorm_args *a,
                                   struct vb_layernorm_params *params,
                                   vblip_error *err);
bool vb_lavapipe_attention_fits(const vb_attention_args *a);
vblip_status vb_lavapipe_attention(vb_gpu *gpu, const vb_attention_args *a,
                                   struct vb_attention_params *params,
                                   vblip_error *err);

#endif // VB_GPU_OPS_H
