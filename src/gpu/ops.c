// ops.c - ops that move or combine rows, one invocation per element, or find some.
#include "gpu/ops.h"

#include "gpu/context.h"

enum {
    INVOCATIONS = 64,
    ROW_GROUPS = 4096, // of a piece at least, see commands.c
    PART_BYTES = 16,   // of topk_parts.comp: a vec4
    WORD_BYTES = 4
};

vb_span vb_span_of(const vb_gpu *gpu, const vb_tensor *t)
{
    if (!t->buffer)
        return (vb_span){0};
    const uint64_t align = gpu->physical.limits.minStorageBufferOffsetAlignment;
    const uint64_t end = t->offset + vb_tensor_bytes(t);
    return (vb_span){
        .buffer = vb_gpu_buffer_of(t->buffer),
        .first = t->offset / align * align,
        .end = (end + 3) / 4 * 4, // buffers are padded, see memory.c
    };
}

vb_span vb_span_whole(vb_buffer *buffer)
{
    return (vb_span){vb_gpu_buffer_of(buffer), 0, buffer->size};
}

struct vb_view vb_view_of(const vb_gpu *gpu, const vb_tensor *t)
{
    const uint64_t align = gpu->physical.limits.minStorageBufferOffsetAlignment;
    return (struct vb_view){
        .offset = (uint32_t)(t->offset % align / vb_dtype_size(t->type)),
        .row_stride = t->row_stride,
        .batch_stride = t->batch_stride,
    };
}

struct vb_view vb_view_quads(struct vb_view view)
{
    return (struct vb_view){view.offset / 4, view.row_stride / 4,
                            view.batch_stride / 4};
}

struct vb_view vb_view_texels(const vb_tensor *t)
{
    return (struct vb_view){
        .offset = (uint32_t)(t->offset / 16),
        .row_stride = t->row_stride / 4,
        .batch_stride = t->batch_stride / 4,
    };
}

void vb_dispatch_row(vb_dispatch *dispatch, uint64_t count)
{
    const uint64_t rows = count / ROW_GROUPS + (count % ROW_GROUPS != 0);
    dispatch->groups[0] = (uint32_t)(rows ? (count + rows - 1) / rows : 0);
    dispatch->groups[1] = (uint32_t)rows;
}

static void dispatch_elements(vb_dispatch *dispatch, uint64_t elements)
{
    dispatch->work = INVOCATIONS * VB_ELEMENT_WORK;
    vb_dispatch_row(dispatch, (elements + INVOCATIONS - 1) / INVOCATIONS);
}

vblip_status vb_gpu_upload(vb_device *device, vb_tensor y, const void *src,
                           vblip_error *err)
{
    return vb_transfer_upload(vb_gpu_of(device), vb_gpu_buffer_of(y.buffer), y.offset,
                              src, vb_tensor_bytes(&y), err);
}

vblip_status vb_gpu_download(vb_device *device, void *dst, vb_tensor x,
                             vblip_error *err)
{
    return vb_transfer_download(vb_gpu_of(device), vb_gpu_buffer_of(x.buffer), x.offset,
                                dst, vb_tensor_bytes(&x), err);
}

// Those of mean_rows.comp and l2norm.comp; the other shaders of rows have no loops.
static uint32_t rows_iterations(vb_pipeline_id pipeline, const struct vb_rows_params *p)
{
    if (pipeline == VB_PIPELINE_MEAN_ROWS)
        return vb_loop_iterations(p->rows);
    if (pipeline == VB_PIPELINE_L2NORM)
        return 2 * vb_loop_iterations(vb_ceil_div(p->cols, INVOCATIONS)) +
               VB_ROW_SUM_ITERATIONS;
    return 0;
}

// The elements that a workgroup reads.
static uint64_t rows_elements(vb_pipeline_id pipeline, const struct vb_rows_params *p)
{
    if (pipeline == VB_PIPELINE_L2NORM)
        return p->cols;
    return pipeline == VB_PIPELINE_MEAN_ROWS ? (uint64_t)INVOCATIONS * p->rows
                                             : INVOCATIONS;
}

// Runs a shader of struct vb_rows_params.
static vblip_status rows_op(vb_gpu *gpu, const char *op, vb_pipeline_id pipeline,
                            struct vb_rows_params params, const vb_tensor *y,
                            const vb_tensor *x, uint64_t groups, vblip_error *err)
{
    params.y = vb_view_of(gpu, y);
    params.x = vb_view_of(gpu, x);
    vb_dispatch dispatch = {
        .op = op,
        .pipeline = pipeline,
        .bindings = {vb_span_of(gpu, y), vb_span_of(gpu, x)},
        .params = &params,
        .iterations = rows_iterations(pipeline, &params),
        .work = rows_elements(pipeline, &params) * VB_ELEMENT_WORK,
    };
    vb_dispatch_row(&dispatch, groups);
    return vb_commands_dispatch(gpu, &dispatch, err);
}

static uint64_t element_groups(const vb_tensor *t)
{
    return (vb_tensor_elements(t) + INVOCATIONS - 1) / INVOCATIONS;
}

// The bytes of a packed tensor.
static vb_span packed_span(const vb_tensor *t)
{
    return (vb_span){vb_gpu_buffer_of(t->buffer), t->offset,
                     t->offset + vb_tensor_bytes(t)};
}

vblip_status vb_gpu_copy(vb_device *device, vb_tensor y, vb_tensor x, vblip_error *err)
{
    vb_gpu *gpu = vb_gpu_of(device);
    if (y.type == x.type && vb_tensor_packed(&y) && vb_tensor_packed(&x))
        return vb_transfer_copy(gpu, packed_span(&y), packed_span(&x), err);
    const uint32_t halves =
        vb_halves_bit(&y, VB_HALVES_Y) | vb_halves_bit(&x, VB_HALVES_X);
    const struct vb_rows_params params = {
        .y = vb_view_of(gpu, &y),
        .x = vb_view_of(gpu, &x),
        .batch = y.batch,
        .rows = y.rows,
        .cols = y.cols,
    };
    vb_dispatch dispatch = {
        .op = "copy",
        .pipeline = VB_PIPELINE_COPY,
        .constants = {halves},
        .bindings = {vb_span_of(gpu, &y), vb_span_of(gpu, &x)},
        .params = &params,
    };
    dispatch_elements(&dispatch, vb_tensor_elements(&y) / (halves ? 2 : 1));
    return vb_commands_dispatch(gpu, &dispatch, err);
}

vblip_status vb_gpu_add_rows(vb_device *device, const vb_add_rows_args *a,
                             vblip_error *err)
{
    const struct vb_rows_params params = {
        .batch = a->y.batch, .rows = a->y.rows, .cols = a->y.cols};
    return rows_op(vb_gpu_of(device), "add_rows", VB_PIPELINE_ADD_ROWS, params, &a->y,
                   &a->x, element_groups(&a->y), err);
}

vblip_status vb_gpu_set_row(vb_device *device, const vb_set_row_args *a,
                            vblip_error *err)
{
    const vb_tensor row = vb_rows(a->y, a->row, 1);
    // A row may begin at any word: vb_span_of and vb_view_of split that between them.
    const struct vb_rows_params params = {
        .batch = row.batch, .rows = 1, .cols = row.cols};
    return rows_op(vb_gpu_of(device), "set_row", VB_PIPELINE_SET_ROW, params, &row,
                   &a->x, element_groups(&row), err);
}

vblip_status vb_gpu_mean_rows(vb_device *device, const vb_mean_rows_args *a,
                              vblip_error *err)
{
    const struct vb_rows_params params = {
        .batch = a->x.batch, .rows = a->x.rows, .cols = a->x.cols};
    return rows_op(vb_gpu_of(device), "mean_rows", VB_PIPELINE_MEAN_ROWS, params, &a->y,
                   &a->x, element_groups(&a->y), err);
}

vblip_status vb_gpu_l2norm(vb_device *device, const vb_l2norm_args *a, vblip_error *err)
{
    const struct vb_rows_params params = {
        .batch = a->x.batch, .rows = a->x.rows, .cols = a->x.cols, .eps = a->eps};
    return rows_op(vb_gpu_of(device), "l2norm", VB_PIPELINE_L2NORM, params, &a->y,
                   &a->x, (uint64_t)a->x.batch * a->x.rows, err);
}

static struct vb_topk_params topk_params(const vb_gpu *gpu, const vb_topk_args *a)
{
    const uint32_t quads = vb_ceil_div(a->x.cols, 4);
    struct vb_topk_params params = {
        .y = vb_view_of(gpu, &a->y),
        .x = vb_view_of(gpu, &a->x),
        .has_ids = a->ids.buffer != NULL,
        .batch = a->x.batch,
        .rows = a->x.rows,
        .cols = a->x.cols,
        .parts = quads < VB_TOPK_PARTS ? quads : VB_TOPK_PARTS,
        .k = a->k,
    };
    if (a->ids.buffer)
        params.ids = vb_view_of(gpu, &a->ids).offset;
    return params;
}

// The parts of all rows.
static vblip_status topk_parts(vb_gpu *gpu, const vb_topk_args *a,
                               struct vb_topk_params params, vb_span parts,
                               vblip_error *err)
{
    const bool lavapipe =
        gpu->family == VB_LAVAPIPE && params.cols % 4 == 0 && vb_in_quads(&a->x);
    const uint32_t invocations = lavapipe ? VB_LAVAPIPE_LANES : INVOCATIONS;
    const uint32_t quads = vb_ceil_div(vb_ceil_div(params.cols, 4), params.parts);
    const uint64_t count = (uint64_t)params.batch * params.rows * params.parts;
    if (lavapipe)
        params.x = vb_view_texels(&a->x);
    vb_dispatch dispatch = {
        .op = "topk",
        .pipeline = lavapipe ? VB_PIPELINE_TOPK_PARTS_LAVAPIPE : VB_PIPELINE_TOPK_PARTS,
        .bindings = {parts, vb_span_of(gpu, &a->x)},
        .params = &params,
        .iterations = 2 * vb_loop_iterations(quads) + 2 * vb_loop_iterations(3),
        .work = (uint64_t)invocations * 8 * quads * VB_ELEMENT_WORK,
    };
    vb_dispatch_row(&dispatch, (count + invocations - 1) / invocations);
    return vb_commands_dispatch(gpu, &dispatch, err);
}

// Those of topk.comp with `invocations`: for each of the k two reductions, a loop over the
// parts and one over the columns of one.
static uint32_t topk_iterations(const struct vb_topk_params *p, uint32_t invocations)
{
    const uint32_t own = vb_loop_iterations(vb_ceil_div(p->parts, invocations));
    const uint32_t quads = vb_ceil_div(vb_ceil_div(p->cols, 4), p->parts);
    const uint32_t part = vb_ceil_div(quads, invocations) * (1 + vb_loop_iterations(4));
    const uint32_t first = own + VB_ROW_SUM_ITERATIONS;
    return 2 * own + first + 2 * VB_ROW_SUM_ITERATIONS +
           p->k * (1 + vb_loop_iterations(part) + VB_ROW_SUM_ITERATIONS + first);
}

vblip_status vb_gpu_topk(vb_device *device, const vb_topk_args *a, vblip_error *err)
{
    vb_gpu *gpu = vb_gpu_of(device);
    const struct vb_topk_params params = topk_params(gpu, a);
    const uint64_t rows = (uint64_t)params.batch * params.rows;
    const bool lavapipe = gpu->family == VB_LAVAPIPE;
    const uint32_t invocations = lavapipe ? VB_LAVAPIPE_LANES : INVOCATIONS;
    vb_span parts;
    VB_TRY(vb_scratch_take(&parts, gpu, rows * params.parts * PART_BYTES, err));
    vb_dispatch dispatch = {
        .op = "topk",
        .pipeline = lavapipe ? VB_PIPELINE_TOPK_LAVAPIPE : VB_PIPELINE_TOPK,
        .bindings = {vb_span_of(gpu, &a->y), vb_span_of(gpu, &a->x), parts,
                     vb_span_of(gpu, &a->ids)},
        .params = &params,
        .iterations = topk_iterations(&params, invocations),
        .work = (uint64_t)(params.k + 2) *
                (params.parts + vb_ceil_div(params.cols, params.parts)) *
                VB_ELEMENT_WORK,
    };
    vb_dispatch_row(&dispatch, rows);
    VB_TRY(topk_parts(gpu, a, params, parts, err));
    return vb_commands_dispatch(gpu, &dispatch, err);
}

vblip_status vb_gpu_embed(vb_device *device, const vb_embed_args *a, vblip_error *err)
{
    vb_gpu *gpu = vb_gpu_of(device);
    const vb_gpu_matrix *words = (const vb_gpu_matrix *)a->words;
    const vb_tensor positions = vb_rows(a->positions, a->first_position, a->y.rows);
    const struct vb_view position = vb_view_of(gpu, &positions);
    const struct vb_embed_params params = {
        .y = vb_view_of(gpu, &a->y),
        .ids = vb_view_of(gpu, &a->ids).offset,
        .positions = position.offset,
        .position_stride = position.row_stride,
        .batch = a->y.batch,
        .rows = a->y.rows,
        .cols = a->y.cols,
    };
    vb_dispatch dispatch = {
        .op = "embed",
        .pipeline = words->type == VB_F16 ? VB_PIPELINE_EMBED_F16 : VB_PIPELINE_EMBED,
        .bindings = {vb_span_of(gpu, &a->y), vb_span_of(gpu, &a->ids),
                     vb_span_whole(words->row_data), vb_span_of(gpu, &positions)},
        .params = &params,
    };
    dispatch_elements(&dispatch, vb_tensor_elements(&a->y));
    return vb_commands_dispatch(gpu, &dispatch, err);
}

vblip_status vb_gpu_patchify(vb_device *device, const vb_patchify_args *a,
                             vblip_error *err)
{
    vb_gpu *gpu = vb_gpu_of(device);
    const struct vb_patchify_params params = {
        .y = vb_view_of(gpu, &a->y),
        .frames = vb_view_of(gpu, &a->frames).offset / WORD_BYTES,
        .count = a->frames.batch,
        .side = a->frames.rows,
        .patch_side = a->patch,
        .mean_r = a->mean[0],
        .mean_g = a->mean[1],
        .mean_b = a->mean[2],
        .deviation_r = a->deviation[0],
        .deviation_g = a->deviation[1],
        .deviation_b = a->deviation[2],
    };
    vb_dispatch dispatch = {
        .op = "patchify",
        .pipeline = VB_PIPELINE_PATCHIFY,
        .bindings = {vb_span_of(gpu, &a->y), vb_span_of(gpu, &a->frames)},
        .params = &params,
    };
    dispatch_elements(&dispatch, vb_tensor_elements(&a->y));
    return vb_commands_dispatch(gpu, &dispatch, err);
}

void vb_gpu_discard(vb_device *device)
{
    vb_commands_discard(vb_gpu_of(device));
}
