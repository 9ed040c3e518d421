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
#include "spv/product_lavapipe.h"
#include "spv/product_lavapipe_in_rows.h"
#include "spv/set_row.h"
#include "spv/softmax_lavapipe.h"
#include "spv/topk.h"
#include "spv/topk_lavapipe.h"
#include "spv/topk_parts.h"
#include "spv/topk_parts_lavapipe.h"

#define SPIRV(name) #name, vb_spv_##name, sizeof vb_spv_##name
#define KERNEL(name, bindings, params, constants)                                      \
    {                                                                                  \
        SPIRV(name), bindings, sizeof(struct params), constants, false                 \
    }
#define COOPMAT(name, params)                                                          \
    {                                                                                  \
        SPIRV(name), "wrrrr", sizeof(struct params), 3, true                           \
    }

const vb_pipeline_row vb_pipeline_rows[VB_PIPELINE_COUNT] = {
    // id = shader, bindings, push constants, specialisation constants
    [VB_PIPELINE_LINEAR] = KERNEL(linear, "wrrrr", vb_linear_params, 3),
    [VB_PIPELINE_LAYERNORM] = KERNEL(layernorm, "wrrr", vb_layernorm_params, 1),
    [VB_PIPELINE_ATTENTION] = KERNEL(attention, "wrrrr", vb_attention_params, 3),
    [VB_PIPELINE_PATCHIFY] = KERNEL(patchify, "wr", vb_patchify_params, 0),
    [VB_PIPELINE_EMBED] = KERNEL(embed, "wrrr", vb_embed_params, 0),
    [VB_PIPELINE_ADD_ROWS] = KERNEL(add_rows, "br", vb_rows_params, 0),
    [VB_PIPELINE_SET_ROW] = KERNEL(set_row, "wr", vb_rows_params, 0),
    [VB_PIPELINE_MEAN_ROWS] = KERNEL(mean_rows, "wr", vb_rows_params, 0),
    [VB_PIPELINE_L2NORM] = KERNEL(l2norm, "wr", vb_rows_params, 0),
    [VB_PIPELINE_COPY] = KERNEL(copy, "wr", vb_rows_params, 1),
    [VB_PIPELINE_TOPK_PARTS] = KERNEL(topk_parts, "wr", vb_topk_params, 0),
    [VB_PIPELINE_TOPK] = KERNEL(topk, "wrrr", vb_topk_params, 0),
    [VB_PIPELINE_LINEAR_LAVAPIPE] =
        KERNEL(linear_lavapipe, "wttrr", vb_linear_params, 1),
    [VB_PIPELINE_LAYERNORM_LAVAPIPE] =
        KERNEL(layernorm_lavapipe, "wttt", vb_layernorm_params, 0),
    [VB_PIPELINE_ATTENTION_LAVAPIPE] =
        KERNEL(attention_lavapipe, "wtttr", vb_attention_params, 2),
    [VB_PIPELINE_PRODUCT_LAVAPIPE] =
        KERNEL(product_lavapipe, "wttr", vb_product_params, 1),
    [VB_PIPELINE_PRODUCT_LAVAPIPE_IN_ROWS] =
        KERNEL(product_lavapipe_in_rows, "wttr", vb_product_params, 1),
    [VB_PIPELINE_SOFTMAX_LAVAPIPE] = KERNEL(softmax_lavapipe, "wt", vb_rows_params, 0),
    [VB_PIPELINE_TOPK_PARTS_LAVAPIPE] =
        KERNEL(topk_parts_lavapipe, "wt", vb_topk_params, 0),
    [VB_PIPELINE_TOPK_LAVAPIPE] = KERNEL(topk_lavapipe, "wrrr", vb_topk_params, 0),
    [VB_PIPELINE_LINEAR_F16] = KERNEL(linear_f16, "wrrrr", vb_linear_params, 3),
    [VB_PIPELINE_EMBED_F16] = KERNEL(embed_f16, "wrrr", vb_embed_params, 0),
    [VB_PIPELINE_LINEAR_LAVAPIPE_F16] =
        KERNEL(linear_lavapipe_f16, "wthrr", vb_linear_params, 1),
    [VB_PIPELINE_LINEAR_ROWS] = KERNEL(linear_rows, "wrrrr", vb_linear_params, 3),
    [VB_PIPELINE_LINEAR_ROWS_F16] =
        KERNEL(linear_rows_f16, "wrrrr", vb_linear_params, 3),
    [VB_PIPELINE_ATTENTION_MERGE] =
        KERNEL(attention_merge, "wr", vb_attention_params, 2),
    [VB_PIPELINE_LAYERNORM_SUBGROUP] =
        KERNEL(layernorm_subgroup, "wrrr", vb_layernorm_params, 3),
    [VB_PIPELINE_ATTENTION_COOPMAT] = COOPMAT(attention_coopmat, vb_attention_params),
    [VB_PIPELINE_ATTENTION_COOPMAT_OF_8] =
        COOPMAT(attention_coopmat_of_8, vb_attention_params),
    [VB_PIPELINE_LINEAR_COOPMAT_128X128] =
        COOPMAT(linear_coopmat_128x128, vb_linear_params),
    [VB_PIPELINE_LINEAR_COOPMAT_64X64] =
        COOPMAT(linear_coopmat_64x64, vb_linear_params),
    [VB_PIPELINE_LINEAR_COOPMAT_32X64] =
        COOPMAT(linear_coopmat_32x64, vb_linear_params),
    [VB_PIPELINE_LINEAR_COOPMAT_64X64_OF_8] =
        COOPMAT(linear_coopmat_64x64_of_8, vb_linear_params),
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
