// cpu.h - a vb_device on the processor's cores: products by oneDNN, everything between
// them by kernels of our own. The only door to it; api/devices.c and tests open it.
#ifndef VB_CPU_CPU_H
#define VB_CPU_CPU_H

#include "base/log.h"
#include "compute/device.h"

typedef struct vb_cpu_options {
    const char *precision; // of weights: "f32", "bf16", "auto"; NULL = auto
    uint32_t threads;      // 0 = OMP_NUM_THREADS, else as many as there are cores
    bool profile;          // keep the time of every op
    bool untested;         // no self-test
    const struct vb_kernels *kernels; // NULL = the fastest
    const char
        *weights_dir; // where weights are kept as they are laid out; NULL = nowhere
    vb_log log;       // gets the choices made
    // Asked some times a second while ops run, on the caller's thread. Not 0: the op
    // fails with VBLIP_ERR_CANCELLED. NULL = never.
    int (*stopped)(void *user);
    void *stopped_user;
} vb_cpu_options;

// VBLIP_ERR_UNSUPPORTED in a build without oneDNN, VBLIP_ERR_DEVICE when an op fails its
// self-test.
VB_CHECKED vblip_status vb_cpu_open(vb_device **out, const vb_cpu_options *options,
                                    vblip_error *err);

// What the processor is as a device, its name and driver in `texts`; false in a build
// without oneDNN.
typedef struct vb_cpu_texts {
    char name[128], driver[32];
} vb_cpu_texts;
bool vb_cpu_describe(vblip_device_info *out, vb_cpu_texts *texts);

// How often the device has asked the system for memory, of an open one.
uint64_t vb_cpu_allocations(const vb_device *device);

#endif // VB_CPU_CPU_H
