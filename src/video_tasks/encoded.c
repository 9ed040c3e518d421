#include "video_tasks/encoded.h"

#include "video_tasks/clip_encoder.h"
#include "video_tasks/job.h"

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

static vblip_status encode_next(const vb_task *task, const vblip_job *job,
                                vb_clip_encoder *encoder, const vb_clip *clip,
                                vb_encoded_fn fn, void *user, vblip_error *err)
{
    vb_encoding none = {0}, *got = &none;
    const char *path = task->inputs[clip->input].path;
    if (clip->error.status != VBLIP_OK)
        VB_TRY(vb_job_failed(job, clip->input, path, &clip->error, err));
    else
        VB_TRY(vb_clip_encoder_encode(&got, encoder, err));
    const vb_encoded encoded = encoded_clip(task, clip, got->visual, got->itc);
    return fn(user, &encoded, err);
}

vblip_status vb_encode_each(const vb_task *task, const vblip_job *job, uint32_t frames,
                            bool itc, vb_encoded_fn fn, void *user, vblip_error *err)
{
    if (task->encoded)
        return fn(user, task->encoded, err);
    const vb_clips_plan plan = {
        .frames = job->frames ? job->frames : frames,
        .segmenting = task->segmenting,
    };
    vb_clip_encoder *encoder = NULL;
    VB_TRY(vb_clip_encoder_open(&encoder, task, job, &plan, itc, err));
    vblip_status status = VBLIP_OK;
    const vb_clip *clip = NULL;
    while (status == VBLIP_OK && (clip = vb_clip_encoder_next(encoder)))
        status = encode_next(task, job, encoder, clip, fn, user, err);
    vb_clip_encoder_close(&encoder);
    return status;
}
