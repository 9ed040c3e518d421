// gpu.h - a vb_device on Vulkan. The only door to Vulkan; only api/devices.c and tests
// open it.
#ifndef VB_GPU_GPU_H
#define VB_GPU_GPU_H

#include "base/log.h"
#include "compute/device.h"

typedef struct vb_gpu_options {
    const char *device;    // index, part of a name, "auto"; NULL = auto
    const char *kernels;   // "simt", "lavapipe", "coopmat", "auto"; NULL = auto
    const char *precision; // weights are stored in: "f32", "f16", "auto"; NULL = auto
    const char *cache_dir; // remembers pipelines and self-test verdicts; NULL = none
    bool validate;         // Khronos validation layer, synchronisation checks included
    bool profile;          // timestamps around every op
    vb_log log;            // gets validation messages and the choices made
    // Asked before each submit, which is of about a quarter of a second, before each matrix,
    // and each second that a submit takes. Not 0: nothing more is submitted (up to three
    // that were run on), and what was recorded fails with VBLIP_ERR_CANCELLED. So does a
    // submit that goes on for ten seconds all the same, and then the device is of no use any
    // more. NULL = never.
    int (*stopped)(void *user);
    void *stopped_user;
} vb_gpu_options;

VB_CHECKED vblip_status vb_gpu_open(vb_device **out, const vb_gpu_options *options,
                                    vblip_error *err);

// Every Vulkan device, in the order in which "auto" tries them.
VB_CHECKED vblip_status vb_gpu_list(vblip_device_fn fn, void *user, vblip_error *err);

// What a device has asked of the driver and the system since it was opened. After warm-up
// only submits and waits go on.
typedef struct vb_gpu_counts {
    uint64_t submits, waits; // waits: for one of them, or for room to record the next
    uint64_t allocations;    // of device memory, and of memory for transfers
    uint64_t host_allocations;
    uint64_t pipelines;       // compiled
    uint64_t descriptor_sets; // made
} vb_gpu_counts;
vb_gpu_counts vb_gpu_count(const vb_device *device);

// How many messages the validation layer has given so far; 0 without `validate`.
uint64_t vb_gpu_validation_messages(const vb_device *device);

#endif // VB_GPU_GPU_H
