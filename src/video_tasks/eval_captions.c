// eval_captions.c - captions for every annotation (blip-spec 6.4). Those of images that
// follow each other are written side by side.
#include "video_tasks/encoded.h"
#include "video_tasks/eval.h"
#include "video_tasks/job.h"

#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 8, DEFAULT_FRAMES = 16 }; // frames

typedef struct captions_run {
    const vb_eval *eval;
    vb_caption_params params;
    vb_meter meter;
    uint32_t unreadable; // inputs
    vb_visual *visual;

    uint32_t most;             // frames that wait
    uint8_t *rgb;              // [most, side, side, 3]
    vb_frame frames[AT_ONCE];  // of all clips that wait
    uint32_t inputs[AT_ONCE];  // of these clips
    uint32_t clips, clip_size; // how many, and frames of each
} captions_run;

// The predictions of all annotations of a clip.
static vblip_status tell_caption(captions_run *r, uint32_t input, const char *text,
                                 vblip_error *err)
{
    const vb_eval_set *set = r->eval->set;
    const vblip_eval_options *options = r->eval->options;
    for (uint32_t i = set->first[input]; i < set->first[input + 1]; i++) {
        const vb_annotation *a = &set->annotations.items[set->order[i]];
        const vblip_prediction p = {
            .id = a->has_id ? a->id : (uint64_t)set->order[i] + 1,
            .input = input,
            .path = set->inputs[input].path,
            .text = text,
        };
        if (options->predicted && options->predicted(options->user, &p))
            return vb_fail_cancelled(err);
    }
    return vb_meter_add(&r->meter, set->inputs[input].path,
                        vb_eval_set_count(set, input), err);
}

// A caption of each of `clips` clips, whose `count` frames follow each other.
static vblip_status caption_clips(captions_run *r, const vb_frame *frames,
                                  uint32_t count, const uint32_t *inputs,
                                  uint32_t clips, vblip_error *err)
{
    const vb_task *task = r->eval->task;
    vb_generated out[AT_ONCE] = {0};
    VB_TRY(vb_encode_frames(task, r->visual, frames, count,
                            vb_job(r->eval->options->job)->batch, NULL, err));
    vblip_status status = task->ops->captions(task->ops->model, r->visual, &r->params,
                                              NULL, out, clips, 1, err);
    for (uint32_t i = 0; i < clips; i++) {
        const char *text = out[i].text.bytes ? out[i].text.bytes : "";
        if (status == VBLIP_OK)
            status = tell_caption(r, inputs[i], text, err);
        vb_generated_free(&out[i]);
    }
    return status;
}

static vblip_status caption_waiting(captions_run *r, vblip_error *err)
{
    const uint32_t clips = r->clips;
    r->clips = 0;
    return clips ? caption_clips(r, r->frames, clips * r->clip_size, r->inputs, clips,
                                 err)
                 : VBLIP_OK;
}

static void keep_clip(captions_run *r, const vb_clip *clip)
{
    const size_t bytes = (size_t)clip->frames->side * clip->frames->side * 3;
    r->clip_size = clip->count;
    for (uint32_t i = 0; i < clip->count; i++) {
        const uint32_t at = r->clips * clip->count + i;
        r->frames[at] = clip->frames[i];
        r->frames[at].rgb = r->rgb + bytes * at;
        memcpy(r->frames[at].rgb, clip->frames[i].rgb, bytes);
    }
    r->inputs[r->clips++] = clip->input;
}

static vblip_status next_clip(void *user, const vb_clip *clip, vblip_error *err)
{
    captions_run *r = user;
    const bool failed = clip->error.status != VBLIP_OK;
    if (failed || clip->count != r->clip_size || (r->clips + 1) * clip->count > r->most)
        VB_TRY(caption_waiting(r, err));
    if (!failed && clip->count > r->most)
        return caption_clips(r, clip->frames, clip->count, &clip->input, 1, err);
    if (!failed) {
        keep_clip(r, clip);
        return VBLIP_OK;
    }
    const char *path = r->eval->set->inputs[clip->input].path;
    r->unreadable++;
    VB_TRY(vb_job_failed(vb_job(r->eval->options->job), clip->input, path, &clip->error,
                         err));
    return vb_meter_skip(&r->meter, path, vb_eval_set_count(r->eval->set, clip->input),
                         err);
}

static vblip_status caption_set(captions_run *r, vblip_error *err)
{
    const vb_task *task = r->eval->task;
    const vblip_job *job = vb_job(r->eval->options->job);
    r->most = job->batch && job->batch < AT_ONCE ? job->batch : AT_ONCE;
    r->rgb = malloc((size_t)r->most * task->ops->side * task->ops->side * 3);
    if (!r->rgb)
        return vb_fail_memory(err, r->eval->set->name);
    r->params = vb_caption_params_of(r->eval->options->caption);
    r->params.sample = false; // the paper's protocol is beam search
    r->meter = vb_meter_start(job, "captions", r->eval->set->annotations.count);
    VB_TRY(task->ops->visual_make(&r->visual, task->ops->model, err));
    VB_TRY(vb_clips_each(task, job, DEFAULT_FRAMES, next_clip, r, err));
    VB_TRY(caption_waiting(r, err));
    return vb_eval_set_check(r->eval->set, r->unreadable, err);
}

vblip_status vb_eval_captions(const vb_eval *eval, vblip_error *err)
{
    captions_run r = {.eval = eval};
    const vblip_status status = caption_set(&r, err);
    eval->task->ops->visual_free(&r.visual);
    free(r.rgb);
    return status;
}
