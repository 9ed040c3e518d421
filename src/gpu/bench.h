// bench.h - how fast the ops are, in every kernel family that the device can run and
// with weights in either precision.
#ifndef VB_GPU_BENCH_H
#define VB_GPU_BENCH_H

#include "gpu/gpu.h"

// NULL-terminated: "linear", "attention", "layernorm".
extern const char *const vb_gpu_bench_names[];

// Times the ops of one name, or of all when it is NULL. A name that is not ours is
// VBLIP_ERR_ARGUMENT. Times are of submit and wait, seen from the host.
VB_CHECKED vblip_status vb_gpu_bench(vb_device *device, const char *name,
                                     vblip_bench_fn fn, void *user, vblip_error *err);

#endif // VB_GPU_BENCH_H
