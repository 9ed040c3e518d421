#include "gpu/memory.h"

#include "gpu/context.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXEL_BYTES = 16 };

void vb_memory_destroy(vb_gpu_buffer *buffer)
{
    if (!buffer)
        return;
    vb_gpu *gpu = vb_gpu_of(buffer->base.device);
    if (!gpu->waiting.running) { // else it stays, for what runs
        gpu->vk.DestroyBufferView(gpu->device, buffer->texels, NULL);
        gpu->vk.DestroyBufferView(gpu->device, buffer->halves, NULL);
        gpu->vk.DestroyBuffer(gpu->device, buffer->handle, NULL);
    }
    vb_piece_give(&buffer->memory, gpu);
    free(buffer);
}

static vblip_status bind_memory(vb_gpu_buffer *buffer, vb_gpu *gpu, vb_memory_use use,
                                vblip_error *err)
{
    vb_piece *memory = &buffer->memory;
    vblip_status status = VBLIP_OK;
    VkMemoryRequirements need;
    gpu->vk.GetBufferMemoryRequirements(gpu->device, buffer->handle, &need);
    VB_TRY(vb_piece_take(memory, gpu, &need, use, err));
    VB_VK(gpu->vk.BindBufferMemory(gpu->device, buffer->handle, memory->memory,
                                   memory->offset));
    buffer->mapped = memory->mapped;
fail:
    return status;
}

static vblip_status make_view(VkBufferView *out, const vb_gpu_buffer *buffer,
                              VkFormat format, vblip_error *err)
{
    vb_gpu *gpu = vb_gpu_of(buffer->base.device);
    vblip_status status = VBLIP_OK;
    const VkBufferViewCreateInfo view = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
        .buffer = buffer->handle,
        .format = format,
        .range = VK_WHOLE_SIZE,
    };
    VB_VK(gpu->vk.CreateBufferView(gpu->device, &view, NULL, out));
fail:
    return status;
}

static vblip_status make_buffer(vb_gpu_buffer **out, vb_gpu *gpu, uint64_t bytes,
                                vb_memory_use use, vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    const bool texels = use == VB_FOR_KERNELS && gpu->family == VB_LAVAPIPE;
    gpu->memory.host_allocations++;
    vb_gpu_buffer *buffer = calloc(1, sizeof *buffer);
    if (!buffer)
        return vb_fail_memory(err, "buffer");
    buffer->base = (vb_buffer){.device = &gpu->base, .size = bytes};
    const VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = (bytes + TEXEL_BYTES - 1) / TEXEL_BYTES * TEXEL_BYTES,
        .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                 VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                 (texels ? VK_BUFFER_USAGE_STORAGE_TEXEL_BUFFER_BIT : 0u),
        .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
    };
    VB_VK(gpu->vk.CreateBuffer(gpu->device, &info, NULL, &buffer->handle));
    VB_OK(bind_memory(buffer, gpu, use, err));
    if (texels)
        VB_OK(make_view(&buffer->texels, buffer, VK_FORMAT_R32G32B32A32_SFLOAT, err));
    *out = buffer;
    return VBLIP_OK;
fail:
    vb_memory_destroy(buffer);
    return status;
}

vblip_status vb_memory_make(vb_gpu_buffer **out, vb_gpu *gpu, uint64_t bytes,
                            const char *name, vblip_error *err)
{
    *out = NULL;
    vblip_status status = make_buffer(out, gpu, bytes ? bytes : 1, VB_FOR_KERNELS, err);
    if (status != VBLIP_OK) {
        char subject[128];
        snprintf(subject, sizeof subject, "%s: %llu bytes", name,
                 (unsigned long long)bytes);
        vb_error_prefix(err, subject);
        return status;
    }
    vb_gpu_name(gpu, VK_OBJECT_TYPE_BUFFER, (uint64_t)(uintptr_t)(*out)->handle, name);
    return VBLIP_OK;
}

vblip_status vb_memory_make_staging(vb_gpu_buffer **out, vb_gpu *gpu, uint64_t bytes,
                                    vblip_error *err)
{
    *out = NULL;
    vblip_status status = make_buffer(out, gpu, bytes, VB_FOR_STAGING, err);
    if (status == VBLIP_OK)
        vb_gpu_name(gpu, VK_OBJECT_TYPE_BUFFER, (uint64_t)(uintptr_t)(*out)->handle,
                    "staging");
    else
        vb_error_prefix(err, "staging");
    return status;
}

vblip_status vb_memory_view_halves(vb_gpu_buffer *buffer, vblip_error *err)
{
    return make_view(&buffer->halves, buffer, VK_FORMAT_R32G32B32A32_UINT, err);
}
