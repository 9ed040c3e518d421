// retrieve.c - ITC over all clips, then ITM over the best of each query (blip-spec 6.1).
//
// Two passes over the clips. The first encodes each once and keeps its visual tokens
// while the cache has room. The second asks ITM, clip by clip: one visual serves all the
// queries that need it. Clips that fell out of the cache are decoded and encoded again.
#include "base/arena.h"
#include "video_tasks/cache.h"
#include "video_tasks/clips.h"
#include "video_tasks/job.h"
#include "video_tasks/ranking.h"
#include "video_tasks/tasks.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_FRAMES = 8, DEFAULT_TOP = 10, DEFAULT_RERANK = 128 };

// What is known of an input after the first pass.
typedef struct seen_clip {
    bool ok; // it could be read
    bool timed;
    int64_t duration_us;
} seen_clip;

// A query and a clip among its candidates.
typedef struct pair {
    uint32_t query, clip;
    float logits[2]; // of a clip that is ok, after the second pass
} pair;

typedef struct search {
    const vb_task *task;
    const vblip_retrieve_options *options;
    const char *const *queries;
    uint32_t query_count, clip_count;
    uint32_t frames, rerank; // of a clip; candidates per query, 0 = none
    vblip_hit_fn fn;
    void *user;

    vb_arena arena;   // owns what follows
    float *text_itc;  // [queries, projection]
    float *clip_itc;  // [clips, projection]
    seen_clip *clips; // [clips]
    vb_scored *order; // [clips], of the query in work
    pair *pairs;      // [queries * rerank], sorted by clip, then query
    uint64_t pair_count;
    const char **texts; // [queries], those of one clip
    float (*logits)[2]; // [queries]
    vb_cache cache;     // owned as well
} search;

// ----------------------------------------------------------------------- preparation

static uint32_t rerank_of(const vblip_retrieve_options *options)
{
    if (options->rerank < 0)
        return 0;
    return options->rerank ? (uint32_t)options->rerank : DEFAULT_RERANK;
}

static vblip_status allocate(search *s, vblip_error *err)
{
    const size_t width = s->task->brain->projection;
    if (s->clip_count < s->rerank)
        s->rerank = s->clip_count;
    s->text_itc = VB_ARENA_NEW(&s->arena, float, s->query_count *width);
    s->clip_itc = VB_ARENA_NEW(&s->arena, float, s->clip_count *width);
    s->clips = VB_ARENA_NEW(&s->arena, seen_clip, s->clip_count);
    s->order = VB_ARENA_NEW(&s->arena, vb_scored, s->clip_count);
    s->pairs = VB_ARENA_NEW(&s->arena, pair, (size_t)s->query_count * s->rerank);
    s->texts = VB_ARENA_NEW(&s->arena, const char *, s->query_count);
    s->logits = vb_arena_alloc(&s->arena, s->query_count, sizeof *s->logits);
    if (!s->text_itc || !s->clip_itc || !s->clips || !s->order || !s->pairs ||
        !s->texts || !s->logits)
        return vb_fail_memory(err, "retrieve");
    return VBLIP_OK;
}

static vblip_status encode_queries(search *s, vblip_error *err)
{
    const vb_brain *brain = s->task->brain;
    for (uint32_t q = 0; q < s->query_count; q++)
        VB_TRY(brain->text_itc(brain->user, s->queries[q],
                               s->text_itc + (size_t)q * brain->projection, err));
    return VBLIP_OK;
}

// ------------------------------------------------------------- first pass: every clip

// Encodes a clip into a visual of the cache; `itc` may be NULL.
static vblip_status see(search *s, const vb_clip *clip, float *itc, vb_visual **visual,
                        vblip_error *err)
{
    const vb_brain *brain = s->task->brain;
    VB_TRY(vb_cache_take(visual, &s->cache, clip->input, err));
    return brain->see(brain->user, *visual, clip->frames, clip->count,
                      s->options->job.batch, itc, err);
}

static vblip_status first_look(search *s, const vb_clip *clip, vb_meter *meter,
                               vblip_error *err)
{
    const char *path = s->task->inputs[clip->input].path;
    if (clip->error.status != VBLIP_OK) {
        VB_TRY(vb_job_failed(&s->options->job, path, &clip->error, err));
        return vb_meter_skip(meter, path, s->frames, err);
    }
    meter->total += clip->count; // it expected s->frames
    meter->total -= s->frames;
    vb_visual *visual = NULL;
    float *itc = s->clip_itc + (size_t)clip->input * s->task->brain->projection;
    VB_TRY(see(s, clip, itc, &visual, err));
    s->clips[clip->input] = (seen_clip){
        .ok = true,
        .timed = !clip->info.still,
        .duration_us = clip->info.duration_us,
    };
    return vb_meter_add(meter, path, clip->count, err);
}

static vblip_status encode_clips(search *s, vblip_error *err)
{
    const vblip_job *job = &s->options->job;
    vb_meter meter = vb_meter_start(job, "frames", (uint64_t)s->clip_count * s->frames);
    vb_clips *clips = NULL;
    VB_TRY(vb_clips_open(&clips, s->task, job, NULL, s->clip_count, s->frames, err));
    vblip_status status = VBLIP_OK;
    const vb_clip *clip = NULL;
    while (status == VBLIP_OK && (clip = vb_clips_next(clips)))
        status = first_look(s, clip, &meter, err);
    vb_clips_close(&clips);
    return status;
}

// ------------------------------------------------------------------------ candidates

static float itc_of(const search *s, uint32_t query, uint32_t clip)
{
    const uint32_t width = s->task->brain->projection;
    return vb_dot(s->text_itc + (size_t)query * width,
                  s->clip_itc + (size_t)clip * width, width);
}

// Fills s->order with the clips that could be read, best ITC first; returns how many.
static uint32_t rank_by_itc(search *s, uint32_t query)
{
    uint32_t count = 0;
    for (uint32_t c = 0; c < s->clip_count; c++)
        if (s->clips[c].ok)
            s->order[count++] = (vb_scored){.score = itc_of(s, query, c), .index = c};
    vb_rank(s->order, count);
    return count;
}

static int by_clip_then_query(const void *left, const void *right)
{
    const pair *a = left, *b = right;
    if (a->clip != b->clip)
        return a->clip < b->clip ? -1 : 1;
    return a->query < b->query ? -1 : a->query > b->query;
}

static void pick_candidates(search *s)
{
    s->pair_count = 0;
    for (uint32_t q = 0; q < s->query_count; q++) {
        uint32_t count = rank_by_itc(s, q);
        for (uint32_t i = 0; i < count && i < s->rerank; i++)
            s->pairs[s->pair_count++] = (pair){.query = q, .clip = s->order[i].index};
    }
    if (s->pair_count > 1)
        qsort(s->pairs, s->pair_count, sizeof *s->pairs, by_clip_then_query);
}

// The pairs of the clip of pair `first`: how many there are.
static uint32_t group_size(const search *s, uint64_t first)
{
    uint32_t size = 1;
    while (first + size < s->pair_count &&
           s->pairs[first + size].clip == s->pairs[first].clip)
        size++;
    return size;
}

static pair *pair_of(const search *s, uint32_t query, uint32_t clip)
{
    if (s->pair_count == 0)
        return NULL;
    const pair key = {.query = query, .clip = clip};
    return bsearch(&key, s->pairs, s->pair_count, sizeof *s->pairs, by_clip_then_query);
}

// ----------------------------------------------------------- second pass: candidates

// Asks ITM about one clip and all the queries that have it as a candidate.
static vblip_status score_group(search *s, pair *group, uint32_t size,
                                vb_visual *visual, vb_meter *meter, vblip_error *err)
{
    const vb_brain *brain = s->task->brain;
    for (uint32_t i = 0; i < size; i++)
        s->texts[i] = s->queries[group[i].query];
    VB_TRY(brain->itm(brain->user, visual, s->texts, size, false, s->logits, err));
    for (uint32_t i = 0; i < size; i++)
        memcpy(group[i].logits, s->logits[i], sizeof group[i].logits);
    return vb_meter_add(meter, s->task->inputs[group->clip].path, size, err);
}

// Candidates whose visuals fell out of the cache.
typedef struct missing_clips {
    uint32_t *clips; // [count]
    uint64_t *first; // [count], the first pair of each
    uint32_t count;
} missing_clips;

// Scores the clips whose visuals are still there and lists the others. A visual is freed
// once scored: nothing asks for it again, and ITM made it hold keys and values too.
static vblip_status score_kept(search *s, missing_clips *missing, vb_meter *meter,
                               vblip_error *err)
{
    uint32_t size = 0;
    for (uint64_t i = 0; i < s->pair_count; i += size) {
        pair *group = &s->pairs[i];
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

static vblip_status second_look(search *s, const vb_clip *clip, uint64_t first,
                                vb_meter *meter, vblip_error *err)
{
    const char *path = s->task->inputs[clip->input].path;
    const uint32_t size = group_size(s, first);
    if (clip->error.status != VBLIP_OK) { // it could be read the first time
        s->clips[clip->input].ok = false;
        VB_TRY(vb_job_failed(&s->options->job, path, &clip->error, err));
        return vb_meter_skip(meter, path, size, err);
    }
    vb_visual *visual = NULL;
    VB_TRY(see(s, clip, NULL, &visual, err));
    return score_group(s, &s->pairs[first], size, visual, meter, err);
}

static vblip_status score_missing(search *s, const missing_clips *missing,
                                  vb_meter *meter, vblip_error *err)
{
    s->cache.budget = 0; // one visual, filled again for every clip
    vb_clips *clips = NULL;
    VB_TRY(vb_clips_open(&clips, s->task, &s->options->job, missing->clips,
                         missing->count, s->frames, err));
    vblip_status status = VBLIP_OK;
    for (uint32_t i = 0; status == VBLIP_OK && i < missing->count; i++)
        status = second_look(s, vb_clips_next(clips), missing->first[i], meter, err);
    vb_clips_close(&clips);
    return status;
}

static vblip_status rerank(search *s, vblip_error *err)
{
    missing_clips missing = {
        .clips = VB_ARENA_NEW(&s->arena, uint32_t, s->clip_count),
        .first = VB_ARENA_NEW(&s->arena, uint64_t, s->clip_count),
    };
    if (!missing.clips || !missing.first)
        return vb_fail_memory(err, "retrieve");
    vb_meter meter = vb_meter_start(&s->options->job, "pairs", s->pair_count);
    VB_TRY(score_kept(s, &missing, &meter, err));
    return missing.count ? score_missing(s, &missing, &meter, err) : VBLIP_OK;
}

// --------------------------------------------------------------------------- results

// Fills s->order with the clips of a query, best first; returns how many. Reranked ones
// come before the others: they were the best by ITC.
static uint32_t rank_by_score(search *s, uint32_t query)
{
    uint32_t count = rank_by_itc(s, query), reranked = 0;
    for (; reranked < count; reranked++) {
        vb_scored *item = &s->order[reranked];
        const pair *p = pair_of(s, query, item->index);
        if (!p)
            break;
        item->score += p->logits[1];
    }
    vb_rank(s->order, reranked);
    return count;
}

static vblip_hit hit_of(const search *s, uint32_t query, uint32_t clip)
{
    const seen_clip *seen = &s->clips[clip];
    vblip_hit hit = {
        .query = query,
        .path = s->task->inputs[clip].path,
        .timed = seen->timed,
        .end_us = seen->timed ? seen->duration_us : 0,
        .itc = itc_of(s, query, clip),
    };
    hit.score = hit.itc;
    const pair *p = pair_of(s, query, clip);
    if (p) {
        hit.reranked = true;
        hit.score = p->logits[1] + hit.itc;
        memcpy(hit.itm_logits, p->logits, sizeof hit.itm_logits);
        hit.p_match = vb_match_probability(p->logits);
    }
    return hit;
}

static vblip_status report_query(search *s, uint32_t query, vblip_error *err)
{
    const float min_p = s->options->min_p;
    const uint32_t top = s->options->top ? s->options->top : DEFAULT_TOP;
    const uint32_t count = rank_by_score(s, query);
    uint32_t rank = 0;
    for (uint32_t i = 0; i < count && rank < top; i++) {
        vblip_hit hit = hit_of(s, query, s->order[i].index);
        if (min_p > 0.0f && !(hit.reranked && hit.p_match >= min_p))
            continue;
        hit.rank = ++rank;
        if (s->fn(s->user, &hit))
            return vb_fail_cancelled(err);
    }
    return VBLIP_OK;
}

static vblip_status run(search *s, vblip_error *err)
{
    VB_TRY(allocate(s, err));
    VB_TRY(encode_queries(s, err));
    VB_TRY(encode_clips(s, err));
    pick_candidates(s);
    VB_TRY(rerank(s, err));
    for (uint32_t q = 0; q < s->query_count; q++)
        VB_TRY(report_query(s, q, err));
    return VBLIP_OK;
}

vblip_status vb_task_retrieve(const vb_task *task, const char *const *queries,
                              uint32_t count, const vblip_retrieve_options *options,
                              vblip_hit_fn fn, void *user, vblip_error *err)
{
    search s = {
        .task = task,
        .options = options,
        .queries = queries,
        .query_count = count,
        .clip_count = task->input_count,
        .frames = options->job.frames ? options->job.frames : DEFAULT_FRAMES,
        .rerank = rerank_of(options),
        .fn = fn,
        .user = user,
        .cache = {.brain = task->brain},
    };
    if (s.rerank) // without a second pass there is no one to keep visuals for
        s.cache.budget = task->brain->cache_bytes;
    vblip_status status = run(&s, err);
    vb_cache_free(&s.cache);
    vb_arena_free(&s.arena);
    return status;
}
