// variants.h - the kernels of a device, each with a verdict of its own.
//
// A family has kernels for every op, and may have others beside them that compute one op
// faster where the device can run them. One of those that fails its self-test is not
// chosen, and the op is computed by what stands behind it.
#ifndef VB_GPU_VARIANTS_H
#define VB_GPU_VARIANTS_H

#include "gpu/physical.h"

typedef enum vb_variant {
    VB_VARIANT_SIMT,               // portable kernels of every op
    VB_VARIANT_LAVAPIPE,           // those of its family
    VB_VARIANT_LINEAR_ROWS,        // linear of few rows, by sums over subgroups
    VB_VARIANT_LAYERNORM_SUBGROUP, // layernorm, a subgroup per row
    VB_VARIANT_COOPMAT_128X128,    // linear by tiles of so many rows and columns of y,
    VB_VARIANT_COOPMAT_64X64,      // of matrices of 16 x 16 x 16
    VB_VARIANT_COOPMAT_32X64,
    VB_VARIANT_COOPMAT_64X64_OF_8, // of matrices of 8 x 8 x 8
    VB_VARIANT_ATTENTION_COOPMAT,  // of matrices of 16 x 16 x 16, heads of 64
    VB_VARIANT_ATTENTION_COOPMAT_OF_8,
    VB_VARIANT_ABSORBED_LAVAPIPE, // absorbed attention, of weights in floats
    VB_VARIANT_COUNT
} vb_variant;

typedef struct vb_variant_row {
    const char *name;  // as reports print it
    const char *op;    // that it computes; NULL: a whole family
    uint32_t families; // enum vb_family: which choose it
    uint32_t weights;  // that it is for: bits 1 << vb_dtype
    bool rounds;       // what it multiplies with weights, to their type
    // Whether a device can run it; NULL: where its family runs.
    bool (*runs)(const vb_physical *physical, vb_variant variant);
} vb_variant_row;

extern const vb_variant_row vb_variant_rows[VB_VARIANT_COUNT];

static inline uint32_t vb_variant_bit(vb_variant variant)
{
    return UINT32_C(1) << variant;
}

// The bit of a variant in vb_verdicts, with weights of one type.
static inline uint64_t vb_verdict_bit(vb_variant variant, vb_dtype weights)
{
    return UINT64_C(1) << (variant + (weights == VB_F16 ? 32 : 0));
}

// The variant that a family cannot do without.
vb_variant vb_variant_needed(enum vb_family family);

// Those that a device can run in a family, the needed one among them: vb_variant_bit.
uint32_t vb_variants_of(const vb_physical *physical, enum vb_family family,
                        vb_dtype weights);

// What linear is computed by: `lines` rows of x in all, of in_cols columns, and a matrix of
// out_cols rows. A pure function of what may be chosen, as vb_gpu.variants has it.
vb_variant vb_choose_linear(uint32_t variants, uint32_t lines, uint32_t in_cols,
                            uint32_t out_cols, vb_dtype weights);

// What attention is computed by: `lines` rows of q of one matrix, as vb_attention_lines
// counts them. VB_VARIANT_SIMT: by none of the variants.
vb_variant vb_choose_attention(uint32_t variants, uint32_t lines, uint32_t keys,
                               uint32_t head_dim);

// The tile of y that a workgroup of such a variant computes; all 0 of one without.
typedef struct vb_linear_tile {
    uint32_t rows, cols;
} vb_linear_tile;
vb_linear_tile vb_linear_tile_of(vb_variant variant);

#endif // VB_GPU_VARIANTS_H
