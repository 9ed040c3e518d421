// pipeline_table.c - one row per shader; shaders/README.md says how to add one.
#include "gpu/pipelines.h"

#include "base/hash.h"
#include "op_params.h"

#include "spv/add_rows.h"
#include "spv/attention.h"
#include "spv/attention_coopmat.h"
#include "spv/attention_coopmat_of_8.h"
#include "spv/attention_lavapipe.h"
#include "spv/attention_merge.h"
#include "spv/copy.h"
#include "spv/embed.h"
#include "spv/embed_f16.h"
#include "spv/l2norm.h"
#include "spv/layernorm.h"
#include "spv/layernorm_lavapipe.h"
#include "spv/layernorm_subgroup.h"
#include "spv/linear.h"
#include "spv/linear_coopmat_128x128.h"
#include "spv/linear_coopmat_32x64.h"
#include "spv/linear_coopmat_64x64.h"
#include "spv/linear_coopmat_64x64_of_8.h"
#include "spv/linear_f16.h"
#include "spv/linear_lavapipe.h"
#include "spv/linear_lavapipe_f16.h"
#include "spv/linear_rows.h"
#include "spv/linear_rows_f16.h"
#include "spv/mean_rows.h"
#include "spv/patchify.h"
#include "spv/set_row.h"
#include "spv/topk.h"
#include "spv/topk_lavapipe.h"
#include "spv/topk_parts.h"
#include "spv/topk_parts_lavapipe.h"

#define SPIRV(name) #name, vb_spv_##name, sizeof vb_spv_##name

const vb_pipeline_row vb_pipeline_rows[VB_PIPELINE_COUNT] = {
    // id                        shader              bindings  push constants
    [VB_PIPELINE_LINEAR] = {SPIRV(linear), "wrrrr", sizeof(struct vb_linear_params), 2},
    [VB_PIPELINE_LAYERNORM] = {SPIRV(layernorm), "wrrr",
                               sizeof(struct vb_layernorm_params), 0},
    [VB_PIPELINE_ATTENTION] = {SPIRV(attention), "wrrrr",
                               sizeof(struct vb_attention_params), 3},
    [VB_PIPELINE_PATCHIFY] = {SPIRV(patchify), "wr", sizeof(struct vb_patchify_params),
                              0},
    [VB_PIPELINE_EMBED] = {SPIRV(embed), "wrrr", sizeof(struct vb_embed_params), 0},
    [VB_PIPELINE_ADD_ROWS] = {SPIRV(add_rows), "br", sizeof(struct vb_rows_params), 0},
    [VB_PIPELINE_SET_ROW] = {SPIRV(set_row), "wr", sizeof(struct vb_rows_params), 0},
    [VB_PIPELINE_MEAN_ROWS] = {SPIRV(mean_rows), "wr", sizeof(struct vb_rows_params),
                               0},
    [VB_PIPELINE_L2NORM] = {SPIRV(l2norm), "wr", sizeof(struct vb_rows_params), 0},
    [VB_PIPELINE_COPY] = {SPIRV(copy), "wr", sizeof(struct vb_rows_params), 0},
    [VB_PIPELINE_TOPK_PARTS] = {SPIRV(topk_parts), "wr", sizeof(struct vb_topk_params),
                                0},
    [VB_PIPELINE_TOPK] = {SPIRV(topk), "wrrr", sizeof(struct vb_topk_params), 0},
    [VB_PIPELINE_LINEAR_LAVAPIPE] = {SPIRV(linear_lavapipe), "wttrr",
                                     sizeof(struct vb_linear_params), 1},
    [VB_PIPELINE_LAYERNORM_LAVAPIPE] = {SPIRV(layernorm_lavapipe), "wttt",
                                        sizeof(struct vb_layernorm_params), 0},
    [VB_PIPELINE_ATTENTION_LAVAPIPE] = {SPIRV(attention_lavapipe), "wtttr",
                                        sizeof(struct vb_attention_params), 2},
    [VB_PIPELINE_TOPK_PARTS_LAVAPIPE] = {SPIRV(topk_parts_lavapipe), "wt",
                                         sizeof(struct vb_topk_params), 0},
    [VB_PIPELINE_TOPK_LAVAPIPE] = {SPIRV(topk_lavapipe), "wrrr",
                                   sizeof(struct vb_topk_params), 0},
    [VB_PIPELINE_LINEAR_F16] = {SPIRV(linear_f16), "wrrrr",
                                sizeof(struct vb_linear_params), 2},
    [VB_PIPELINE_EMBED_F16] = {SPIRV(embed_f16), "wrrr", sizeof(struct vb_embed_params),
                               0},
    [VB_PIPELINE_LINEAR_LAVAPIPE_F16] = {SPIRV(linear_lavapipe_f16), "wthrr",
                                         sizeof(struct vb_linear_params), 1},
    [VB_PIPELINE_LINEAR_ROWS] = {SPIRV(linear_rows), "wrrrr",
                                 sizeof(struct vb_linear_params), 3},
    [VB_PIPELINE_LINEAR_ROWS_F16] = {SPIRV(linear_rows_f16), "wrrrr",
                                     sizeof(struct vb_linear_params), 3},
    [VB_PIPELINE_ATTENTION_MERGE] = {SPIRV(attention_merge), "wr",
                                     sizeof(struct vb_attention_params), 1},
    [VB_PIPELINE_LAYERNORM_SUBGROUP] = {SPIRV(layernorm_subgroup), "wrrr",
                                        sizeof(struct vb_layernorm_params), 2},
    [VB_PIPELINE_ATTENTION_COOPMAT] = {SPIRV(attention_coopmat), "wrrrr",
                                       sizeof(struct vb_attention_params), 2, true},
    [VB_PIPELINE_ATTENTION_COOPMAT_OF_8] = {SPIRV(attention_coopmat_of_8), "wrrrr",
                                            sizeof(struct vb_attention_params), 2,
                                            true},
    [VB_PIPELINE_LINEAR_COOPMAT_128X128] = {SPIRV(linear_coopmat_128x128), "wrrrr",
                                            sizeof(struct vb_linear_params), 2, true},
    [VB_PIPELINE_LINEAR_COOPMAT_64X64] = {SPIRV(linear_coopmat_64x64), "wrrrr",
                                          sizeof(struct vb_linear_params), 2, true},
    [VB_PIPELINE_LINEAR_COOPMAT_32X64] = {SPIRV(linear_coopmat_32x64), "wrrrr",
                                          sizeof(struct vb_linear_params), 2, true},
    [VB_PIPELINE_LINEAR_COOPMAT_64X64_OF_8] = {SPIRV(linear_coopmat_64x64_of_8),
                                               "wrrrr", sizeof(struct vb_linear_params),
                                               2, true},
};

uint64_t vb_pipeline_rows_hash(void)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < VB_PIPELINE_COUNT; i++) {
        const vb_pipeline_row *row = &vb_pipeline_rows[i];
        hash = vb_hash_bytes(hash, row->spirv, row->spirv_bytes);
    }
    return hash;
}
