#include "gpu/commands.h"

#include "gpu/context.h"

#include <assert.h>

enum { MAX_COMMANDS = 512 };

static const VkAccessFlags all_writes =
    VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
static const VkAccessFlags all_accesses =
    VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
    VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
static const VkPipelineStageFlags all_stages =
    VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;

static void barrier(vb_gpu *gpu, VkAccessFlags to, VkPipelineStageFlags stages)
{
    const VkMemoryBarrier memory = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = all_writes,
        .dstAccessMask = to,
    };
    gpu->vk.CmdPipelineBarrier(gpu->submissions.open->buffer, all_stages, stages, 0, 1,
                               &memory, 0, NULL, 0, NULL);
}

vblip_status vb_commands_open(vb_gpu *gpu, vblip_error *err)
{
    return vb_memory_make(&gpu->commands.nothing, gpu, 256, "nothing", err);
}

void vb_commands_close(vb_gpu *gpu)
{
    vb_memory_destroy(gpu->commands.nothing);
    gpu->commands = (vb_commands){0};
}

bool vb_commands_recording(const vb_gpu *gpu)
{
    return gpu->submissions.open != NULL;
}

// Nothing is recorded any more.
static void start_over(vb_gpu *gpu)
{
    gpu->commands.dispatches = 0;
    vb_hazards_clear(&gpu->commands.hazards);
}

static void drop_commands(vb_gpu *gpu)
{
    start_over(gpu);
    (void)vb_pace_next(&gpu->commands.pace);
    vb_submissions_drop(&gpu->submissions);
}

// After a failed submit or wait, for `why`.
static vblip_status give_commands_up(vb_gpu *gpu, const vblip_error *why,
                                     vblip_error *err)
{
    drop_commands(gpu);
    vb_wait_failed(gpu, why);
    if (!gpu->waiting.running)
        vb_submissions_forget(&gpu->submissions);
    return vb_fail(err, why->status, "%s", why->message);
}

vblip_status vb_commands_begin(vb_gpu *gpu, vblip_error *err)
{
    vblip_error why = {0};
    VB_TRY(vb_wait_check(gpu, err));
    if (vb_profile_full(gpu))
        VB_TRY(vb_commands_flush(gpu, err));
    if (vb_commands_recording(gpu))
        return VBLIP_OK;
    if (vb_submission_begin(gpu, &why) != VBLIP_OK)
        return give_commands_up(gpu, &why, err);
    barrier(gpu, all_accesses, all_stages); // against what earlier submits wrote
    return VBLIP_OK;
}

// Starts a command: the barrier that its accesses need, label and timestamp.
void vb_command_open(vb_gpu *gpu, const char *op, const vb_access *accesses,
                     uint32_t count)
{
    if (vb_hazards_next(&gpu->commands.hazards, accesses, count))
        barrier(gpu, all_accesses, all_stages);
    if (gpu->instance.labels) {
        const VkDebugUtilsLabelEXT label = {
            .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_LABEL_EXT, .pLabelName = op};
        gpu->vk.CmdBeginDebugUtilsLabelEXT(gpu->submissions.open->buffer, &label);
    }
    vb_profile_begin(gpu, op);
}

void vb_command_close(vb_gpu *gpu)
{
    vb_profile_end(gpu);
    if (gpu->instance.labels)
        gpu->vk.CmdEndDebugUtilsLabelEXT(gpu->submissions.open->buffer);
}

static vb_access access_of(const vb_span *span, bool write)
{
    return (vb_access){span->buffer, span->first, span->end, write};
}

// What a dispatch binds and accesses. Points into itself.
typedef struct operands {
    VkWriteDescriptorSet writes[VB_MAX_BINDINGS];
    VkDescriptorBufferInfo infos[VB_MAX_BINDINGS];
    vb_access accesses[VB_MAX_BINDINGS];
    uint32_t count, access_count;
} operands;

// The bytes of binding `i`, or others where the operand is absent.
static vb_span bound_span(vb_gpu *gpu, const vb_dispatch *dispatch, uint32_t i)
{
    const char letter = vb_pipeline_rows[dispatch->pipeline].bindings[i];
    const vb_span span = dispatch->bindings[i];
    vb_gpu_buffer *nothing = gpu->commands.nothing;
    if (!span.buffer)
        return (vb_span){nothing, 0, nothing->base.size};
    return vb_binding_is_texels(letter)
               ? (vb_span){span.buffer, 0, span.buffer->base.size}
               : span;
}

static void find_operands(operands *o, vb_gpu *gpu, const vb_dispatch *dispatch)
{
    const char *letters = vb_pipeline_rows[dispatch->pipeline].bindings;
    o->access_count = 0;
    for (o->count = 0; letters[o->count]; o->count++) {
        const uint32_t i = o->count;
        const char letter = letters[i];
        const bool texels = vb_binding_is_texels(letter);
        const vb_span span = bound_span(gpu, dispatch, i);
        o->infos[i] = (VkDescriptorBufferInfo){span.buffer->handle, span.first,
                                               span.end - span.first};
        o->writes[i] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstBinding = i,
            .descriptorCount = 1,
            .descriptorType = texels ? VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER
                                     : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .pBufferInfo = texels ? NULL : &o->infos[i],
            .pTexelBufferView = letter == 'h' ? &span.buffer->halves
                                : texels      ? &span.buffer->texels
                                              : NULL,
        };
        span.buffer->used = vb_submission_value(&gpu->submissions);
        if (dispatch->bindings[i].buffer)
            o->accesses[o->access_count++] =
                access_of(&span, letter == 'w' || letter == 'b');
    }
}

// A set with the operands; VK_NULL_HANDLE where they are pushed.
static vblip_status write_set(VkDescriptorSet *out, vb_gpu *gpu, vb_pipeline_id id,
                              operands *o, vblip_error *err)
{
    *out = VK_NULL_HANDLE;
    if (vb_pushes_descriptors(gpu))
        return VBLIP_OK;
    VB_TRY(
        vb_descriptor_set_take(out, &gpu->submissions.open->descriptors, gpu, id, err));
    for (uint32_t i = 0; i < o->count; i++)
        o->writes[i].dstSet = *out;
    gpu->vk.UpdateDescriptorSets(gpu->device, o->count, o->writes, 0, NULL);
    return VBLIP_OK;
}

static void bind_operands(vb_gpu *gpu, VkPipelineLayout layout, VkDescriptorSet set,
                          const operands *o)
{
    const VkCommandBuffer buffer = gpu->submissions.open->buffer;
    if (set)
        gpu->vk.CmdBindDescriptorSets(buffer, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0,
                                      1, &set, 0, NULL);
    else
        gpu->vk.CmdPushDescriptorSetKHR(buffer, VK_PIPELINE_BIND_POINT_COMPUTE, layout,
                                        0, o->count, o->writes);
}

// Some of a dispatch: whole rows of its workgroups or, of the only row, `count` workgroups.
// Then gl_WorkGroupID and gl_NumWorkGroups, which does not count those before `first`, say
// together what they would say in the whole: group_index() of shaders/common.glsl.
typedef struct piece {
    uint32_t axis; // x or y
    uint32_t first, count;
} piece;

static uint32_t axis_of_pieces(const vb_dispatch *dispatch)
{
    return dispatch->groups[1] > 1;
}

// How many workgroups, or rows of them, are recorded next, of `left`.
static vblip_status next_piece(uint32_t *count, vb_gpu *gpu,
                               const vb_dispatch *dispatch, uint32_t left,
                               vblip_error *err)
{
    vb_pace *pace = &gpu->commands.pace;
    const uint64_t row = axis_of_pieces(dispatch) ? dispatch->groups[0] : 1;
    const uint64_t work = row * dispatch->work;
    if (gpu->commands.dispatches == MAX_COMMANDS)
        VB_TRY(vb_commands_flush(gpu, err));
    *count = vb_pace_take(pace, left, work);
    if (*count)
        return VBLIP_OK;
    VB_TRY(vb_commands_flush(gpu, err));
    *count = vb_pace_take(pace, left, work);
    return VBLIP_OK;
}

static vblip_status record_piece(vb_gpu *gpu, const vb_dispatch *dispatch, piece part,
                                 vblip_error *err)
{
    const vb_vk *vk = &gpu->vk;
    const vb_pipeline_row *row = &vb_pipeline_rows[dispatch->pipeline];
    const VkPipelineLayout layout = gpu->pipelines.layouts[dispatch->pipeline].handle;
    VkPipeline pipeline;
    VkDescriptorSet set;
    VB_TRY(
        vb_pipeline_get(&pipeline, gpu, dispatch->pipeline, dispatch->constants, err));
    VB_TRY(vb_commands_begin(gpu, err));
    operands o;
    find_operands(&o, gpu, dispatch);
    VB_TRY(write_set(&set, gpu, dispatch->pipeline, &o, err));
    uint32_t base[2] = {0}, count[2] = {dispatch->groups[0], dispatch->groups[1]};
    base[part.axis] = part.first;
    count[part.axis] = part.count;
    const VkCommandBuffer buffer = gpu->submissions.open->buffer;
    vb_command_open(gpu, dispatch->op, o.accesses, o.access_count);
    if (part.first)
        vb_profile_same_call(gpu);
    vk->CmdBindPipeline(buffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    bind_operands(gpu, layout, set, &o);
    vk->CmdPushConstants(buffer, layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                         row->param_bytes, dispatch->params);
    if (part.first)
        vk->CmdDispatchBase(buffer, base[0], base[1], 0, count[0], count[1], 1);
    else // all that the synchronisation checks of Debian 12 and 13 look at
        vk->CmdDispatch(buffer, count[0], count[1], 1);
    vb_command_close(gpu);
    gpu->commands.dispatches++;
    return VBLIP_OK;
}

vblip_status vb_commands_dispatch(vb_gpu *gpu, const vb_dispatch *dispatch,
                                  vblip_error *err)
{
    VB_TRY(vb_wait_check(gpu, err));
    if (dispatch->iterations > gpu->physical.max_iterations)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "%s: %s: loops of %u iterations, the driver (%s) stops at %u",
                       gpu->physical.name, dispatch->op, dispatch->iterations,
                       gpu->physical.driver, gpu->physical.max_iterations);
    const uint32_t axis = axis_of_pieces(dispatch), all = dispatch->groups[axis];
    for (piece next = {.axis = axis}; next.first < all; next.first += next.count) {
        VB_TRY(next_piece(&next.count, gpu, dispatch, all - next.first, err));
        VB_TRY(record_piece(gpu, dispatch, next, err));
    }
    return VBLIP_OK;
}

vblip_status vb_commands_go_on(vb_gpu *gpu, vblip_error *err)
{
    if (gpu->stopped && gpu->stopped(gpu->stopped_user))
        return vb_fail(err, VBLIP_ERR_CANCELLED, "stopped by the caller");
    return VBLIP_OK;
}

vblip_status vb_commands_flush(vb_gpu *gpu, vblip_error *err)
{
    vblip_error why = {0};
    if (!vb_commands_recording(gpu))
        return VBLIP_OK;
    const vblip_status status = vb_commands_go_on(gpu, err);
    if (status != VBLIP_OK) {
        drop_commands(gpu);
        return status;
    }
    barrier(gpu, VK_ACCESS_HOST_READ_BIT, VK_PIPELINE_STAGE_HOST_BIT);
    start_over(gpu);
    if (vb_submission_send(gpu, vb_pace_next(&gpu->commands.pace), &why) != VBLIP_OK)
        return give_commands_up(gpu, &why, err);
    return VBLIP_OK;
}

vblip_status vb_commands_wait(vb_gpu *gpu, uint64_t value, vblip_error *err)
{
    vblip_error why = {0};
    vblip_status status = VBLIP_OK;
    VB_TRY(vb_wait_check(gpu, err));
    if (value > gpu->submissions.sent) {
        status = vb_commands_flush(gpu, err);
        value = gpu->submissions.sent;
    }
    if (status != VBLIP_OK && gpu->waiting.broken.status)
        return status;
    // What was sent before may use the same, also where nothing more is sent.
    if (vb_submissions_wait(gpu, value, &why) == VBLIP_OK)
        return status;
    if (status == VBLIP_OK)
        return give_commands_up(gpu, &why, err);
    (void)give_commands_up(gpu, &why, NULL);
    return status;
}

void vb_commands_settle(vb_gpu *gpu, uint64_t value)
{
    vblip_error why = {0};
    if (vb_commands_wait(gpu, value, &why) != VBLIP_OK && !gpu->commands.lost.status)
        gpu->commands.lost = why;
}

vblip_status vb_commands_submit(vb_gpu *gpu, vblip_error *err)
{
    const vblip_error lost = gpu->commands.lost;
    if (lost.status || gpu->waiting.broken.status) {
        vb_commands_discard(gpu);
        VB_TRY(vb_wait_check(gpu, err));
        return vb_fail(err, lost.status, "%s", lost.message);
    }
    const bool due = vb_submissions_downloading(&gpu->submissions);
    VB_TRY(vb_commands_flush(gpu, err));
    return due ? vb_commands_wait(gpu, gpu->submissions.sent, err) : VBLIP_OK;
}

void vb_commands_discard(vb_gpu *gpu)
{
    drop_commands(gpu);
    gpu->commands.lost = (vblip_error){0};
}
