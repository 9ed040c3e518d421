#include "gpu/debug.h"

#include "gpu/context.h"

void vb_gpu_name(vb_gpu *gpu, VkObjectType type, uint64_t handle, const char *name)
{
    if (!gpu->instance.labels)
        return;
    const VkDebugUtilsObjectNameInfoEXT info = {
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_OBJECT_NAME_INFO_EXT,
        .objectType = type,
        .objectHandle = handle,
        .pObjectName = name,
    };
    // A name that could not be given harms nothing.
    (void)gpu->vk.SetDebugUtilsObjectNameEXT(gpu->device, &info);
}
