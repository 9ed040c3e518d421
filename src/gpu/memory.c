#include "gpu/memory.h"

#include "gpu/context.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXEL_BYTES = 16 };

// First memory type that `allowed` admits and that has all of `flags`; UINT32_MAX: none.
static uint32_t find_type(const VkPhysicalDeviceMemoryProperties *memory,
                          uint32_t allowed, VkMemoryPropertyFlags flags)
{
    for (uint32_t i = 0; i < memory->memoryTypeCount; i++) {
        if ((allowed >> i & 1) &&
            (memory->memoryTypes[i].propertyFlags & flags) == flags)
            return i;
    }
    return UINT32_MAX;
}

// Memory that the device reads fastest, mapped where all of it can be (software, unified
// memory, resizable BAR): a window of 256 MiB is too small for weights.
static uint32_t device_type(const vb_gpu *gpu, uint32_t allowed)
{
    const VkPhysicalDeviceMemoryProperties *memory = &gpu->physical.memory;
    const VkMemoryPropertyFlags local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
    if (gpu->memory.mapped_buffers) {
        uint32_t type = find_type(memory, allowed,
                                  local | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                      VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
        if (type != UINT32_MAX &&
            memory->memoryHeaps[memory->memoryTypes[type].heapIndex].size ==
                gpu->physical.info.memory_bytes)
            return type;
    }
    uint32_t type = find_type(memory, allowed, local);
    return type != UINT32_MAX ? type : find_type(memory, allowed, 0);
}

static uint32_t host_type(const vb_gpu *gpu, uint32_t allowed)
{
    const VkMemoryPropertyFlags need =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    uint32_t type = find_type(&gpu->physical.memory, allowed,
                              need | VK_MEMORY_PROPERTY_HOST_CACHED_BIT);
    return type != UINT32_MAX ? type : find_type(&gpu->physical.memory, allowed, need);
}

void vb_memory_destroy(vb_gpu_buffer *buffer)
{
    if (!buffer)
        return;
    vb_gpu *gpu = vb_gpu_of(buffer->base.device);
    if (!gpu->waiting.running) { // else it stays, for what runs
        gpu->vk.DestroyBufferView(gpu->device, buffer->texels, NULL);
        gpu->vk.DestroyBufferView(gpu->device, buffer->halves, NULL);
        gpu->vk.DestroyBuffer(gpu->device, buffer->handle, NULL);
        gpu->vk.FreeMemory(gpu->device, buffer->memory, NULL); // unmaps
    }
    free(buffer);
}

// Takes and binds memory, and maps it when `host` or when mapped buffers are on.
static vblip_status bind_memory(vb_gpu_buffer *buffer, vb_gpu *gpu, bool host,
                                vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    VkMemoryRequirements need;
    gpu->vk.GetBufferMemoryRequirements(gpu->device, buffer->handle, &need);
    const uint32_t type = host ? host_type(gpu, need.memoryTypeBits)
                               : device_type(gpu, need.memoryTypeBits);
    if (type == UINT32_MAX)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "no memory type for a buffer");
    const VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = need.size,
        .memoryTypeIndex = type,
    };
    VB_VK(gpu->vk.AllocateMemory(gpu->device, &info, NULL, &buffer->memory));
    gpu->memory.allocations++;
    VB_VK(gpu->vk.BindBufferMemory(gpu->device, buffer->handle, buffer->memory, 0));
    const VkMemoryPropertyFlags flags =
        gpu->physical.memory.memoryTypes[type].propertyFlags;
    if (host ||
        (gpu->memory.mapped_buffers && (flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) &&
         (flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT))) {
        void *mapped = NULL;
        VB_VK(gpu->vk.MapMemory(gpu->device, buffer->memory, 0, VK_WHOLE_SIZE, 0,
                                &mapped));
        buffer->mapped = mapped;
    }
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
                                bool host, vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    const bool texels = !host && gpu->family == VB_LAVAPIPE;
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
    VB_OK(bind_memory(buffer, gpu, host, err));
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
    vblip_status status = make_buffer(out, gpu, bytes ? bytes : 1, false, err);
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
    vblip_status status = make_buffer(out, gpu, bytes, true, err);
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
