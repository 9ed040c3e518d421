// waiting.h - waits for what was submitted, and knows when the device is of no use any more.
#ifndef VB_GPU_WAITING_H
#define VB_GPU_WAITING_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct vb_gpu vb_gpu;

// In seconds. A submit is meant to take a quarter of one (pace.h), and the first some more,
// for compiling.
enum {
    VB_WAIT_TOLD = 10,    // then the log says that a submit takes long
    VB_WAIT_STOPPED = 10, // of waiting while the caller wants to stop
    VB_WAIT_MOST = 600    // of waiting for any submit
};

// All-zero: the device works.
typedef struct vb_waiting {
    vblip_error broken; // why nothing is recorded or submitted any more
    uint64_t waits;     // for submits, so far
    bool running;       // what was submitted may still run: nothing that it uses goes
} vb_waiting;

// Waits until the timeline reaches `value`. Not in time: VBLIP_ERR_DEVICE, or
// VBLIP_ERR_CANCELLED where the caller wants to stop; the device is broken then.
VB_CHECKED vblip_status vb_wait_for(vb_gpu *gpu, uint64_t value, vblip_error *err);

// After a failed submit or wait, for `why`: leaves nothing running on memory that is about
// to be used again, or leaves the device broken.
void vb_wait_failed(vb_gpu *gpu, const vblip_error *why);

// What broke the device, the first error: for all that would use it again.
VB_CHECKED vblip_status vb_wait_check(const vb_gpu *gpu, vblip_error *err);

#endif // VB_GPU_WAITING_H
