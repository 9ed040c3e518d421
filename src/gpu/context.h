// context.h - the vb_device of this layer, seen from inside.
#ifndef VB_GPU_CONTEXT_H
#define VB_GPU_CONTEXT_H

#include "compute/device.h"
#include "compute/team.h"
#include "gpu/buffers.h"
#include "gpu/cache.h"
#include "gpu/commands.h"
#include "gpu/compile.h"
#include "gpu/debug.h"
#include "gpu/gpu.h"
#include "gpu/instance.h"
#include "gpu/matrix.h"
#include "gpu/memory.h"
#include "gpu/physical.h"
#include "gpu/pipelines.h"
#include "gpu/profile.h"
#include "gpu/scratch.h"
#include "gpu/submission.h"
#include "gpu/transfer.h"
#include "gpu/variants.h"
#include "gpu/waiting.h"

typedef struct vb_gpu {
    vb_device base; // first
    vb_instance instance;
    vb_physical physical;
    enum vb_family family; // the kernels in use
    uint32_t variants;     // vb_variant_bit: of these, what ops choose among
    uint32_t sound;        // the same where nothing else is asked for
    vb_vk vk;              // device functions included
    VkDevice device;
    VkQueue queue;
    vb_log log;
    int (*stopped)(void *user); // NULL = never
    void *stopped_user;
    vb_memory memory;
    vb_pipelines pipelines;
    vb_compiled compiled;
    vb_submissions submissions;
    vb_commands commands;
    vb_gpu_buffer *scratch; // NULL until an op needs it: scratch.h
    vb_waiting waiting;
    vb_profile profile;
    vb_cache cache;
    bool loading;     // between vb_gpu_weights_begin and _end
    bool loaded;      // a model was
    vb_team *team;    // meanwhile; NULL when it could not be opened
    uint32_t threads; // of the team
} vb_gpu;

// What a test takes away from a device, to run the path that does without it, or forces
// upon it.
typedef struct vb_gpu_mask {
    bool mapped_buffers;   // takes away device buffers that the host can write
    uint64_t broken;       // vb_verdict_bit: kernels that fail the self-test
    uint64_t losing;       // the same: that lose the device in it
    bool prefers_f16;      // what "auto" stores weights in
    bool subgroup_sums;    // takes away sums over the lanes of a subgroup
    bool push_descriptors; // takes away descriptors without sets
    bool untested;         // no self-test: for tests that open many devices
} vb_gpu_mask;

VB_CHECKED vblip_status vb_gpu_open_masked(vb_device **out,
                                           const vb_gpu_options *options,
                                           const vb_gpu_mask *mask, vblip_error *err);

static inline vb_gpu *vb_gpu_of(vb_device *device)
{
    return (vb_gpu *)device;
}

#endif // VB_GPU_CONTEXT_H
