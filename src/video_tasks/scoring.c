#include "video_tasks/scoring.h"

#include "video_tasks/clip_encoder.h"
#include "video_tasks/job.h"
#include "video_tasks/ranking.h"

#include <stdlib.h>
#include <string.h>

static vblip_status scoring_allocate(vb_scoring *s, vblip_error *err)
{
    const size_t width = s->task->ops->projection;
    const uint32_t clips = s->task->input_count;
    s->text_itc = VB_ARENA_NEW(&s->arena, float, s->text_count *width);
    s->clip_itc = VB_ARENA_NEW(&s->arena, float, clips *width);
    s->readable = VB_ARENA_NEW(&s->arena, bool, clips);
    if (!s->text_itc || !s->clip_itc || !s->readable)
        return vb_fail_memory(err, "scores");
    s->cache = (vb_cache){
        .ops = s->task->ops,
        .budget = s->task->ops->cache_bytes,
    };
    return VBLIP_OK;
}

static vblip_status encode_texts(vb_scoring *s, vblip_error *err)
{
    const vb_model_ops *ops = s->task->ops;
    return ops->text_itc(ops->model, s->texts, s->text_count, s->text_itc, err);
}

// ------------------------------------------------------------- first pass: every clip

static vblip_status encode_clip(vb_scoring *s, vb_clip_encoder *encoder,
                                const vb_clip *clip, vb_meter *meter, vblip_error *err)
{
    const uint32_t width = s->task->ops->projection;
    const char *path = s->task->inputs[clip->input].path;
    if (clip->error.status != VBLIP_OK) {
        VB_TRY(vb_job_failed(s->job, clip->input, path, &clip->error, err));
        return vb_meter_skip(meter, path, s->frames, err);
    }
    meter->total += clip->count; // it expected s->frames
    meter->total -= s->frames;
    vb_encoding *got;
    VB_TRY(vb_clip_encoder_encode(&got, encoder, err));
    memcpy(s->clip_itc + (size_t)clip->input * width, got->itc,
           width * sizeof *got->itc);
    VB_TRY(vb_cache_put(&s->cache, (vb_clip_key){.input = clip->input},
                        vb_best_dot(s->text_itc, s->text_count, got->itc, width),
                        &got->visual, err));
    s->readable[clip->input] = true;
    return vb_meter_add(meter, path, clip->count, err);
}

static vblip_status encode_clips(vb_scoring *s, vblip_error *err)
{
    const uint32_t count = s->task->input_count;
    vb_meter meter = vb_meter_start(s->job, "frames", (uint64_t)count * s->frames);
    vb_clip_encoder *encoder = NULL;
    const vb_clips_plan plan = {.frames = s->frames};
    VB_TRY(vb_clip_encoder_open(&encoder, s->task, s->job, &plan, true, err));
    vblip_status status = VBLIP_OK;
    const vb_clip *clip = NULL;
    while (status == VBLIP_OK && (clip = vb_clip_encoder_next(encoder)))
        status = encode_clip(s, encoder, clip, &meter, err);
    vb_clip_encoder_close(&encoder);
    return status;
}

vblip_status vb_scoring_encode(vb_scoring *s, vblip_error *err)
{
    VB_TRY(scoring_allocate(s, err));
    VB_TRY(encode_texts(s, err));
    return encode_clips(s, err);
}

float vb_scoring_itc(const vb_scoring *s, uint32_t text, uint32_t clip)
{
    const uint32_t width = s->task->ops->projection;
    return vb_dot(s->text_itc + (size_t)text * width,
                  s->clip_itc + (size_t)clip * width, width);
}

vblip_status vb_scoring_match(vb_scoring *s, vblip_error *err)
{
    vb_rerank r = {
        .task = s->task,
        .job = s->job,
        .texts = s->texts,
        .text_count = s->text_count,
        .frames = s->frames,
        .cache = &s->cache,
        .pairs = s->pairs,
        .pair_count = s->pair_count,
    };
    VB_TRY(vb_rerank_run(&r, err));
    s->pair_count = r.pair_count;
    for (uint64_t i = 0; i < s->pair_count; i++)
        if (!s->pairs[i].ok)
            s->readable[s->pairs[i].clip] = false;
    return VBLIP_OK;
}

void vb_scoring_free(vb_scoring *s)
{
    vb_cache_free(&s->cache);
    vb_arena_free(&s->arena);
}
