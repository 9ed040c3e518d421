// selftest.h - every op of a device once on seeded input, against committed answers in
// double.
//
// Drivers are known to compute wrongly without a word. The cases run on any device,
// through the ops. The answers are in selftest_expected.h; unit.selftest computes them
// again with tests/support/ref_ops.c, from the inputs that the functions here give.
#ifndef VB_COMPUTE_SELFTEST_H
#define VB_COMPUTE_SELFTEST_H

#include "compute/device.h"

enum { VB_SELFTEST_SAMPLES = 48 }; // elements compared of each output

// One op and one shape. The sizes mean what compute/ops.h says of the op.
typedef struct vb_selftest_case {
    const char *op;                       // "linear"
    const char *name;                     // the case: "linear, few rows"
    uint32_t batch, rows, cols, out_cols; // shape of x; columns of y, if others
    uint32_t keys, heads;                 // attention, absorbed or not
    float mean, spread;                   // x is uniform around the mean
    double bound;                         // largest nmse that passes
    bool narrow; // activations in the type that the device keeps them in; else floats
} vb_selftest_case;

extern const vb_selftest_case vb_selftest_cases[];
extern const uint32_t vb_selftest_case_count;

// How many of the cases the device can run, with weights in the type in use.
uint32_t vb_selftest_count(const vb_device *device);

// Uniform in mean - spread .. mean + spread.
void vb_selftest_fill(float *values, size_t count, uint32_t seed, float mean,
                      float spread);

// Weights in -0.5 .. 0.5, seeded too, that f16 holds exactly: so the answers are the same
// whatever type they are stored in.
void vb_selftest_weights(float *values, size_t count);

// Which element of an output of `count` the n-th sample is.
size_t vb_selftest_sample(size_t n, size_t count);

// Runs the cases of `op`, NULL: all, with weights as the device stores them, and tells
// `fn` of each, before and after; NULL = nobody. `ok` is false when any fails; a failure to
// run at all is an error.
VB_CHECKED vblip_status vb_selftest_run(bool *ok, vb_device *device, const char *op,
                                        vblip_check_fn fn, void *user,
                                        vblip_error *err);

// The same of all ops and then, for each other type that the device can store weights in,
// the cases that read any, or have activations in it; and of each variant of an op that the device has beside its own,
// with each type that it is for, the cases of that op.
VB_CHECKED vblip_status vb_selftest_report(vb_device *device, vblip_check_fn fn,
                                           void *user, vblip_error *err);

#endif // VB_COMPUTE_SELFTEST_H
