#include "video_tasks/encoded.h"

#include "video_tasks/clips.h"
#include "video_tasks/job.h"

#include <stdlib.h>

// What one clip after another is encoded into.
typedef struct encoding {
    const vb_task *task;
    const vblip_job *job;
    vb_visual *visual; // owned
    float *itc;        // [projection], owned; NULL when not wanted
    vb_encoded_fn fn;
    void *user;
} encoding;

static vblip_status encode_next(void *user, const vb_clip *clip, vblip_error *err)
{
    encoding *e = user;
    const char *path = e->task->inputs[clip->input].path;
    vb_encoded encoded = {.input = clip->input, .path = path};
    if (clip->error.status != VBLIP_OK) {
        VB_TRY(vb_job_failed(e->job, clip->input, path, &clip->error, err));
        encoded.failed = true;
        return e->fn(e->user, &encoded, err);
    }
    VB_TRY(vb_clip_encode(clip, e->task, e->visual, e->job->batch, e->itc, err));
    encoded.timed = !clip->info.still;
    encoded.start_us = clip->start_us;
    encoded.end_us = clip->end_us;
    encoded.visual = e->visual;
    encoded.itc = e->itc;
    return e->fn(e->user, &encoded, err);
}

static vblip_status encode_inputs(encoding *e, uint32_t frames, bool itc,
                                  vblip_error *err)
{
    const vb_model_ops *ops = e->task->ops;
    if (itc && !(e->itc = calloc(ops->projection, sizeof *e->itc)))
        return vb_fail_memory(err, "ITC vector");
    VB_TRY(ops->visual_make(&e->visual, ops->model, err));
    return vb_clips_each(e->task, e->job, frames, encode_next, e, err);
}

vblip_status vb_encode_each(const vb_task *task, const vblip_job *job, uint32_t frames,
                            bool itc, vb_encoded_fn fn, void *user, vblip_error *err)
{
    if (task->encoded)
        return fn(user, task->encoded, err);
    encoding e = {.task = task, .job = job, .fn = fn, .user = user};
    vblip_status status = encode_inputs(&e, frames, itc, err);
    task->ops->visual_free(&e.visual);
    free(e.itc);
    return status;
}
