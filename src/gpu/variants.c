#include "gpu/variants.h"

enum {
    ANY_WEIGHTS = 1 << VB_F32 | 1 << VB_F16,
    HALVES = 1 << VB_F16,
    FLOATS = 1 << VB_F32,
    // Workgroups that keep a large GPU busy: it has about so many units that run one each.
    ENOUGH_GROUPS = 96,
};

// Kernels of linear with cooperative matrices, larger tiles first: those read the least, and
// smaller ones make more workgroups.
static const struct coopmat_tile {
    vb_variant variant;
    vb_linear_tile tile;
    uint32_t shape;        // VB_COOPMAT_16 or _8
    uint32_t shared_bytes; // of a workgroup
} coopmat_tiles[] = {
    {VB_VARIANT_COOPMAT_128X128, {128, 128}, VB_COOPMAT_16, 45056},
    {VB_VARIANT_COOPMAT_64X64, {64, 64}, VB_COOPMAT_16, 24576},
    {VB_VARIANT_COOPMAT_32X64, {32, 64}, VB_COOPMAT_16, 19456},
    {VB_VARIANT_COOPMAT_64X64_OF_8, {64, 64}, VB_COOPMAT_8, 21504},
};
enum { TILES = sizeof coopmat_tiles / sizeof *coopmat_tiles };

static const struct coopmat_tile *coopmat_tile_of(vb_variant variant)
{
    for (uint32_t i = 0; i < TILES; i++) {
        if (coopmat_tiles[i].variant == variant)
            return &coopmat_tiles[i];
    }
    return NULL;
}

// Workgroups have four subgroups, each of which fetches at least 16 bytes a lane of a tile.
static bool fits_workgroup(const vb_physical *physical)
{
    const VkPhysicalDeviceLimits *limits = &physical->limits;
    const uint32_t subgroup = physical->coopmat.subgroup, threads = 4 * subgroup;
    return subgroup >= 4 && subgroup <= 32 && (subgroup & (subgroup - 1)) == 0 &&
           threads <= limits->maxComputeWorkGroupInvocations &&
           threads <= limits->maxComputeWorkGroupSize[0];
}

static bool runs_attention(const vb_physical *physical, vb_variant variant)
{
    const bool of_8 = variant == VB_VARIANT_ATTENTION_COOPMAT_OF_8;
    const uint32_t shared_bytes = of_8 ? 17408 : 27648;
    return fits_workgroup(physical) &&
           (physical->coopmat.shapes & (of_8 ? VB_COOPMAT_8 : VB_COOPMAT_16)) &&
           physical->limits.maxComputeSharedMemorySize >= shared_bytes;
}

static bool runs_coopmat(const vb_physical *physical, vb_variant variant)
{
    const struct coopmat_tile *tile = coopmat_tile_of(variant);
    return fits_workgroup(physical) && (physical->coopmat.shapes & tile->shape) &&
           physical->limits.maxComputeSharedMemorySize >= tile->shared_bytes;
}

static bool runs_sums(const vb_physical *physical, vb_variant variant)
{
    (void)variant;
    return physical->subgroup_sums;
}

const vb_variant_row vb_variant_rows[VB_VARIANT_COUNT] = {
    [VB_VARIANT_SIMT] = {"simt", NULL, VB_SIMT | VB_COOPMAT, ANY_WEIGHTS, false, NULL},
    [VB_VARIANT_LAVAPIPE] = {"lavapipe", NULL, VB_LAVAPIPE, ANY_WEIGHTS, false, NULL},
    [VB_VARIANT_LINEAR_ROWS] = {"few rows", "linear", VB_SIMT | VB_COOPMAT, ANY_WEIGHTS,
                                false, runs_sums},
    [VB_VARIANT_LAYERNORM_SUBGROUP] = {"subgroups", "layernorm", VB_SIMT | VB_COOPMAT,
                                       ANY_WEIGHTS, false, runs_sums},
    [VB_VARIANT_COOPMAT_128X128] = {"coopmat 128x128", "linear", VB_COOPMAT, HALVES,
                                    true, runs_coopmat},
    [VB_VARIANT_COOPMAT_64X64] = {"coopmat 64x64", "linear", VB_COOPMAT, HALVES, true,
                                  runs_coopmat},
    [VB_VARIANT_COOPMAT_32X64] = {"coopmat 32x64", "linear", VB_COOPMAT, HALVES, true,
                                  runs_coopmat},
    [VB_VARIANT_COOPMAT_64X64_OF_8] = {"coopmat 64x64 of 8", "linear", VB_COOPMAT,
                                       HALVES, true, runs_coopmat},
    [VB_VARIANT_ATTENTION_COOPMAT] = {"coopmat attention", "attention", VB_COOPMAT,
                                      HALVES, true, runs_attention},
    [VB_VARIANT_ATTENTION_COOPMAT_OF_8] = {"coopmat attention of 8", "attention",
                                           VB_COOPMAT, HALVES, true, runs_attention},
    [VB_VARIANT_ABSORBED_LAVAPIPE] = {"absorbed", "absorbed attention", VB_LAVAPIPE,
                                      FLOATS, false, NULL},
};

vb_variant vb_variant_needed(enum vb_family family)
{
    return family == VB_LAVAPIPE ? VB_VARIANT_LAVAPIPE : VB_VARIANT_SIMT;
}

uint32_t vb_variants_of(const vb_physical *physical, enum vb_family family,
                        vb_dtype weights)
{
    uint32_t variants = 0;
    for (uint32_t i = 0; i < VB_VARIANT_COUNT; i++) {
        const vb_variant_row *row = &vb_variant_rows[i];
        if ((row->families & family) && (row->weights & 1u << weights) &&
            (!row->runs || row->runs(physical, (vb_variant)i)))
            variants |= vb_variant_bit((vb_variant)i);
    }
    return variants;
}

static uint64_t groups_of(const vb_linear_tile *tile, uint32_t lines, uint32_t cols)
{
    const uint64_t down = lines / tile->rows + (lines % tile->rows != 0);
    return down * (cols / tile->cols + (cols % tile->cols != 0));
}

vb_variant vb_choose_linear(uint32_t variants, uint32_t lines, uint32_t in_cols,
                            uint32_t out_cols, vb_dtype weights)
{
    const uint32_t few = 24, fetch = 16 / (uint32_t)vb_dtype_size(weights);
    vb_variant chosen = VB_VARIANT_SIMT;
    if (in_cols % fetch != 0) // all that follow read 16 bytes of weights at a time
        return chosen;
    if (lines <= few && (variants & vb_variant_bit(VB_VARIANT_LINEAR_ROWS)))
        return VB_VARIANT_LINEAR_ROWS;
    if (weights != VB_F16)
        return chosen;
    for (uint32_t i = 0; i < TILES; i++) {
        if (!(variants & vb_variant_bit(coopmat_tiles[i].variant)))
            continue;
        chosen = coopmat_tiles[i].variant;
        if (groups_of(&coopmat_tiles[i].tile, lines, out_cols) >= ENOUGH_GROUPS)
            break;
    }
    return chosen;
}

vb_variant vb_choose_attention(uint32_t variants, uint32_t lines, uint32_t keys,
                               uint32_t head_dim)
{
    const uint32_t least_lines = 16,
                   least_keys = 64; // fewer leave most of a tile empty
    static const vb_variant order[] = {VB_VARIANT_ATTENTION_COOPMAT,
                                       VB_VARIANT_ATTENTION_COOPMAT_OF_8};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if ((variants & vb_variant_bit(order[i])) && head_dim == 64 &&
            lines >= least_lines && keys >= least_keys)
            return order[i];
    }
    return VB_VARIANT_SIMT;
}

vb_linear_tile vb_linear_tile_of(vb_variant variant)
{
    const struct coopmat_tile *tile = coopmat_tile_of(variant);
    return tile ? tile->tile : (vb_linear_tile){0};
}
