// bench.h - how fast the ops are on a device, with each of its sets of kernels and each
// type that it stores weights in.
#ifndef VB_COMPUTE_BENCH_H
#define VB_COMPUTE_BENCH_H

#include "compute/device.h"

// NULL-terminated: "linear", "attention", "absorbed", "layernorm".
extern const char *const vb_device_bench_names[];

// Times the ops of one name, or of all when it is NULL. An unknown name is
// VBLIP_ERR_ARGUMENT. Times are of one op behind another, many in a submit: recording them
// and the way to the device and back are not part of it.
VB_CHECKED vblip_status vb_device_bench(vb_device *device, const char *name,
                                        vblip_bench_fn fn, void *user,
                                        vblip_error *err);

#endif // VB_COMPUTE_BENCH_H
