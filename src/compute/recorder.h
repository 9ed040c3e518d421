// recorder.h - latches the first error of a list of ops, so that a forward pass need not
// look at any.
#ifndef VB_COMPUTE_RECORDER_H
#define VB_COMPUTE_RECORDER_H

#include "compute/device.h"

// One at a time per device.
struct vb_recorder {
    vb_device *device;
    vblip_status status; // what failed first
    vblip_error error;
};

vb_recorder vb_recorder_begin(vb_device *device);

// Latches a failure found by the caller; later ops are ignored.
void vb_recorder_fail(vb_recorder *rec, vblip_status status, const char *format, ...)
    VB_PRINTF(3, 4);

// Latches the failure of a call beside the recorder: what it returned, and its error.
// VBLIP_OK is none.
void vb_recorder_check(vb_recorder *rec, vblip_status status, const vblip_error *why);

// Has what was recorded run, and waits for it where it fills downloads; or reports the
// latched failure and runs nothing more. The recorder may be used again afterwards.
VB_CHECKED vblip_status vb_recorder_submit(vb_recorder *rec, vblip_error *err);

#endif // VB_COMPUTE_RECORDER_H
