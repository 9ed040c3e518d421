// pipelines.h - every shader, described by one table, and what its pipelines are laid out
// like: compile.h makes these.
#ifndef VB_GPU_PIPELINES_H
#define VB_GPU_PIPELINES_H

#include "base/error.h"
#include "gpu/vk.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct vb_gpu vb_gpu;

typedef enum vb_pipeline_id {
    VB_PIPELINE_LINEAR,
    VB_PIPELINE_LAYERNORM,
    VB_PIPELINE_ATTENTION,
    VB_PIPELINE_PATCHIFY,
    VB_PIPELINE_EMBED,
    VB_PIPELINE_ADD_ROWS,
    VB_PIPELINE_SET_ROW,
    VB_PIPELINE_MEAN_ROWS,
    VB_PIPELINE_L2NORM,
    VB_PIPELINE_COPY,
    VB_PIPELINE_TOPK_PARTS,
    VB_PIPELINE_TOPK,
    VB_PIPELINE_LINEAR_LAVAPIPE,
    VB_PIPELINE_LAYERNORM_LAVAPIPE,
    VB_PIPELINE_ATTENTION_LAVAPIPE,
    VB_PIPELINE_PRODUCT_LAVAPIPE,
    VB_PIPELINE_PRODUCT_LAVAPIPE_IN_ROWS,
    VB_PIPELINE_SOFTMAX_LAVAPIPE,
    VB_PIPELINE_TOPK_PARTS_LAVAPIPE,
    VB_PIPELINE_TOPK_LAVAPIPE,
    VB_PIPELINE_LINEAR_F16, // F16: of weights in halves
    VB_PIPELINE_EMBED_F16,
    VB_PIPELINE_LINEAR_LAVAPIPE_F16,
    VB_PIPELINE_LINEAR_ROWS,
    VB_PIPELINE_LINEAR_ROWS_F16,
    VB_PIPELINE_ATTENTION_MERGE,
    VB_PIPELINE_LAYERNORM_SUBGROUP,
    VB_PIPELINE_LINEAR_COOPMAT_128X128, // weights in halves, too
    VB_PIPELINE_LINEAR_COOPMAT_64X64,
    VB_PIPELINE_LINEAR_COOPMAT_32X64,
    VB_PIPELINE_LINEAR_COOPMAT_64X64_OF_8,
    VB_PIPELINE_ATTENTION_COOPMAT,
    VB_PIPELINE_ATTENTION_COOPMAT_OF_8,
    VB_PIPELINE_COUNT
} vb_pipeline_id;

enum { VB_MAX_BINDINGS = 5, VB_MAX_PARAM_BYTES = 128 };

// One shader. gpu.spirv_table holds each row to the SPIR-V it names.
typedef struct vb_pipeline_row {
    const char *name; // its file is shaders/NAME.comp, or shaders/prebuilt/NAME.spv
    const uint32_t *spirv;
    size_t spirv_bytes;
    // A letter per binding, binding 0 first, all in set 0. Storage buffers: w written,
    // r read, b both, also as blocks of several types. Storage texel buffers, read: t of
    // rgba32f, h of rgba32ui, each texel eight halves.
    const char *bindings;
    uint32_t param_bytes; // push constants
    uint32_t constants;   // specialisation constants, ids 0 and up, 32 bits each
    bool full_subgroups;  // it needs them, of vb_coopmat.subgroup invocations
} vb_pipeline_row;

static inline bool vb_binding_is_texels(char letter)
{
    return letter == 't' || letter == 'h';
}

extern const vb_pipeline_row vb_pipeline_rows[VB_PIPELINE_COUNT];

// Over all SPIR-V, in table order: what a cached pipeline or verdict belongs to.
uint64_t vb_pipeline_rows_hash(void);

typedef struct vb_pipeline_layout {
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout handle;
} vb_pipeline_layout;

typedef struct vb_pipelines {
    vb_pipeline_layout layouts[VB_PIPELINE_COUNT];
    VkPipelineCache cache;
} vb_pipelines;

// Whether layouts are for descriptors that are pushed, and not for sets.
bool vb_pushes_descriptors(const vb_gpu *gpu);

VB_CHECKED vblip_status vb_pipelines_open(vb_gpu *gpu, vblip_error *err);
void vb_pipelines_close(vb_gpu *gpu);

#endif // VB_GPU_PIPELINES_H
