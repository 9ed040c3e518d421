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

enum { VB_NO_TYPE = 32 };

// The best for the use, of the types in `allowed`, a bit each; VB_NO_TYPE: none is any good.
uint32_t vb_memory_type(const vb_gpu *gpu, uint32_t allowed, vb_memory_use use);

// Whether it is the device's own memory.
bool vb_memory_is_local(const vb_gpu *gpu, uint32_t type);

// Memory of that type, mapped where it can be and the use has any.
VkResult vb_allocate(vb_allocation *out, vb_gpu *gpu, uint64_t bytes, uint32_t type,
                     vb_memory_use use);
void vb_allocation_free(vb_allocation *allocation, vb_gpu *gpu); // all-zero is fine

// Bytes that the device still has for this program: less than its largest heap where it
// can tell (VK_EXT_memory_budget).
uint64_t vb_memory_left(const vb_gpu *gpu);

#endif // VB_GPU_ALLOCATE_H
