// retrieve.c - ITC over all clips, then ITM over the best of each query (blip-spec 6.1).
#include "video_tasks/job.h"
#include "video_tasks/ranking.h"
#include "video_tasks/scoring.h"

#include <string.h>

enum { DEFAULT_FRAMES = 8, DEFAULT_TOP = 10, DEFAULT_RERANK = 128 };

typedef struct search {
    const vblip_retrieve_options *options;
    uint32_t rerank; // candidates per query, 0 = none
    vblip_hit_fn fn;
    void *user;
    vb_scoring scoring; // its texts are the queries
    vb_scored *order;   // [clips], of the query in work; in the scoring's arena
} search;

static uint32_t clip_count(const search *s)
{
    return s->scoring.task->input_count;
}

static uint32_t rerank_of(const vblip_retrieve_options *options, uint32_t clips)
{
    if (options->rerank < 0)
        return 0;
    const uint32_t k = options->rerank ? (uint32_t)options->rerank : DEFAULT_RERANK;
    return k < clips ? k : clips;
}

static vblip_status retrieve_allocate(search *s, vblip_error *err)
{
    vb_arena *arena = &s->scoring.arena;
    s->order = VB_ARENA_NEW(arena, vb_scored, clip_count(s));
    s->scoring.pairs =
        VB_ARENA_NEW(arena, vb_pair, (size_t)s->scoring.text_count * s->rerank);
    if (!s->order || !s->scoring.pairs)
        return vb_fail_memory(err, "retrieve");
    return VBLIP_OK;
}

// ------------------------------------------------------------------------ candidates

// Fills s->order with the clips that could be read, best ITC first; returns how many.
static uint32_t rank_by_itc(search *s, uint32_t query)
{
    uint32_t count = 0;
    for (uint32_t c = 0; c < clip_count(s); c++)
        if (s->scoring.clips[c].ok)
            s->order[count++] = (vb_scored){
                .score = vb_scoring_itc(&s->scoring, query, c),
                .index = c,
            };
    vb_rank(s->order, count);
    return count;
}

static void pick_candidates(search *s)
{
    for (uint32_t q = 0; q < s->scoring.text_count; q++) {
        const uint32_t count = rank_by_itc(s, q);
        for (uint32_t i = 0; i < count && i < s->rerank; i++)
            s->scoring.pairs[s->scoring.pair_count++] =
                (vb_pair){.text = q, .clip = s->order[i].index};
    }
}

// --------------------------------------------------------------------------- results

// Fills s->order with the clips of a query, best first; returns how many. Reranked ones
// come before the others: they were the best by ITC.
static uint32_t rank_by_score(search *s, uint32_t query)
{
    uint32_t count = rank_by_itc(s, query), reranked = 0;
    for (; reranked < count; reranked++) {
        vb_scored *item = &s->order[reranked];
        const vb_pair *p = vb_scoring_pair(&s->scoring, query, item->index);
        if (!p)
            break;
        item->score += p->logits[1];
    }
    vb_rank(s->order, reranked);
    return count;
}

static vblip_hit hit_of(const search *s, uint32_t query, uint32_t clip)
{
    const vb_clip_facts *seen = &s->scoring.clips[clip];
    vblip_hit hit = {
        .query = query,
        .input = clip,
        .path = s->scoring.task->inputs[clip].path,
        .timed = seen->timed,
        .end_us = seen->timed ? seen->duration_us : 0,
        .itc = vb_scoring_itc(&s->scoring, query, clip),
    };
    hit.score = hit.itc;
    const vb_pair *p = vb_scoring_pair(&s->scoring, query, clip);
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

static vblip_status retrieve_run(search *s, vblip_error *err)
{
    VB_TRY(retrieve_allocate(s, err));
    VB_TRY(vb_scoring_encode(&s->scoring, err));
    pick_candidates(s);
    VB_TRY(vb_scoring_match(&s->scoring, err));
    for (uint32_t q = 0; q < s->scoring.text_count; q++)
        VB_TRY(report_query(s, q, err));
    return VBLIP_OK;
}

vblip_status vb_task_retrieve(const vb_task *task, const char *const *queries,
                              uint32_t count, const vblip_retrieve_options *options,
                              vblip_hit_fn fn, void *user, vblip_error *err)
{
    search s = {
        .options = options,
        .rerank = rerank_of(options, task->input_count),
        .fn = fn,
        .user = user,
        .scoring =
            {
                .task = task,
                .job = vb_job(options->job),
                .texts = queries,
                .text_count = count,
                .frames = vb_job(options->job)->frames ? vb_job(options->job)->frames
                                                       : DEFAULT_FRAMES,
            },
    };
    s.scoring.one_pass = s.rerank == 0;
    vblip_status status = retrieve_run(&s, err);
    vb_scoring_free(&s.scoring);
    return status;
}
