#include "video_tasks/scoring.h"

#include "video_tasks/encoded.h"
#include "video_tasks/job.h"
#include "video_tasks/ranking.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static vblip_status scoring_allocate(vb_scoring *s, vblip_error *err)
{
    const size_t width = s->task->ops->projection;
    const uint32_t clips = s->task->input_count;
    s->text_itc = VB_ARENA_NEW(&s->arena, float, s->text_count *width);
    s->clip_itc = VB_ARENA_NEW(&s->arena, float, clips *width);
    s->clips = VB_ARENA_NEW(&s->arena, vb_clip_facts, clips);
    s->group_texts = VB_ARENA_NEW(&s->arena, const char *, s->text_count);
    s->logits = vb_arena_alloc(&s->arena, s->text_count, sizeof *s->logits);
    if (!s->text_itc || !s->clip_itc || !s->clips || !s->group_texts || !s->logits)
        return vb_fail_memory(err, "scores");
    s->cache = (vb_cache){
        .ops = s->task->ops,
        .budget = s->one_pass ? 0 : s->task->ops->cache_bytes,
    };
    return VBLIP_OK;
}

static vblip_status encode_texts(vb_scoring *s, vblip_error *err)
{
    const vb_model_ops *ops = s->task->ops;
    return ops->text_itc(ops->model, s->texts, s->text_count, s->text_itc, err);
}

// ------------------------------------------------------------- first pass: every clip

// Encodes a clip into a visual of the cache; `itc` may be NULL.
static vblip_status encode_into_cache(vb_scoring *s, const vb_clip *clip, float *itc,
                                      vb_visual **visual, vblip_error *err)
{
    VB_TRY(vb_cache_take(visual, &s->cache, clip->input, err));
    return vb_clip_encode(clip, s->task, *visual, s->job->batch, itc, err);
}

// What a clip is to the query that it answers best: the candidates of the second pass are
// those for which this is high.
static float best_itc(const vb_scoring *s, uint32_t clip)
{
    float best = -INFINITY;
    for (uint32_t t = 0; t < s->text_count; t++)
        best = fmaxf(best, vb_scoring_itc(s, t, clip));
    return best;
}

static vblip_status encode_clip(vb_scoring *s, const vb_clip *clip, vb_meter *meter,
                                vblip_error *err)
{
    const char *path = s->task->inputs[clip->input].path;
    if (clip->error.status != VBLIP_OK) {
        VB_TRY(vb_job_failed(s->job, clip->input, path, &clip->error, err));
        return vb_meter_skip(meter, path, s->frames, err);
    }
    meter->total += clip->count; // it expected s->frames
    meter->total -= s->frames;
    vb_visual *visual = NULL;
    float *itc = s->clip_itc + (size_t)clip->input * s->task->ops->projection;
    VB_TRY(encode_into_cache(s, clip, itc, &visual, err));
    vb_cache_rate(&s->cache, clip->input, best_itc(s, clip->input));
    s->clips[clip->input] = (vb_clip_facts){
        .ok = true,
        .timed = !clip->info.still,
        .duration_us = clip->info.duration_us,
    };
    return vb_meter_add(meter, path, clip->count, err);
}

static vblip_status encode_clips(vb_scoring *s, vblip_error *err)
{
    const uint32_t count = s->task->input_count;
    vb_meter meter = vb_meter_start(s->job, "frames", (uint64_t)count * s->frames);
    vb_clips *clips = NULL;
    const vb_clips_plan plan = {.frames = s->frames};
    VB_TRY(vb_clips_open(&clips, s->task, s->job, &plan, err));
    vblip_status status = VBLIP_OK;
    const vb_clip *clip = NULL;
    while (status == VBLIP_OK && (clip = vb_clips_next(clips)))
        status = encode_clip(s, clip, &meter, err);
    vb_clips_close(&clips);
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

// ------------------------------------------------------------------------------ pairs

static int by_clip_then_text(const void *left, const void *right)
{
    const vb_pair *a = left, *b = right;
    if (a->clip != b->clip)
        return a->clip < b->clip ? -1 : 1;
    return a->text < b->text ? -1 : a->text > b->text;
}

// Sorted by clip, then text, each once.
static void put_in_order(vb_scoring *s)
{
    if (s->pair_count < 2)
        return;
    qsort(s->pairs, s->pair_count, sizeof *s->pairs, by_clip_then_text);
    uint64_t kept = 1;
    for (uint64_t i = 1; i < s->pair_count; i++) {
        if (by_clip_then_text(&s->pairs[kept - 1], &s->pairs[i]) == 0)
            s->pairs[kept - 1].uses |= s->pairs[i].uses;
        else
            s->pairs[kept++] = s->pairs[i];
    }
    s->pair_count = kept;
}

const vb_pair *vb_scoring_pair(const vb_scoring *s, uint32_t text, uint32_t clip)
{
    if (s->pair_count == 0)
        return NULL;
    const vb_pair key = {.text = text, .clip = clip};
    return bsearch(&key, s->pairs, s->pair_count, sizeof *s->pairs, by_clip_then_text);
}

// The pairs of the clip of pair `first`: how many there are.
static uint32_t group_size(const vb_scoring *s, uint64_t first)
{
    uint32_t size = 1;
    while (first + size < s->pair_count &&
           s->pairs[first + size].clip == s->pairs[first].clip)
        size++;
    return size;
}

// ----------------------------------------------------------- second pass: candidates

// Asks ITM about one clip and all the texts that are paired with it.
static vblip_status score_group(vb_scoring *s, vb_pair *group, uint32_t size,
                                vb_visual *visual, vb_meter *meter, vblip_error *err)
{
    const vb_model_ops *ops = s->task->ops;
    for (uint32_t i = 0; i < size; i++)
        s->group_texts[i] = s->texts[group[i].text];
    VB_TRY(ops->itm(ops->model, visual, s->group_texts, size, false, s->logits, err));
    for (uint32_t i = 0; i < size; i++)
        memcpy(group[i].logits, s->logits[i], sizeof group[i].logits);
    return vb_meter_add(meter, s->task->inputs[group->clip].path, size, err);
}

// Clips of pairs whose visuals fell out of the cache.
typedef struct missing_clips {
    uint32_t *clips; // [count]
    uint64_t *first; // [count], the first pair of each
    uint32_t count;
} missing_clips;

// Scores the clips whose visuals are still there and lists the others. A visual is freed
// once scored: nothing asks for it again, and ITM made it hold keys and values too.
static vblip_status score_kept(vb_scoring *s, missing_clips *missing, vb_meter *meter,
                               vblip_error *err)
{
    uint32_t size = 0;
    for (uint64_t i = 0; i < s->pair_count; i += size) {
        vb_pair *group = &s->pairs[i];
        size = group_size(s, i);
        vb_visual *visual = vb_cache_find(&s->cache, group->clip);
        if (!visual) {
            missing->first[missing->count] = i;
            missing->clips[missing->count++] = group->clip;
            continue;
        }
        VB_TRY(score_group(s, group, size, visual, meter, err));
        vb_cache_drop(&s->cache, group->clip);
    }
    return VBLIP_OK;
}

static vblip_status encode_again(vb_scoring *s, const vb_clip *clip, uint64_t first,
                                 vb_meter *meter, vblip_error *err)
{
    const char *path = s->task->inputs[clip->input].path;
    const uint32_t size = group_size(s, first);
    if (clip->error.status != VBLIP_OK) { // it could be read the first time
        s->clips[clip->input].ok = false;
        VB_TRY(vb_job_failed(s->job, clip->input, path, &clip->error, err));
        return vb_meter_skip(meter, path, size, err);
    }
    vb_visual *visual = NULL;
    VB_TRY(encode_into_cache(s, clip, NULL, &visual, err));
    return score_group(s, &s->pairs[first], size, visual, meter, err);
}

static vblip_status score_missing(vb_scoring *s, const missing_clips *missing,
                                  vb_meter *meter, vblip_error *err)
{
    s->cache.budget = 0; // one visual, filled again for every clip
    vblip_job job = *s->job;
    job.warned = NULL; // it was told the first time
    vb_clips *clips = NULL;
    const vb_clips_plan plan = {
        .order = missing->clips, .count = missing->count, .frames = s->frames};
    VB_TRY(vb_clips_open(&clips, s->task, &job, &plan, err));
    vblip_status status = VBLIP_OK;
    for (uint32_t i = 0; status == VBLIP_OK && i < missing->count; i++)
        status = encode_again(s, vb_clips_next(clips), missing->first[i], meter, err);
    vb_clips_close(&clips);
    return status;
}

vblip_status vb_scoring_match(vb_scoring *s, vblip_error *err)
{
    put_in_order(s);
    missing_clips missing = {
        .clips = VB_ARENA_NEW(&s->arena, uint32_t, s->task->input_count),
        .first = VB_ARENA_NEW(&s->arena, uint64_t, s->task->input_count),
    };
    if (!missing.clips || !missing.first)
        return vb_fail_memory(err, "scores");
    vb_meter meter = vb_meter_start(s->job, "pairs", s->pair_count);
    VB_TRY(score_kept(s, &missing, &meter, err));
    return missing.count ? score_missing(s, &missing, &meter, err) : VBLIP_OK;
}

void vb_scoring_free(vb_scoring *s)
{
    vb_cache_free(&s->cache);
    vb_arena_free(&s->arena);
}
