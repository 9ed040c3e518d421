// instance.h - the Vulkan instance: layers, labels, messages.
#ifndef VB_GPU_INSTANCE_H
#define VB_GPU_INSTANCE_H

#include "base/log.h"
#include "gpu/vk.h"

#include <stdatomic.h>

// Must not move while open: the messenger keeps its address.
typedef struct vb_instance {
    vb_vk vk; // without the device's functions
    VkInstance handle;
    VkDebugUtilsMessengerEXT messenger;
    vb_log log;
    bool labels; // VK_EXT_debug_utils is on
    atomic_uint_fast64_t validation_messages;
} vb_instance;

typedef struct vb_instance_options {
    const char *loader; // library; NULL = the system's
    bool validate;      // Khronos validation with synchronisation checks
    bool labels;        // debug names and labels, where the loader has them
    vb_log log;
} vb_instance_options;

VB_CHECKED vblip_status vb_instance_open(vb_instance *instance,
                                         const vb_instance_options *options,
                                         vblip_error *err);
void vb_instance_close(vb_instance *instance); // all-zero is fine

#endif // VB_GPU_INSTANCE_H
