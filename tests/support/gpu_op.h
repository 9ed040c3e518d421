// gpu_op.h - runs one op on a Vulkan device, or on the processor, and judges it against
// double precision.
//
// Every tensor lies in a buffer of its own between guard bands, its rows perhaps apart;
// whatever is not the tensor must come back untouched. On Vulkan the validation layer is
// on, and any message of it fails the test.
#ifndef GPU_OP_H
#define GPU_OP_H

#include "compute/ops.h"
#include "compute/recorder.h"
#include "gpu/context.h"
#include "gpu/gpu.h"

#include <stddef.h>

// The families that the device at hand can run, NULL-terminated.
const char *const *gpu_families(void);

// The same, "cpu" where the build has it, and the variants of `op` that the device at hand
// can run (gpu/variants.h).
const char *const *op_devices(const char *op);

// Types that weights can be stored in there, NULL-terminated.
const char *const *op_precisions(const char *device);

// The last of them.
const char *op_narrowest(const char *device);

typedef struct gpu_fixture {
    vb_device *device;
    bool vulkan;
    const char *kernels, *precision; // as asked for
    bool pieces;                     // gpu_in_pieces
    vb_recorder rec;
} gpu_fixture;

// Fails the test when there is no device.
gpu_fixture gpu_open(const char *kernels); // or "cpu", or a variant
gpu_fixture gpu_open_in(const char *kernels, const char *precision);
void gpu_open_masked(gpu_fixture *out, const vb_gpu_options *options,
                     const vb_gpu_mask *mask);

// Each op recorded from now on runs in as many pieces as it has, which get longer: on
// Vulkan.
void gpu_in_pieces(gpu_fixture *fx);

// Submits whatever is recorded and checks that the validation layer was silent.
void gpu_submit(gpu_fixture *fx);
void gpu_close(gpu_fixture *fx);

typedef struct gpu_operand {
    vb_buffer *buffer;
    vb_tensor t;
    uint32_t *words; // the whole buffer as it was uploaded
    size_t count;
} gpu_operand;

// What the elements are drawn from: mean + spread * (uniform in -1 .. 1).
typedef struct gpu_values {
    uint32_t seed;
    float mean, spread;
} gpu_values;

// [batch, rows, cols] with `gap` elements after every row.
gpu_operand gpu_floats(gpu_fixture *fx, uint32_t batch, uint32_t rows, uint32_t cols,
                       uint32_t gap, gpu_values values);
// The same, rounded to `type`: VB_F32, VB_F16 or VB_BF16.
gpu_operand gpu_typed(gpu_fixture *fx, vb_dtype type, uint32_t batch, uint32_t rows,
                      uint32_t cols, uint32_t gap, gpu_values values);
// `data` has batch * rows * cols elements of `type`.
gpu_operand gpu_data(gpu_fixture *fx, vb_dtype type, uint32_t batch, uint32_t rows,
                     uint32_t cols, const void *data);
void gpu_operand_free(gpu_operand *operand);

// The elements of `operand` as uploaded, packed; malloc'd.
float *gpu_packed(const gpu_operand *operand);

// Fails the test, naming `what`, unless the device's elements are within `max_nmse` of
// `want` and nothing around them changed. Submits.
void gpu_check(gpu_fixture *fx, const gpu_operand *operand, const double *want,
               double max_nmse, const char *what);

// A matrix of [rows, cols] with the values of `data`, which become those that the device
// stores.
vb_matrix *gpu_matrix(gpu_fixture *fx, float *data, uint32_t rows, uint32_t cols,
                      uint32_t uses);

// Makes of the operand of a product what the device does: with weights in bf16 it is
// rounded too.
void gpu_round(const gpu_fixture *fx, float *data, size_t count);

// The same of rows of x that linear multiplies with a matrix [out, in]: matrices of halves
// have it rounded to those.
void gpu_round_factor(const gpu_fixture *fx, float *data, size_t lines, uint32_t in,
                      uint32_t out);

// The nmse that rounding an output to `type` adds: to the nearest, uniform values are off
// by 4e-8 in halves and by 64 times that in bf16.
double gpu_rounding(vb_dtype type);

float *gpu_random(size_t count, gpu_values values); // malloc'd
void *gpu_alloc(size_t count, size_t size);

#endif // GPU_OP_H
