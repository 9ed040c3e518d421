#include "gpu/commands.h"

#include "base/timing.h"
#include "gpu/context.h"

#include <assert.h>
#include <string.h>

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
    gpu->vk.CmdPipelineBarrier(gpu->commands.buffer, all_stages, stages, 0, 1, &memory,
                               0, NULL, 0, NULL);
}

vblip_status vb_commands_open(vb_gpu *gpu, vblip_error *err)
{
    vb_commands *commands = &gpu->commands;
    vblip_status status = VBLIP_OK;
    const VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
        .queueFamilyIndex = gpu->physical.queue_family,
    };
    VB_VK(gpu->vk.CreateCommandPool(gpu->device, &pool, NULL, &commands->pool));
    const VkCommandBufferAllocateInfo buffer = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = commands->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    VB_VK(gpu->vk.AllocateCommandBuffers(gpu->device, &buffer, &commands->buffer));
    const VkSemaphoreTypeCreateInfo timeline = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
        .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
    };
    const VkSemaphoreCreateInfo semaphore = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &timeline};
    VB_VK(gpu->vk.CreateSemaphore(gpu->device, &semaphore, NULL, &commands->timeline));
    VB_OK(vb_memory_make(&commands->nothing, gpu, 256, "nothing", err));
fail:
    return status;
}

void vb_commands_close(vb_gpu *gpu)
{
    vb_commands *commands = &gpu->commands;
    vb_commands_discard(gpu);
    for (uint32_t i = 0; i < commands->staging_count; i++)
        vb_memory_destroy(commands->staging[i]);
    vb_memory_destroy(commands->nothing);
    vb_descriptors_close(&commands->descriptors, gpu);
    gpu->vk.DestroySemaphore(gpu->device, commands->timeline, NULL);
    gpu->vk.DestroyCommandPool(gpu->device, commands->pool, NULL);
    *commands = (vb_commands){0};
}

bool vb_commands_recording(const vb_gpu *gpu)
{
    return gpu->commands.recording;
}

// Nothing is pending any more: staging, sets and downloads may be used again.
static void start_over(vb_gpu *gpu)
{
    vb_commands *commands = &gpu->commands;
    commands->recording = false;
    commands->dispatches = 0;
    commands->download_count = 0;
    memset(commands->staging_used, 0, sizeof commands->staging_used);
    vb_pace_dropped(&commands->pace);
    vb_hazards_clear(&commands->hazards);
    vb_descriptors_reset(&commands->descriptors);
}

vblip_status vb_commands_begin(vb_gpu *gpu, vblip_error *err)
{
    vb_commands *commands = &gpu->commands;
    vblip_status status = VBLIP_OK;
    VB_TRY(vb_wait_check(gpu, err));
    if (vb_profile_full(gpu))
        VB_OK(vb_commands_flush(gpu, err));
    if (commands->recording)
        return VBLIP_OK;
    VB_VK(gpu->vk.ResetCommandPool(gpu->device, commands->pool, 0));
    const VkCommandBufferBeginInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    VB_VK(gpu->vk.BeginCommandBuffer(commands->buffer, &info));
    commands->recording = true;
    vb_profile_reset(gpu);
    barrier(gpu, all_accesses, all_stages); // against what earlier submits wrote
fail:
    return status;
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
        gpu->vk.CmdBeginDebugUtilsLabelEXT(gpu->commands.buffer, &label);
    }
    vb_profile_begin(gpu, op);
}

void vb_command_close(vb_gpu *gpu)
{
    vb_profile_end(gpu);
    if (gpu->instance.labels)
        gpu->vk.CmdEndDebugUtilsLabelEXT(gpu->commands.buffer);
}

static vb_access access_of(const vb_span *span, bool write)
{
    return (vb_access){span->buffer, span->first, span->end, write};
}

// Points `set` at the operands and lists what they access.
static uint32_t bind(vb_gpu *gpu, const vb_dispatch *dispatch, VkDescriptorSet set,
                     vb_access accesses[VB_MAX_BINDINGS])
{
    const char *letters = vb_pipeline_rows[dispatch->pipeline].bindings;
    VkWriteDescriptorSet writes[VB_MAX_BINDINGS];
    VkDescriptorBufferInfo infos[VB_MAX_BINDINGS];
    uint32_t count = 0, bound = 0;
    for (; letters[bound]; bound++) {
        const char letter = letters[bound];
        const bool texels = vb_binding_is_texels(letter);
        vb_span span = dispatch->bindings[bound];
        if (!span.buffer)
            span =
                (vb_span){gpu->commands.nothing, 0, gpu->commands.nothing->base.size};
        else if (texels)
            span = (vb_span){span.buffer, 0, span.buffer->base.size};
        infos[bound] = (VkDescriptorBufferInfo){span.buffer->handle, span.first,
                                                span.end - span.first};
        writes[bound] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = set,
            .dstBinding = bound,
            .descriptorCount = 1,
            .descriptorType = texels ? VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER
                                     : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .pBufferInfo = texels ? NULL : &infos[bound],
            .pTexelBufferView = letter == 'h' ? &span.buffer->halves
                                : texels      ? &span.buffer->texels
                                              : NULL,
        };
        if (dispatch->bindings[bound].buffer)
            accesses[count++] = access_of(&span, letter == 'w' || letter == 'b');
    }
    gpu->vk.UpdateDescriptorSets(gpu->device, bound, writes, 0, NULL);
    return count;
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
    VB_TRY(vb_descriptor_set_take(&set, &gpu->commands.descriptors, gpu,
                                  dispatch->pipeline, err));
    vb_access accesses[VB_MAX_BINDINGS];
    const uint32_t bound = bind(gpu, dispatch, set, accesses);
    uint32_t base[2] = {0}, count[2] = {dispatch->groups[0], dispatch->groups[1]};
    base[part.axis] = part.first;
    count[part.axis] = part.count;
    const VkCommandBuffer buffer = gpu->commands.buffer;
    vb_command_open(gpu, dispatch->op, accesses, bound);
    if (part.first)
        vb_profile_same_call(gpu);
    vk->CmdBindPipeline(buffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    vk->CmdBindDescriptorSets(buffer, VK_PIPELINE_BIND_POINT_COMPUTE, layout, 0, 1,
                              &set, 0, NULL);
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

static vblip_status submit_and_wait(vb_gpu *gpu, vblip_error *err)
{
    vb_commands *commands = &gpu->commands;
    vblip_status status = VBLIP_OK;
    barrier(gpu, VK_ACCESS_HOST_READ_BIT, VK_PIPELINE_STAGE_HOST_BIT);
    VB_VK(gpu->vk.EndCommandBuffer(commands->buffer));
    const uint64_t value = commands->submitted + 1;
    const VkTimelineSemaphoreSubmitInfo timeline = {
        .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .signalSemaphoreValueCount = 1,
        .pSignalSemaphoreValues = &value,
    };
    const VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .pNext = &timeline,
        .commandBufferCount = 1,
        .pCommandBuffers = &commands->buffer,
        .signalSemaphoreCount = 1,
        .pSignalSemaphores = &commands->timeline,
    };
    const double start = vb_now_s();
    VB_VK(gpu->vk.QueueSubmit(gpu->queue, 1, &submit, VK_NULL_HANDLE));
    commands->submitted = value;
    VB_OK(vb_wait_for(gpu, value, err));
    const double took = vb_now_s() - start;
    gpu->base.running_s += took;
    vb_pace_ran(&commands->pace, took);
    return VBLIP_OK;
fail:
    return status;
}

// Runs what is recorded and waits for it.
static vblip_status run_recorded(vb_gpu *gpu, vblip_error *err)
{
    vblip_error why = {0};
    const vblip_status status = submit_and_wait(gpu, &why);
    if (status == VBLIP_OK)
        return VBLIP_OK;
    vb_wait_failed(gpu, &why);
    return vb_fail(err, status, "%s", why.message);
}

vblip_status vb_commands_flush(vb_gpu *gpu, vblip_error *err)
{
    vb_commands *commands = &gpu->commands;
    vblip_status status = VBLIP_OK;
    if (!commands->recording)
        return VBLIP_OK;
    VB_OK(vb_commands_go_on(gpu, err));
    VB_OK(run_recorded(gpu, err));
    for (uint32_t i = 0; i < commands->download_count; i++) {
        const vb_pending_download *download = &commands->downloads[i];
        memcpy(download->dst, download->src, download->bytes);
    }
    start_over(gpu);
    return vb_profile_collect(gpu, err);
fail:
    start_over(gpu);
    return status;
}

void vb_commands_settle(vb_gpu *gpu)
{
    vblip_error why = {0};
    if (vb_commands_flush(gpu, &why) != VBLIP_OK && !gpu->commands.lost.status)
        gpu->commands.lost = why;
}

vblip_status vb_commands_submit(vb_gpu *gpu, vblip_error *err)
{
    const vblip_error lost = gpu->commands.lost;
    if (!lost.status && !gpu->waiting.broken.status)
        return vb_commands_flush(gpu, err);
    vb_commands_discard(gpu);
    VB_TRY(vb_wait_check(gpu, err));
    return vb_fail(err, lost.status, "%s", lost.message);
}

void vb_commands_discard(vb_gpu *gpu)
{
    start_over(gpu);
    gpu->commands.lost = (vblip_error){0};
}
