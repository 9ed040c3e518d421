// ops_transformer.c - linear, layernorm and attention: where the time goes.
#include "gpu/context.h"
#include "gpu/ops.h"

#include <math.h>

// Sizes that the shaders of these ops are written with.
enum {
    LINEAR_TILE = 64,
    LINEAR_DEPTH = 16,
    SUBGROUPS_THREADS = 128,
    ROWS_DEPTH = 4,
    NORM_ROW = 64,
    WIDE_HEAD = 64,
    ATTENTION_THREADS = 64,
    ATTENTION_KEYS = 16
};

static struct vb_linear_params linear_params(const vb_gpu *gpu, const vb_linear_args *a)
{
    struct vb_linear_params params = {
        .y = vb_view_of(gpu, &a->y),
        .x = vb_view_quads(vb_view_of(gpu, &a->x)),
        .batch = a->y.batch,
        .rows = a->y.rows,
        .in_cols = a->w->cols,
        .out_cols = a->w->rows,
    };
    if (a->bias.buffer) {
        params.bias = vb_view_of(gpu, &a->bias).offset;
        params.flags |= VB_LINEAR_BIAS;
    }
    if (a->residual.buffer) {
        params.residual = vb_view_of(gpu, &a->residual);
        params.flags |= VB_LINEAR_RESIDUAL;
    }
    if (a->act == VB_ACT_GELU)
        params.flags |= VB_LINEAR_GELU;
    if (a->act == VB_ACT_RELU)
        params.flags |= VB_LINEAR_RELU;
    return params;
}

uint32_t vb_linear_halves(const vb_linear_args *a)
{
    return vb_halves_bit(&a->y, VB_HALVES_Y) | vb_halves_bit(&a->x, VB_HALVES_X);
}

// The weights that linear_rows.comp fetches at once: 16 bytes.
static uint32_t linear_fetch(vb_dtype weights)
{
    return 16 / (uint32_t)vb_dtype_size(weights);
}

// What one subgroup of linear_rows.comp computes.
typedef struct row_tile {
    uint32_t lines, cols;
} row_tile;

// `lines` are rows of all the batch. Up to 8 are one pass over the weights; more are passes
// of up to 8 side by side, of which one waits for memory and the others for caches. Halves
// of y are written in pairs of columns.
static row_tile row_tile_of(uint32_t lines, uint32_t out_cols, bool pairs)
{
    const uint32_t pass = 8, narrow = 1024, wide = 8192;
    row_tile tile = {.lines = vb_ceil_div(lines, vb_ceil_div(lines, pass)), .cols = 2};
    if (out_cols <= narrow && tile.lines <= pass / 2 && !pairs)
        tile.cols = 1; // as many subgroups as there can be
    else if (out_cols > wide)
        tile.cols = 4; // as few reads of x
    return tile;
}

static vblip_status linear_rows(vb_gpu *gpu, const vb_linear_args *a,
                                struct vb_linear_params *params, vblip_error *err)
{
    const vb_gpu_matrix *w = (const vb_gpu_matrix *)a->w;
    const uint32_t halves = vb_linear_halves(a);
    const row_tile tile = row_tile_of(params->batch * params->rows, params->out_cols,
                                      halves & VB_HALVES_Y);
    const uint32_t lanes = gpu->physical.info.subgroup_size;
    const uint32_t subgroups = vb_ceil_div(SUBGROUPS_THREADS, lanes);
    params->group_cols = tile.cols * subgroups;
    const uint32_t turns =
        vb_ceil_div(params->in_cols, linear_fetch(w->type) * ROWS_DEPTH * lanes);
    const vb_dispatch dispatch = {
        .op = "linear",
        .pipeline =
            w->type == VB_F16 ? VB_PIPELINE_LINEAR_ROWS_F16 : VB_PIPELINE_LINEAR_ROWS,
        .constants = {tile.lines, tile.cols, halves},
        .bindings = {vb_span_of(gpu, &a->y), vb_span_of(gpu, &a->x),
                     vb_span_whole(w->row_data), vb_span_of(gpu, &a->bias),
                     vb_span_of(gpu, &a->residual)},
        .params = params,
        .groups = {vb_ceil_div(params->out_cols, params->group_cols),
                   vb_ceil_div(params->batch * params->rows, tile.lines)},
        .iterations = vb_loop_iterations(1) + vb_loop_iterations(turns) +
                      vb_loop_iterations(vb_ceil_div(tile.lines * tile.cols, lanes)),
        .work = (uint64_t)tile.lines * params->group_cols * params->in_cols,
    };
    return vb_commands_dispatch(gpu, &dispatch, err);
}

static bool follows_itself(const struct vb_view *view,
                           const struct vb_linear_params *params)
{
    return params->batch == 1 || view->batch_stride == params->rows * view->row_stride;
}

bool vb_linear_is_one_matrix(const struct vb_linear_params *params)
{
    return follows_itself(&params->y, params) && follows_itself(&params->x, params) &&
           (!(params->flags & VB_LINEAR_RESIDUAL) ||
            follows_itself(&params->residual, params));
}

vblip_status vb_gpu_linear(vb_device *device, const vb_linear_args *a, vblip_error *err)
{
    vb_gpu *gpu = vb_gpu_of(device);
    const vb_gpu_matrix *w = (const vb_gpu_matrix *)a->w;
    struct vb_linear_params params = linear_params(gpu, a);
    if (gpu->family == VB_LAVAPIPE)
        return vb_lavapipe_linear(gpu, a, &params, err);
    const vb_variant variant =
        vb_choose_linear(gpu->variants, params.batch * params.rows, params.in_cols,
                         params.out_cols, w->type);
    if (variant == VB_VARIANT_LINEAR_ROWS)
        return linear_rows(gpu, a, &params, err);
    if (variant != VB_VARIANT_SIMT)
        return vb_coopmat_linear(gpu, a, &params, variant, err);
    const vb_dispatch dispatch = {
        .op = "linear",
        .pipeline = w->type == VB_F16 ? VB_PIPELINE_LINEAR_F16 : VB_PIPELINE_LINEAR,
        .constants = {params.flags, vb_linear_is_one_matrix(&params),
                      vb_linear_halves(a)},
        .bindings = {vb_span_of(gpu, &a->y), vb_span_of(gpu, &a->x),
                     vb_span_whole(w->row_data), vb_span_of(gpu, &a->bias),
                     vb_span_of(gpu, &a->residual)},
        .params = &params,
        .groups = {vb_ceil_div(params.out_cols, LINEAR_TILE),
                   vb_ceil_div(params.batch * params.rows, LINEAR_TILE)},
        .iterations = vb_loop_iterations(vb_ceil_div(params.in_cols, LINEAR_DEPTH)),
        .work = (uint64_t)LINEAR_TILE * LINEAR_TILE * params.in_cols,
    };
    return vb_commands_dispatch(gpu, &dispatch, err);
}

static bool subgroup_layernorm_fits(const vb_layernorm_args *a)
{
    return a->x.cols % 4 == 0 && vb_in_quads(&a->x) && vb_in_quads(&a->y) &&
           vb_in_quads(&a->gain) && vb_in_quads(&a->bias);
}

static vblip_status subgroup_layernorm(vb_gpu *gpu, const vb_layernorm_args *a,
                                       struct vb_layernorm_params *params,
                                       vblip_error *err)
{
    const uint32_t most_held = 8; // 1024 columns, in subgroups of 32
    const uint32_t lanes = gpu->physical.info.subgroup_size;
    const uint32_t turns = vb_ceil_div(params->cols / 4, lanes);
    const uint32_t held = turns < most_held ? turns : most_held;
    const uint32_t group_rows = vb_ceil_div(SUBGROUPS_THREADS, lanes);
    params->x = vb_view_quads(params->x);
    params->y = vb_view_quads(params->y);
    params->gain /= 4;
    params->bias /= 4;
    vb_dispatch dispatch = {
        .op = "layernorm",
        .pipeline = VB_PIPELINE_LAYERNORM_SUBGROUP,
        .constants = {held, group_rows, vb_halves_bit(&a->y, VB_HALVES_Y)},
        .bindings = {vb_span_of(gpu, &a->y), vb_span_of(gpu, &a->x),
                     vb_span_of(gpu, &a->gain), vb_span_of(gpu, &a->bias)},
        .params = params,
        .iterations = vb_loop_iterations(1) + 3 * vb_loop_iterations(turns - held),
        .work = (uint64_t)group_rows * params->cols * VB_ELEMENT_WORK,
    };
    const uint64_t rows = (uint64_t)params->batch * params->rows;
    vb_dispatch_row(&dispatch, (rows + group_rows - 1) / group_rows);
    return vb_commands_dispatch(gpu, &dispatch, err);
}

vblip_status vb_gpu_layernorm(vb_device *device, const vb_layernorm_args *a,
                              vblip_error *err)
{
    vb_gpu *gpu = vb_gpu_of(device);
    struct vb_layernorm_params params = {
        .y = vb_view_of(gpu, &a->y),
        .x = vb_view_of(gpu, &a->x),
        .gain = vb_view_of(gpu, &a->gain).offset,
        .bias = vb_view_of(gpu, &a->bias).offset,
        .batch = a->y.batch,
        .rows = a->y.rows,
        .cols = a->y.cols,
        .eps = a->eps,
    };
    if (gpu->family == VB_LAVAPIPE && vb_lavapipe_layernorm_fits(a))
        return vb_lavapipe_layernorm(gpu, a, &params, err);
    if ((gpu->variants & vb_variant_bit(VB_VARIANT_LAYERNORM_SUBGROUP)) &&
        subgroup_layernorm_fits(a))
        return subgroup_layernorm(gpu, a, &params, err);
    vb_dispatch dispatch = {
        .op = "layernorm",
        .pipeline = VB_PIPELINE_LAYERNORM,
        .constants = {vb_halves_bit(&a->y, VB_HALVES_Y)},
        .bindings = {vb_span_of(gpu, &a->y), vb_span_of(gpu, &a->x),
                     vb_span_of(gpu, &a->gain), vb_span_of(gpu, &a->bias)},
        .params = &params,
        .iterations = 3 * (vb_loop_iterations(vb_ceil_div(params.cols, NORM_ROW)) +
                           VB_ROW_SUM_ITERATIONS),
        .work = (uint64_t)params.cols * VB_ELEMENT_WORK,
    };
    vb_dispatch_row(&dispatch, (uint64_t)a->y.batch * a->y.rows);
    return vb_commands_dispatch(gpu, &dispatch, err);
}

static struct vb_attention_params attention_params(const vb_gpu *gpu,
                                                   const vb_attention_args *a)
{
    const uint32_t head_dim = a->q.cols / a->heads;
    struct vb_attention_params params = {
        .y = vb_view_of(gpu, &a->y),
        .q = vb_view_of(gpu, &a->q),
        .k = vb_view_of(gpu, &a->k),
        .v = vb_view_of(gpu, &a->v),
        .has_lengths = a->lengths.buffer != NULL,
        .batch = a->q.batch,
        .heads = a->heads,
        .q_len = a->q.rows,
        .kv_len = a->k.rows,
        .causal = a->causal,
        .first_query = a->first_query,
        .scale = 1.0F / sqrtf((float)head_dim),
        .chunks = 1,
        .chunk_keys = a->k.rows,
    };
    if (a->lengths.buffer)
        params.lengths = vb_view_of(gpu, &a->lengths).offset;
    if (a->k.batch == 1)
        params.k.batch_stride = params.v.batch_stride = 0;
    return params;
}

// The loops that load q, clear the sums and store y, halves of which in two steps, and the
// one over blocks of keys with that over scores inside.
static uint32_t attention_iterations(uint32_t keys, uint32_t queries, uint32_t head_dim)
{
    return 4 * vb_loop_iterations(queries * head_dim / ATTENTION_THREADS) +
           vb_loop_iterations(0) +
           vb_ceil_div(keys, ATTENTION_KEYS) *
               (1 + vb_loop_iterations(queries * ATTENTION_KEYS / ATTENTION_THREADS));
}

vb_attention_lines vb_attention_lines_of(const struct vb_attention_params *p)
{
    const bool shared_kv = p->batch > 1 && p->k.batch_stride == 0 &&
                           p->v.batch_stride == 0 && !p->has_lengths;
    return (vb_attention_lines){.matrices = shared_kv ? 1 : p->batch,
                                .lines = shared_kv ? p->batch * p->q_len : p->q_len};
}

// Rows of q of one workgroup: few, when there are few in all. Keeps shared memory below the
// 16 KiB that Vulkan guarantees.
static uint32_t choose_queries(uint32_t lines, uint32_t head_dim)
{
    const uint32_t most = head_dim > WIDE_HEAD ? 8 : 16;
    return lines <= 4 ? 4 : lines <= 8 ? 8 : most;
}

// Keys of one workgroup, a multiple of ATTENTION_KEYS when they are not all: as many
// workgroups are wanted as keep the largest cards busy. Vulkan tells no number of processors;
// where there are fewer, a chunk still reads more than joining it costs.
static uint32_t choose_chunk_keys(uint32_t kv_len, uint64_t workgroups)
{
    const uint32_t wanted = 512, least_keys = 64;
    const uint64_t chunks = wanted / workgroups;
    const uint32_t most = kv_len / least_keys;
    if (chunks < 2 || most < 2)
        return kv_len;
    const uint32_t keys = vb_ceil_div(kv_len, chunks < most ? (uint32_t)chunks : most);
    return vb_ceil_div(keys, ATTENTION_KEYS) * ATTENTION_KEYS;
}

// attention_part.glsl
static uint64_t attention_part_bytes(const struct vb_attention_params *p,
                                     uint32_t head_dim)
{
    return (uint64_t)p->chunks * p->batch * p->q_len * p->heads * (head_dim + 2) *
           sizeof(float);
}

static vblip_status attention_merge(vb_gpu *gpu, const vb_attention_args *a,
                                    const struct vb_attention_params *params,
                                    vb_span parts, vblip_error *err)
{
    const uint32_t threads = 64, width = a->q.cols;
    const uint32_t halves = vb_halves_bit(&a->y, VB_HALVES_Y);
    const uint64_t elements = (uint64_t)params->batch * params->q_len * width;
    const uint64_t count = halves ? elements / 2 : elements; // of invocations
    vb_dispatch dispatch = {
        .op = "attention",
        .pipeline = VB_PIPELINE_ATTENTION_MERGE,
        .constants = {width / a->heads, halves},
        .bindings = {vb_span_of(gpu, &a->y), parts},
        .params = params,
        .iterations = 2 * vb_loop_iterations(params->chunks),
        .work = (uint64_t)threads * params->chunks * VB_ELEMENT_WORK,
    };
    vb_dispatch_row(&dispatch, (count + threads - 1) / threads);
    return vb_commands_dispatch(gpu, &dispatch, err);
}

// A kernel that attention is computed by, and the rows of q of one of its workgroups.
typedef struct attention_kernel {
    vb_pipeline_id pipeline;
    uint32_t constants[VB_MAX_CONSTANTS];
    uint32_t queries;
} attention_kernel;

static uint32_t attention_halves(const vb_attention_args *a)
{
    return vb_halves_bit(&a->y, VB_HALVES_Y) | vb_halves_bit(&a->q, VB_HALVES_X) |
           vb_halves_bit(&a->k, VB_HALVES_KV);
}

static attention_kernel choose_attention(const vb_gpu *gpu, const vb_attention_args *a,
                                         uint32_t lines)
{
    const uint32_t head_dim = a->q.cols / a->heads;
    const uint32_t queries = choose_queries(lines, head_dim);
    const uint32_t halves = attention_halves(a);
    attention_kernel kernel = {.pipeline = VB_PIPELINE_ATTENTION,
                               .constants = {head_dim, queries, halves},
                               .queries = queries};
    if (vb_in_quads(&a->q) && vb_in_quads(&a->k) && vb_in_quads(&a->v)) {
        const vb_variant variant =
            vb_choose_attention(gpu->variants, lines, a->k.rows, head_dim);
        if (variant != VB_VARIANT_SIMT)
            kernel.queries = vb_coopmat_attention(&kernel.pipeline, kernel.constants,
                                                  gpu, variant, halves);
    }
    return kernel;
}

vblip_status vb_gpu_attention(vb_device *device, const vb_attention_args *a,
                              vblip_error *err)
{
    vb_gpu *gpu = vb_gpu_of(device);
    struct vb_attention_params params = attention_params(gpu, a);
    if (gpu->family == VB_LAVAPIPE && vb_lavapipe_attention_fits(a))
        return vb_lavapipe_attention(gpu, a, &params, err);
    const uint32_t head_dim = a->q.cols / a->heads;
    const vb_attention_lines rows = vb_attention_lines_of(&params);
    const attention_kernel kernel = choose_attention(gpu, a, rows.lines);
    const uint64_t groups =
        (uint64_t)vb_ceil_div(rows.lines, kernel.queries) * a->heads * rows.matrices;
    params.chunk_keys = choose_chunk_keys(params.kv_len, groups);
    params.chunks = vb_ceil_div(params.kv_len, params.chunk_keys);
    vb_span to = vb_span_of(gpu, &a->y);
    if (params.chunks > 1)
        VB_TRY(vb_scratch_take(&to, gpu, attention_part_bytes(&params, head_dim), err));
    vb_dispatch dispatch = {
        .op = "attention",
        .pipeline = kernel.pipeline,
        .constants = {kernel.constants[0], kernel.constants[1], kernel.constants[2]},
        .bindings = {to, vb_span_of(gpu, &a->q), vb_span_of(gpu, &a->k),
                     vb_span_of(gpu, &a->v), vb_span_of(gpu, &a->lengths)},
        .params = &params,
        .iterations = attention_iterations(params.chunk_keys, kernel.queries, head_dim),
        .work = (uint64_t)2 * kernel.queries * params.chunk_keys * head_dim,
    };
    vb_dispatch_row(&dispatch, groups * params.chunks);
    VB_TRY(vb_commands_dispatch(gpu, &dispatch, err));
    return params.chunks > 1 ? attention_merge(gpu, a, &params, to, err) : VBLIP_OK;
}
