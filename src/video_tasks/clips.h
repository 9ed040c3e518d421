// clips.h - the sampled frames of one input after another, decoded ahead.
#ifndef VB_VIDEO_TASKS_CLIPS_H
#define VB_VIDEO_TASKS_CLIPS_H

#include "video_tasks/tasks.h"

// One input: its frames, or why there are none.
typedef struct vb_clip {
    uint32_t input;           // index
    vblip_error error;        // status is not OK when the input could not be read
    vb_video_info info;       // when it could
    int64_t start_us, end_us; // the part that was sampled; 0 of an image
    vb_frame *frames;         // [count]
    uint32_t count, capacity;
    uint8_t *pixels; // [count, side, side, 3], what the frames point into
} vb_clip;

typedef struct vb_clips vb_clips;

// Reads the `count` inputs of `order`, or all of them in order when it is NULL, which
// must stay valid. Of a video `frames` frames by the rule of sampler.h; of an image one.
VB_CHECKED vblip_status vb_clips_open(vb_clips **out, const vb_task *task,
                                      const vblip_job *job, const uint32_t *order,
                                      uint32_t count, uint32_t frames,
                                      vblip_error *err);

// The next clip, valid until the next call; NULL after the last. The job is told what is
// wrong with one that could be read.
const vb_clip *vb_clips_next(vb_clips *clips);

void vb_clips_close(vb_clips **clips);

// Calls `fn` with every input of the task, in order, until a call fails; `frames` of a
// video where the job does not say how many.
typedef vblip_status (*vb_clip_fn)(void *user, const vb_clip *clip, vblip_error *err);
VB_CHECKED vblip_status vb_clips_each(const vb_task *task, const vblip_job *job,
                                      uint32_t frames, vb_clip_fn fn, void *user,
                                      vblip_error *err);

#endif // VB_VIDEO_TASKS_CLIPS_H
