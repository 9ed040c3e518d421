// model_fixture.h - seeded checkpoints on a device, and the golden vectors they must give.
#ifndef SUPPORT_MODEL_FIXTURE_H
#define SUPPORT_MODEL_FIXTURE_H

#include "blip/model_internal.h"
#include "support/json_file.h"
#include "support/tensor_file.h"

// What a test executable was called with: CONFIG ("tiny", "small", "wide") and DEVICE
// ("ref", "cpu" or a kernel family of Vulkan, with "-f16" or "-bf16" for weights in these).
// All tests of a run share it.
typedef struct model_fixture {
    const char *config;
    vb_device *device;
    vb_dtype weights; // what they are stored in: other tolerances but for VB_F32
    uint32_t every;   // of many golden cases, each n-th is enough: the device is slow
    cJSON *manifest;
    tensor_file vectors;
} model_fixture;

// Which of the tolerances, for f32, f16 and bf16, holds for the weights.
double fixture_atol(const model_fixture *f, const double atol[3]);

// Opens what argv names; exits with a message, or, where there is no such device, with
// 77, which ctest takes for skipped; not where the environment has CI.
void fixture_open(model_fixture *f, int argc, char **argv);
void fixture_close(model_fixture *f);

// The seeded checkpoint CONFIG-TASK, a folder or a file, and the model in it, or the test
// fails. `image_size` of 0 = the checkpoint's own.
vb_checkpoint *fixture_checkpoint(const model_fixture *f, const char *task,
                                  uint32_t image_size);
vb_model *fixture_model(const model_fixture *f, const char *task);
vb_model *fixture_model_like(const model_fixture *f, const char *task,
                             vblip_compat compat);

// Formula images first .. first + count - 1 of the model's size, in one allocation that
// is freed with frames[0].rgb. `frames` has room for them.
void fixture_frames(vb_frame *frames, uint32_t side, uint32_t first, uint32_t count);

// The whole golden tensor `name`, widened; free() it. `count` may be NULL.
float *fixture_vector(const model_fixture *f, const char *name, size_t *count);
const int32_t *fixture_ints(const model_fixture *f, const char *name, size_t *count);

// Fails unless `got` is the golden tensor `name` within its tolerance: in float that of
// the manifest, else that of support/reduced_bounds.h.
void fixture_expect(const model_fixture *f, const char *name, const float *got,
                    size_t count);

// Entry `index` of the manifest's list `name`.
const char *fixture_text(const model_fixture *f, const char *name, uint32_t index);

// Submits, or fails the test with what went wrong.
void fixture_submit(vb_recorder *rec);

// The values of `t`, any strides, after everything recorded before; free() them.
float *fixture_values(vb_recorder *rec, vb_pool *pool, vb_tensor t);

// Fails unless `t`, which halves hold on some devices, is far from what they cannot: less
// than 30000 in size, in every element.
void fixture_expect_small(vb_recorder *rec, vb_pool *pool, const char *name,
                          vb_tensor t);

// Fails the test with `err` unless `status` is VBLIP_OK.
void fixture_ok(vblip_status status, const vblip_error *err);

#endif // SUPPORT_MODEL_FIXTURE_H
