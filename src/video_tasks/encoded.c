#include "video_tasks/encoded.h"

#include "video_tasks/job.h"

#include <stdlib.h>

vblip_status vb_encode_frames(const vb_task *task, vb_visual *visual,
                              const vb_frame *frames, uint32_t count, uint32_t batch,
                              float *itc, vblip_error *err)
{
    const vb_model_ops *ops = task->ops;
    VB_TRY(ops->encode(ops->model, visual, frames, count, batch, itc, err));
    if (task->counters)
        task->counters->frames_encoded += count;
    return VBLIP_OK;
}

vblip_status vb_clip_encode(const vb_clip *clip, const vb_task *task, vb_visual *visual,
                            uint32_t batch, float *itc, vblip_error *err)
{
    return vb_encode_frames(task, visual, clip->frames, clip->count, batch, itc, err);
}

static vb_encoded encoded_clip(const vb_task *task, const vb_clip *clip,
                               vb_visual *visual, const float *itc)
{
    return (vb_encoded){
        .input = clip->input,
        .path = task->inputs[clip->input].path,
        .part = clip->part,
        .parts = clip->parts,
        .failed = clip->error.status != VBLIP_OK,
        .timed = clip->error.status == VBLIP_OK && !clip->info.still,
        .start_us = clip->start_us,
        .end_us = clip->end_us,
        .visual = visual,
        .itc = itc,
    };
}

vblip_status vb_encode_first(vb_encoded *out, const vb_task *task, const vblip_job *job,
                             vb_visual *visual, float *itc, vblip_error *err)
{
    vb_clips *clips = NULL;
    static const uint32_t first[] = {0};
    const vb_clips_plan plan = {.order = first, .count = 1, .frames = job->frames};
    VB_TRY(vb_clips_open(&clips, task, job, &plan, err));
    const vb_clip *clip = vb_clips_next(clips);
    vblip_status status = clip->error.status;
    if (status == VBLIP_OK)
        status = vb_clip_encode(clip, task, visual, job->batch, itc, err);
    else
        vb_fail(err, status, "%s", clip->error.message);
    *out = encoded_clip(task, clip, visual, itc);
    vb_clips_close(&clips);
    return status;
}

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
    const vb_encoded encoded = encoded_clip(e->task, clip, e->visual, e->itc);
    if (encoded.failed)
        VB_TRY(vb_job_failed(e->job, clip->input, encoded.path, &clip->error, err));
    else
        VB_TRY(vb_clip_encode(clip, e->task, e->visual, e->job->batch, e->itc, err));
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
