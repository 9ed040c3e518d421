// tasks.h - the pipelines: clips in, a model asked, results out.
//
// Nothing here knows files, devices or checkpoints, so that every task runs in a test
// with made-up frames and a made-up model.
#ifndef VB_VIDEO_TASKS_TASKS_H
#define VB_VIDEO_TASKS_TASKS_H

#include <stdatomic.h>

#include "base/segmenting.h"
#include "index/index.h"
#include "vblip_lab.h"
#include "video_tasks/frames.h"
#include "video_tasks/halt.h"
#include "video_tasks/model_ops.h"

// A clip whose frames are encoded, or an input, or the rest of one, that could not be read.
typedef struct vb_encoded {
    uint32_t input; // index
    const char *path;
    uint32_t part, parts; // the part-th of the input's segments, from 0
    bool failed;          // it could not be read: there is nothing else
    bool timed;           // a video: start and end mean something
    int64_t start_us, end_us;
    vb_visual *visual;
    const float *itc; // [projection]; NULL unless it was asked for
} vb_encoded;

// What was done, by any thread.
typedef struct vb_counters {
    atomic_uint_least64_t frames_decoded, frames_encoded;
} vb_counters;

// What every task works with.
typedef struct vb_task {
    const vb_model_ops *ops;
    const vb_frames *frames;
    const vblip_input *inputs;
    uint32_t input_count;
    int64_t start_us, end_us; // the part of a video that counts; end 0 = to its end
    const vb_segment *spans;  // [input_count], instead that of each; NULL
    const vb_segmenting *segmenting; // its clips; NULL: that part is one
    const vb_encoded *encoded;  // NULL, or a clip asked about instead of the inputs
    struct vb_hwaccel *hwaccel; // that decodes; NULL = the processor
    vb_counters *counters;      // NULL = nobody counts
    vb_halt *halt;              // NULL = nobody stops it but callbacks of the job
    const vblip_calibration *calibration; // of P(match); NULL = softmax
} vb_task;

// See the functions of vblip.h that they serve. `options` is never NULL; zero fields
// still mean the defaults.
VB_CHECKED vblip_status vb_task_retrieve(const vb_task *task,
                                         const char *const *queries, uint32_t count,
                                         const vblip_retrieve_options *options,
                                         vblip_hit_fn fn, void *user, vblip_error *err);

VB_CHECKED vblip_status vb_task_match(const vb_task *task, const char *const *texts,
                                      uint32_t count,
                                      const vblip_match_options *options,
                                      vblip_match_fn fn, void *user, vblip_error *err);

VB_CHECKED vblip_status vb_task_reason(const vb_task *task,
                                       const char *const *statements, uint32_t count,
                                       const vblip_reason_options *options,
                                       vblip_reason_fn fn, void *user,
                                       vblip_error *err);

VB_CHECKED vblip_status vb_task_ask(const vb_task *task, const char *const *questions,
                                    uint32_t count, const vblip_ask_options *options,
                                    vblip_answer_fn fn, void *user, vblip_error *err);

// How the texts that `options` ask for are written.
vb_caption_params vb_caption_params_of(const vblip_caption_options *options);

VB_CHECKED vblip_status vb_task_caption(const vb_task *task,
                                        const vblip_caption_options *options,
                                        vblip_caption_fn fn, void *user,
                                        vblip_error *err);

VB_CHECKED vblip_status vb_task_dialog(const vb_task *task, const vb_dialog *dialogs,
                                       uint32_t count, const vblip_job *job,
                                       vblip_dialog_fn fn, void *user,
                                       vblip_error *err);

// Needs no model. `threads` decode; 0 = by cores.
VB_CHECKED vblip_status vb_task_shots(const vb_task *task, const vblip_job *job,
                                      uint32_t threads, vblip_shot_fn fn, void *user,
                                      vblip_error *err);

// Whether a feature is of inputs, and of texts.
bool vb_feature_of_inputs(vblip_feature feature);
bool vb_feature_of_texts(vblip_feature feature);

VB_CHECKED vblip_status vb_task_embed(const vb_task *task, vblip_feature feature,
                                      const char *const *texts, uint32_t count,
                                      const vblip_job *job, vblip_features_fn fn,
                                      void *user, vblip_error *err);

#endif // VB_VIDEO_TASKS_TASKS_H
