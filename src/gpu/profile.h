// profile.h - how often each op ran, and how long the device took over it.
#ifndef VB_GPU_PROFILE_H
#define VB_GPU_PROFILE_H

#include "compute/device.h"
#include "gpu/vk.h"

typedef struct vb_gpu vb_gpu;

enum { VB_PROFILE_OPS = 32, VB_PROFILE_SPANS = 1024 };

// The commands of a submission.
typedef struct vb_profile_spans {
    VkQueryPool queries; // a pair per span; none = off
    uint32_t count;
    uint8_t op_of[VB_PROFILE_SPANS];  // index into the profile's ops
    bool same_call[VB_PROFILE_SPANS]; // as the span before
} vb_profile_spans;

// Off when all-zero.
typedef struct vb_profile {
    bool on;
    vblip_op_time ops[VB_PROFILE_OPS]; // names are constants
    uint32_t op_count;
} vb_profile;

VB_CHECKED vblip_status vb_profile_open(vb_gpu *gpu, vblip_error *err);
void vb_profile_close(vb_gpu *gpu);

// In the command buffer that is recorded: at its start, and around each op.
void vb_profile_reset(vb_gpu *gpu);
void vb_profile_begin(vb_gpu *gpu, const char *op);
void vb_profile_end(vb_gpu *gpu);

// What was begun is a further piece of the call before, not another call.
void vb_profile_same_call(vb_gpu *gpu);

// Forgets what was counted so far.
void vb_profile_clear(vb_gpu *gpu);

// True when the command buffer must be submitted before the next op.
bool vb_profile_full(const vb_gpu *gpu);

// After the commands have run.
VB_CHECKED vblip_status vb_profile_collect(vb_gpu *gpu, vb_profile_spans *spans,
                                           vblip_error *err);

// What each op has cost, of commands that were collected.
VB_CHECKED vblip_status vb_profile_tell(const vb_gpu *gpu, vblip_op_time_fn fn,
                                        void *user, vblip_error *err);

#endif // VB_GPU_PROFILE_H
