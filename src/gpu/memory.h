// memory.h - device memory as Vulkan gives it: a buffer, its views, perhaps mapped.
//
// Knows no commands: what is made here holds anything, and what is destroyed here must be
// in no recorded command. buffers.h is what the rest of the program sees.
#ifndef VB_GPU_MEMORY_H
#define VB_GPU_MEMORY_H

#include "compute/device.h"
#include "gpu/blocks.h"
#include "gpu/vk.h"

typedef struct vb_gpu_buffer {
    vb_buffer base; // first; base.size is what was asked for
    VkBuffer handle;
    vb_piece memory;
    VkBufferView texels; // all of it as rgba32f; only where kernels read texels
    VkBufferView halves; // all of it as rgba32ui; only for panels of halves
    uint8_t *mapped;     // NULL when the host cannot write it
    uint64_t used;       // by what has run when the timeline reaches this value
} vb_gpu_buffer;

typedef struct vb_memory {
    vb_block *blocks;          // all
    uint64_t block_bytes;      // of one
    uint64_t allocations;      // how often device memory was taken so far
    uint64_t host_allocations; // the same of the host's, since the device is open
    bool mapped_buffers;       // device buffers are host-visible where the driver can
    bool told_full;            // the log knows that device memory ran out
} vb_memory;

// Memory for kernels. `name` is for messages and debuggers.
VB_CHECKED vblip_status vb_memory_make(vb_gpu_buffer **out, vb_gpu *gpu, uint64_t bytes,
                                       const char *name, vblip_error *err);

// Host memory that the device copies from and to, mapped.
VB_CHECKED vblip_status vb_memory_make_staging(vb_gpu_buffer **out, vb_gpu *gpu,
                                               uint64_t bytes, vblip_error *err);

// NULL is fine.
void vb_memory_destroy(vb_gpu_buffer *buffer);

// Lets kernels read a buffer as texels of eight halves.
VB_CHECKED vblip_status vb_memory_view_halves(vb_gpu_buffer *buffer, vblip_error *err);

static inline vb_gpu_buffer *vb_gpu_buffer_of(vb_buffer *buffer)
{
    return (vb_gpu_buffer *)buffer;
}

#endif // VB_GPU_MEMORY_H
