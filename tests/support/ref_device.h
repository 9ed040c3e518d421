// ref_device.h - a vb_device of plain C floats, for tests without a driver.
//
// Ops run when they are recorded; downloads arrive at submit, as on a real device, so
// that a result read too early is seen.
#ifndef REF_DEVICE_H
#define REF_DEVICE_H

#include "compute/device.h"

typedef struct ref_device_options {
    uint64_t max_buffer_bytes; // 0 = 128 MiB, the least that Vulkan promises
    uint64_t fail_after; // > 0: the n-th buffer or matrix made is VBLIP_ERR_MEMORY
} ref_device_options;

typedef struct ref_device_stats {
    uint64_t allocations;   // buffers and matrices made so far
    uint64_t alive;         // those not yet freed
    uint64_t ops, submits;  // so far
    uint64_t largest_bytes; // the largest buffer so far
    uint64_t loaded;        // elements of matrices made and tensors uploaded
    uint64_t downloaded;    // bytes
} ref_device_stats;

VB_CHECKED vblip_status ref_device_open(vb_device **out,
                                        const ref_device_options *options,
                                        vblip_error *err);
ref_device_stats ref_device_look(const vb_device *device);

// The n-th allocation from now on fails; 0 = none does.
void ref_device_fail_after(vb_device *device, uint64_t n);

#endif // REF_DEVICE_H
