// allocate.h - device memory from the types that suit what it is for.
#ifndef VB_GPU_ALLOCATE_H
#define VB_GPU_ALLOCATE_H

#include "base/error.h"
#include "gpu/vk.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct vb_gpu vb_gpu;

// What memory is for: kernels, or the host's side of transfers.
typedef enum vb_memory_use { VB_FOR_KERNELS, VB_FOR_STAGING } vb_memory_use;

typedef struct vb_allocation {
    VkDeviceMemory handle;
    uint8_t *mapped; // NULL when the host cannot write it
} vb_allocation;

// Of the types in `allowed`, a bit each, the best for the use, or, where it is full, the
// next. VBLIP_ERR_MEMORY: all are.
VB_CHECKED vblip_status vb_allocate(vb_allocation *out, vb_gpu *gpu, uint64_t bytes,
                                    uint32_t allowed, vb_memory_use use,
                                    vblip_error *err);
void vb_allocation_free(vb_allocation *allocation, vb_gpu *gpu); // all-zero is fine

// Bytes that the device still has for this program: less than its largest heap where it
// can tell (VK_EXT_memory_budget).
uint64_t vb_memory_left(const vb_gpu *gpu);

#endif // VB_GPU_ALLOCATE_H
