// encoded.h - clips whose frames went through the ViT: what tasks ask about.
#ifndef VB_VIDEO_TASKS_ENCODED_H
#define VB_VIDEO_TASKS_ENCODED_H

#include "video_tasks/tasks.h"

// Calls `fn` with every input of the task, in order, decoded and encoded, until a call
// fails; `frames` of a video where the job does not say how many, and with its ITC vector
// when `itc`. What cannot be read is reported to the job and then comes as `failed`. A
// task that has one encoded clip calls `fn` with that, and nothing is decoded.
typedef vblip_status (*vb_encoded_fn)(void *user, const vb_encoded *clip,
                                      vblip_error *err);
VB_CHECKED vblip_status vb_encode_each(const vb_task *task, const vblip_job *job,
                                       uint32_t frames, bool itc, vb_encoded_fn fn,
                                       void *user, vblip_error *err);

#endif // VB_VIDEO_TASKS_ENCODED_H
