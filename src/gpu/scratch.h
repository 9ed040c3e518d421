// scratch.h - device memory for what one op's dispatches hand to each other.
#ifndef VB_GPU_SCRATCH_H
#define VB_GPU_SCRATCH_H

#include "gpu/commands.h"

// At least `bytes` of it. The next op that takes some gets the same memory: what is
// recorded stands in its own order. May flush, when it has to grow.
VB_CHECKED vblip_status vb_scratch_take(vb_span *out, vb_gpu *gpu, uint64_t bytes,
                                        vblip_error *err);

#endif // VB_GPU_SCRATCH_H
