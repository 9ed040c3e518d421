// debug.h - names for what the driver's messages and debuggers show.
#ifndef VB_GPU_DEBUG_H
#define VB_GPU_DEBUG_H

#include "gpu/vk.h"

typedef struct vb_gpu vb_gpu;

// Names a Vulkan object, when labels are on.
void vb_gpu_name(vb_gpu *gpu, VkObjectType type, uint64_t handle, const char *name);

#endif // VB_GPU_DEBUG_H
