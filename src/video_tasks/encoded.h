// encoded.h - clips whose frames went through the ViT: what tasks ask about.
#ifndef VB_VIDEO_TASKS_ENCODED_H
#define VB_VIDEO_TASKS_ENCODED_H

#include "video_tasks/clips.h"

// Calls `fn` with every clip of the task, in order, decoded and encoded, until a call
// fails; `frames` of each where the job does not say how many, and with its ITC vector
// when `itc`. What cannot be read is reported to the job and then comes as `failed`. A
// task that has one encoded clip calls `fn` with that, and nothing is decoded.
typedef vblip_status (*vb_encoded_fn)(void *user, const vb_encoded *clip,
                                      vblip_error *err);
VB_CHECKED vblip_status vb_encode_each(const vb_task *task, const vblip_job *job,
                                       uint32_t frames, bool itc, vb_encoded_fn fn,
                                       void *user, vblip_error *err);

// Encodes frames and counts them; `itc` may be NULL.
VB_CHECKED vblip_status vb_encode_frames(const vb_task *task, vb_visual *visual,
                                         const vb_frame *frames, uint32_t count,
                                         uint32_t batch, float *itc, vblip_error *err);

// Encodes the frames of a clip that could be read; `itc` may be NULL.
VB_CHECKED vblip_status vb_clip_encode(const vb_clip *clip, const vb_task *task,
                                       vb_visual *visual, uint32_t batch, float *itc,
                                       vblip_error *err);

// Decodes and encodes the first input into `visual`, and fills `out` with it and `itc`,
// [projection] or NULL.
VB_CHECKED vblip_status vb_encode_first(vb_encoded *out, const vb_task *task,
                                        const vblip_job *job, vb_visual *visual,
                                        float *itc, vblip_error *err);

#endif // VB_VIDEO_TASKS_ENCODED_H
