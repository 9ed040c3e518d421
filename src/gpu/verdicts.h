// verdicts.h - which of a device's kernels compute what they should on this driver: found
// out once, and then remembered by the cache file; without one, found out by every device.
#ifndef VB_GPU_VERDICTS_H
#define VB_GPU_VERDICTS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct vb_gpu vb_gpu;
typedef struct vb_gpu_mask vb_gpu_mask;

typedef enum vb_soundness {
    VB_SOUND,   // the device has what its family needs, and chooses among what passed
    VB_UNSOUND, // it has not: vb_verdicts_why
    VB_LOST // a kernel took the device with it: now that this is known, open it again
} vb_soundness;

// Tests what has no verdict yet: with weights of the device's type, all variants that it
// can run in its family.
VB_CHECKED vblip_status vb_verdicts_reach(vb_soundness *out, vb_gpu *gpu,
                                          const vb_gpu_mask *mask, vblip_error *err);

// From now on ops choose among `variants` (vb_variant_bit).
void vb_variants_use(vb_gpu *gpu, uint32_t variants);

// Why a device is VB_UNSOUND.
void vb_verdicts_why(const vb_gpu *gpu, vblip_error *why);

#endif // VB_GPU_VERDICTS_H
