// objects.h - what the handles of vblip.h are made of, and how calls are checked.
#ifndef VB_API_OBJECTS_H
#define VB_API_OBJECTS_H

#include "base/error.h"
#include "blip/model.h"
#include "checkpoint/checkpoint.h"
#include "compute/device.h"
#include "datasets/dialogs.h"
#include "decode/hwaccel.h"
#include "decode/inputs.h"
#include "index/index.h"
#include "vblip_lab.h"
#include "vblip_library.h"
#include "video_tasks/tasks.h"

struct vblip_engine {
    vb_device *device;
    vb_hwaccel *hwaccel;        // that decodes; NULL = none
    vblip_device_info info;     // its index is that of vblip_devices()
    int (*stopped)(void *user); // as in vblip_engine_options
    void *stopped_user;
};

// The calibration of a model's P(match), as it was read.
typedef struct vb_model_calibration {
    vblip_calibration read; // its path is owned; NULL = there is none
    bool named;             // by the caller: it must fit
} vb_model_calibration;

struct vblip_model {
    const vblip_engine *engine;
    vb_checkpoint *checkpoint; // stays open for vblip_model_describe
    vb_model *model;
    uint32_t tasks; // enum vblip_task: what it was loaded for
    bool raw_text;
    vblip_compat compat;
    vb_counters counters;
    vb_model_calibration calibration;
    uint64_t match_hash; // see vb_model_match_hash; 0: not asked for yet
};

struct vblip_inputs {
    vb_inputs list;
};

struct vblip_dialogs {
    vb_arena arena; // owns the list
    vb_dialogs list;
};

struct vblip_clip {
    vblip_model *model;
    vblip_input input; // its path is owned
    vb_visual *visual;
    float *itc;      // [projection]; NULL where the model has none
    uint32_t frames; // that it was made of; 0 = of an image
    vb_encoded encoded;
};

// What a task stands on: a model, and files or one clip. Points into itself.
typedef struct vb_setup {
    vb_model_ops ops;
    vb_frames frames;
    vb_task task;
    vblip_job job;
    vb_halt halt;
} vb_setup;

void vb_set_up_model(vb_setup *setup, vblip_model *model);

// A job that is a member reads the task's inputs together with others.
void vb_set_up_member(vb_setup *setup);

// A task that reads files and asks no model; the caller starts its halt, and closes its
// hwaccel.
VB_CHECKED vblip_status vb_set_up_files(vb_setup *setup, const vblip_inputs *inputs,
                                        const char *hwaccel, vblip_error *err);

// A caller's mistake unless `given`.
VB_CHECKED static inline vblip_status vb_need(bool given, const char *what,
                                              vblip_error *err)
{
    return given ? VBLIP_OK : vb_fail(err, VBLIP_ERR_ARGUMENT, "%s: missing", what);
}

// Copies what the caller knows of an options struct to `out`, `size` bytes, over zeros:
// options->size says how much that is. What a newer caller sets beyond is refused. `what`
// names the options in messages.
VB_CHECKED vblip_status vb_take_options(void *out, size_t size, const void *options,
                                        const char *what, vblip_error *err);

// The same for model options, which are checked; what is not named is what came with the
// library, NULL where it did not.
VB_CHECKED vblip_status vb_take_model(vblip_model_options *out,
                                      const vblip_model_options *options,
                                      vblip_error *err);

// The same for the job that options point at, which points to `out` then.
VB_CHECKED vblip_status vb_take_job(vblip_job *out, const vblip_job **job,
                                    vblip_error *err);

// The same for caption options, which are checked.
VB_CHECKED vblip_status vb_take_caption(vblip_caption_options *out,
                                        const vblip_caption_options **options,
                                        vblip_error *err);

// What ITM logits of a model depend on in its checkpoint, which is read at the first call.
VB_CHECKED vblip_status vb_model_match_hash(uint64_t *out, vblip_model *model,
                                            vblip_error *err);

// Reads the calibration of a model that is loaded for ITM: `option` is that of its options.
VB_CHECKED vblip_status vb_calibration_load(vblip_model *model, const char *option,
                                            vblip_error *err);
void vb_calibration_free(vb_model_calibration *calibration);

// What a call with these options goes by; NULL = softmax. One that was named and does not
// fit is VBLIP_ERR_ARGUMENT. `frames` 0 = as it was fitted for.
VB_CHECKED vblip_status vb_calibration_choose(const vblip_calibration **out,
                                              const vblip_model *model, uint32_t frames,
                                              bool itm_cls, vblip_error *err);

// Fills what is known of a calibration before anything is fitted: its file, and what it is
// fitted for.
VB_CHECKED vblip_status vb_calibration_plan(vblip_calibration *out, vb_arena *arena,
                                            const vblip_model *model,
                                            const vblip_calibrate_options *options,
                                            vblip_error *err);

// How many frames a clip may have.
VB_CHECKED vblip_status vb_check_frames(uint32_t frames, vblip_error *err);

// Refuses a job on `model` that it was not loaded for, or that no clip can serve.
VB_CHECKED vblip_status vb_check_task(const vblip_model *model, uint32_t task,
                                      const vblip_job *job, vblip_error *err);

// `what` names the texts in messages. The last of them should not fail after an hour.
VB_CHECKED vblip_status vb_check_texts(const char *const *texts, uint32_t count,
                                       const char *what, vblip_error *err);
VB_CHECKED vblip_status vb_check_retrieve(const vblip_retrieve_options *options,
                                          vblip_error *err);
// The root of an index that is open, in the arena.
VB_CHECKED vblip_status vb_index_root(char **out, vb_arena *arena, vb_index *index,
                                      vblip_error *err);
// Tells of an index that is open.
VB_CHECKED vblip_status vb_describe_index(vb_index *index, const char *path,
                                          vblip_index_info_fn fn, void *user,
                                          vblip_error *err);
// Of a text that is generated, in tokens; 0 = not given.
VB_CHECKED vblip_status vb_check_lengths(uint32_t least, uint32_t most,
                                         vblip_error *err);
VB_CHECKED vblip_status vb_check_caption_options(const vblip_caption_options *options,
                                                 vblip_error *err);

#endif // VB_API_OBJECTS_H
