// retrieve.c - ITC over all segments, then ITM over the best of each query (blip-spec 6.1).
#include "video_tasks/retrieve.h"

#include "base/file.h"
#include "base/hash.h"
#include "video_tasks/candidates.h"
#include "video_tasks/job.h"
#include "video_tasks/query_vectors.h"
#include "video_tasks/ranking.h"
#include "video_tasks/rerank.h"
#include "video_tasks/shown.h"

#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_FRAMES = 8,
    DEFAULT_TOP = 10,
    DEFAULT_RERANK = 128,
    AFFORDABLE = 16, // candidates encoded anew where that takes seconds each
    PAGE_GROWTH = 4, // each time that candidates did not suffice for the hits asked for
};

typedef struct search {
    const vb_task *task;
    const vblip_job *job;
    const vblip_search_options *options;
    const vblip_retrieve_options *retrieve;
    const char **texts;   // [query_count], and what follows them; owned
    uint32_t query_count; // 1 of examples alone
    uint32_t text_count;
    vb_indexing *in;
    uint32_t rerank; // candidates per query, 0 = none
    uint32_t top;
    vblip_hit_fn fn;
    void *user;

    float *vectors;              // [text_count, projection]
    vb_candidates *candidates;   // [query_count]
    vb_candidates following;     // of what follows; there are no others
    const vb_candidate **ranked; // of one query, [ranked_capacity]
    uint32_t ranked_count, ranked_capacity;
    vb_cache cache;
    vb_rerank matching;
} search;

// ----------------------------------------------------------------------- candidates

// The best `need` at least of one query. Pairs of moments are found among all there are.
static vblip_status find_of_query(vb_candidates *out, search *s, uint32_t query,
                                  uint64_t need, vblip_error *err)
{
    const size_t width = s->task->ops->projection;
    const float *vector = s->vectors + query * width;
    const uint32_t most = need < UINT32_MAX ? (uint32_t)need : UINT32_MAX;
    if (!s->options->then)
        return vb_candidates_find(out, s->in, vector, 1, most, err);
    vb_candidates first = {0};
    vblip_status status = vb_candidates_find(&first, s->in, vector, 1, UINT32_MAX, err);
    if (status == VBLIP_OK)
        status = vb_candidates_join(out, &first, &s->following, s->options->within_us,
                                    most, err);
    vb_candidates_free(&first);
    return status;
}

static vblip_status find_sequences(search *s, uint64_t need, vblip_error *err)
{
    const size_t width = s->task->ops->projection;
    VB_TRY(vb_candidates_find(&s->following, s->in, s->vectors + s->query_count * width,
                              1, UINT32_MAX, err));
    for (uint32_t q = 0; q < s->query_count; q++)
        VB_TRY(find_of_query(&s->candidates[q], s, q, need, err));
    return VBLIP_OK;
}

static vblip_status find_candidates(search *s, vblip_error *err)
{
    uint64_t need = (uint64_t)s->top + s->options->offset;
    if (s->retrieve->min_p > 0.0f || need < s->rerank)
        need = s->rerank; // the others have no P(match)
    if (s->options->then)
        return find_sequences(s, need, err);
    return vb_candidates_find(s->candidates, s->in, s->vectors, s->query_count,
                              need < UINT32_MAX ? (uint32_t)need : UINT32_MAX, err);
}

static uint32_t candidates_of(const search *s, uint32_t query)
{
    const uint32_t count = s->candidates[query].count;
    return s->rerank < count ? s->rerank : count;
}

// What there is of a segment for ITM to look at.
typedef struct segment_source {
    bool same, away; // the file is the one that was indexed; it is not there
    uint64_t key;    // what its tokens are kept under; 0: they are not
} segment_source;

static vblip_status find_source(segment_source *out, const search *s,
                                const vb_moment *m, vblip_error *err)
{
    const vb_shelf *shelf = &s->in->shelves[m->shelf];
    vb_recording recording;
    vb_file_facts now;
    vblip_error gone = {0};
    *out = (segment_source){.same = true};
    if (!shelf->root)
        return VBLIP_OK;
    VB_TRY(vb_index_find_id(&recording, shelf->index, m->hit.recording, err));
    const uint64_t of[] = {recording.content, (uint64_t)recording.modified_ns,
                           (uint64_t)m->hit.span.start_us,
                           (uint64_t)m->hit.span.end_us};
    out->away = vb_file_look(&now, s->task->inputs[m->input].path, &gone) != VBLIP_OK;
    out->same = !out->away && now.size == recording.size &&
                now.modified_ns == recording.modified_ns;
    if (s->in->tokens && (out->same || out->away))
        out->key = vb_hash_bytes(shelf->stamp, of, sizeof of);
    return VBLIP_OK;
}

static bool is_remembered(const search *s, const vb_pair *pair)
{
    float logits[2];
    return pair->match_key && vb_matches_find(s->in->matches, pair->match_key, logits);
}

static bool is_at_hand(const search *s, const vb_pair *pair)
{
    const vb_clip_key key = {pair->clip, pair->span.start_us};
    return vb_cache_find(s->in->cache, key) ||
           (pair->key && vb_tokens_has(s->in->tokens, pair->key)) ||
           is_remembered(s, pair);
}

static uint64_t match_seed(const search *s, uint64_t key)
{
    return vb_hash_bytes(key, &s->in->match_stamp, sizeof s->in->match_stamp);
}

// The text that a moment of a candidate is asked about.
static uint32_t text_of(const search *s, uint32_t query, uint32_t moment)
{
    return moment == 0 ? query : s->query_count;
}

// The pairs of a candidate; *can is false where ITM cannot look at one of them.
static vblip_status make_pairs(vb_pair *pairs, bool *can, bool *at_hand,
                               const search *s, uint32_t query, const vb_candidate *c,
                               vblip_error *err)
{
    *can = *at_hand = true;
    for (uint32_t m = 0; m < c->count && *can; m++) {
        const vb_moment *moment = &c->moments[m];
        const uint32_t text = text_of(s, query, m);
        const char *words = s->texts[text];
        segment_source source;
        VB_TRY(find_source(&source, s, moment, err));
        pairs[m] = (vb_pair){.text = text,
                             .clip = moment->input,
                             .span = moment->hit.span,
                             .key = source.key,
                             .itc = moment->hit.score};
        if (source.key && s->in->matches)
            pairs[m].match_key =
                vb_hash_bytes(match_seed(s, source.key), words, strlen(words));
        *at_hand = *at_hand && is_at_hand(s, &pairs[m]);
        *can = source.same || (source.away && *at_hand);
    }
    return VBLIP_OK;
}

// The candidates of a query become pairs: those that can be read, and that are at hand, or
// affordable. Of the others ITC alone is known.
static vblip_status pair_candidates(search *s, uint32_t query,
                                    vblip_index_changes *changes, vblip_error *err)
{
    vb_rerank *m = &s->matching;
    const bool thrifty = s->retrieve->rerank == VBLIP_RERANK_AUTO;
    // What was asked for the first page is remembered: the others have its order.
    const bool later = s->options->offset && s->in->matches;
    uint32_t anew = later                        ? 0
                    : s->task->ops->shares_cores ? AFFORDABLE
                                                 : DEFAULT_RERANK;
    for (uint32_t i = 0; i < candidates_of(s, query); i++) {
        vb_candidate *c = &s->candidates[query].items[i];
        vb_pair pairs[2];
        bool can, at_hand;
        VB_TRY(make_pairs(pairs, &can, &at_hand, s, query, c, err));
        changes->away += !can;
        if (!can)
            continue;
        const bool there = !thrifty || at_hand;
        c->asked = there || anew > 0;
        anew -= !there && c->asked;
        changes->passed_over += !c->asked;
        for (uint32_t n = 0; c->asked && n < c->count; n++)
            m->pairs[m->pair_count++] = pairs[n];
    }
    return VBLIP_OK;
}

static vblip_status match_candidates(search *s, vblip_index_changes *changes,
                                     vblip_error *err)
{
    vb_rerank *m = &s->matching;
    uint64_t most = 0;
    for (uint32_t q = 0; q < s->query_count; q++)
        most += candidates_of(s, q);
    m->pairs = calloc(most ? 2 * most : 1, sizeof *m->pairs);
    if (!m->pairs)
        return vb_fail_memory(err, "retrieve");
    for (uint32_t q = 0; q < s->query_count; q++)
        VB_TRY(pair_candidates(s, q, changes, err));
    return m->pair_count ? vb_rerank_run(m, err) : VBLIP_OK;
}

// -------------------------------------------------------------------------- ranking

// Before the others stand those that ITM was asked about: they were the best by ITC.
static int by_asked_then_score(const void *left, const void *right)
{
    const vb_candidate *a = *(const vb_candidate *const *)left;
    const vb_candidate *b = *(const vb_candidate *const *)right;
    if ((a->pairs[0] != NULL) != (b->pairs[0] != NULL))
        return a->pairs[0] ? -1 : 1;
    return vb_by_candidate_score(a, b);
}

// Takes what ITM said; false where a segment could not be read again.
static bool take_scores(const search *s, uint32_t query, vb_candidate *c)
{
    const vb_pair *pairs[2] = {NULL, NULL};
    float score = 0;
    if (c->pairs[0])
        return true;
    for (uint32_t m = 0; m < c->count; m++) {
        const vb_moment *moment = &c->moments[m];
        pairs[m] = vb_rerank_find(&s->matching, text_of(s, query, m), moment->input,
                                  moment->hit.span.start_us);
        if (!pairs[m])
            return false;
        score += moment->hit.score + pairs[m]->logits[1];
    }
    memcpy(c->pairs, pairs, sizeof c->pairs);
    c->score = score;
    return true;
}

// Best first. Candidates that could not be read again are none.
static vblip_status rank_query(search *s, uint32_t query, vblip_error *err)
{
    const vb_candidates *found = &s->candidates[query];
    if (found->count > s->ranked_capacity) {
        const vb_candidate **ranked = realloc(s->ranked, found->count * sizeof *ranked);
        if (!ranked)
            return vb_fail_memory(err, "retrieve");
        s->ranked = ranked;
        s->ranked_capacity = found->count;
    }
    s->ranked_count = 0;
    for (uint32_t i = 0; i < found->count; i++) {
        vb_candidate *c = &found->items[i];
        if (!c->asked || take_scores(s, query, c))
            s->ranked[s->ranked_count++] = c;
    }
    if (s->ranked_count > 1)
        qsort(s->ranked, s->ranked_count, sizeof *s->ranked, by_asked_then_score);
    return VBLIP_OK;
}

// More candidates than there were; those that ITM was asked about stay the first.
static vblip_status find_more(search *s, uint32_t query, vblip_error *err)
{
    vb_candidates more = {0}, *had = &s->candidates[query];
    const vblip_status status =
        find_of_query(&more, s, query, (uint64_t)PAGE_GROWTH * had->count, err);
    for (uint32_t i = 0; status == VBLIP_OK && i < candidates_of(s, query); i++)
        more.items[i].asked = had->items[i].asked;
    if (status != VBLIP_OK) {
        vb_candidates_free(&more);
        return status;
    }
    vb_candidates_free(had);
    *had = more;
    return VBLIP_OK;
}

// -------------------------------------------------------------------------- results

// What ITM said, and the sum of ITC.
static vblip_hit scores_of(const search *s, const vb_candidate *c)
{
    vblip_hit hit = {
        .score = c->score,
        .reranked = c->pairs[0] != NULL,
        .p_match = c->pairs[0] ? 1.0f : 0.0f,
    };
    for (uint32_t m = 0; m < c->count; m++) {
        hit.itc += c->moments[m].hit.score;
        if (!hit.reranked)
            continue;
        for (uint32_t i = 0; i < 2; i++)
            hit.itm_logits[i] += c->pairs[m]->logits[i];
        hit.p_match *= vb_match_probability(s->task->calibration, c->pairs[m]->logits);
    }
    return hit;
}

// And where it is.
static vblip_status place_hit(vblip_hit *hit, const search *s, uint32_t query,
                              const vb_candidate *c, vblip_error *err)
{
    const vb_moment *first = &c->moments[0], *last = &c->moments[c->count - 1];
    vb_recording recording;
    VB_TRY(vb_index_find_id(&recording, s->in->shelves[first->shelf].index,
                            first->hit.recording, err));
    hit->query = query;
    hit->input = s->in->as_it_is ? UINT32_MAX : first->input;
    hit->path = s->task->inputs[first->input].path;
    hit->timed = recording.timed;
    hit->start_us = first->hit.span.start_us;
    hit->end_us = first->hit.span.end_us;
    hit->then_start_us = c->count > 1 ? last->hit.span.start_us : 0;
    hit->then_end_us = c->count > 1 ? last->hit.span.end_us : 0;
    return VBLIP_OK;
}

// Reports the hits of a query that are behind the first `from`, until `from` is `end` or
// candidates run out.
static vblip_status report_from(search *s, uint32_t query, uint64_t *from, uint64_t end,
                                vb_shown *shown, vblip_error *err)
{
    const float min_p = s->retrieve->min_p;
    uint64_t at = 0;
    vb_shown_clear(shown);
    for (uint32_t i = 0; i < s->ranked_count && *from < end; i++) {
        bool is_new;
        const vb_candidate *c = s->ranked[i];
        vblip_hit hit = scores_of(s, c);
        if (min_p > 0.0f && !(hit.reranked && hit.p_match >= min_p))
            continue;
        VB_TRY(vb_shown_add(&is_new, shown, s->in->shelves, c, err));
        if (!is_new || ++at <= *from)
            continue;
        *from = at;
        hit.rank = (uint32_t)at;
        VB_TRY(place_hit(&hit, s, query, c, err));
        if (s->fn(s->user, &hit))
            return vb_fail_cancelled(err);
    }
    return VBLIP_OK;
}

static vblip_status report_query(search *s, uint32_t query, vb_shown *shown,
                                 vblip_error *err)
{
    uint64_t from = s->options->offset;
    const uint64_t end = from + s->top;
    for (;;) {
        VB_TRY(rank_query(s, query, err));
        VB_TRY(report_from(s, query, &from, end, shown, err));
        const bool more = s->candidates[query].count && !s->candidates[query].all;
        if (from == end || !more || s->retrieve->min_p > 0.0f)
            return VBLIP_OK;
        VB_TRY(find_more(s, query, err));
    }
}

static vblip_status report(search *s, vblip_error *err)
{
    vb_shown shown = {
        .dims = s->task->ops->projection,
        .input_count = s->task->input_count,
        .by_recording = s->options->by_recording,
        .same = s->options->same,
    };
    vblip_status status = VBLIP_OK;
    for (uint32_t q = 0; status == VBLIP_OK && q < s->query_count; q++)
        status = report_query(s, q, &shown, err);
    vb_shown_free(&shown);
    return status;
}

// ------------------------------------------------------------------------- the whole

static vblip_status search_run(search *s, vblip_index_changes *changes,
                               vblip_error *err)
{
    const size_t width = s->task->ops->projection;
    s->vectors = calloc(s->text_count * width, sizeof *s->vectors);
    s->candidates = calloc(s->query_count, sizeof *s->candidates);
    if (!s->vectors || !s->candidates)
        return vb_fail_memory(err, "retrieve");
    vblip_job job = *s->job;
    job.frames = s->in->frames;
    VB_TRY(vb_query_vectors(s->vectors, s->task, &job, s->texts,
                            s->texts[0] ? s->text_count : 0, s->options->examples,
                            s->options->example_count, err));
    s->in->text_itc = s->vectors;
    s->in->text_count = s->text_count;
    VB_TRY(vb_indexing_run(s->in, changes, err));
    VB_TRY(find_candidates(s, err));
    VB_TRY(match_candidates(s, changes, err));
    return report(s, err);
}

// The queries, and what is to follow.
static vblip_status take_texts(search *s, const char *const *queries, uint32_t count,
                               vblip_error *err)
{
    s->query_count = count ? count : 1; // examples alone
    s->text_count = s->query_count + (s->options->then != NULL);
    s->texts = calloc(s->text_count, sizeof *s->texts);
    if (!s->texts)
        return vb_fail_memory(err, "retrieve");
    for (uint32_t q = 0; q < count; q++)
        s->texts[q] = queries[q];
    if (s->options->then)
        s->texts[s->query_count] = s->options->then;
    return VBLIP_OK;
}

static void search_free(search *s)
{
    for (uint32_t q = 0; s->candidates && q < s->query_count; q++)
        vb_candidates_free(&s->candidates[q]);
    vb_candidates_free(&s->following);
    vb_cache_free(&s->cache);
    free(s->candidates);
    free(s->vectors);
    free(s->texts);
    free(s->ranked);
    free(s->matching.pairs);
}

static uint32_t candidates_to_ask(const vblip_search_options *o)
{
    if (o->example_count || o->retrieve->rerank == -1)
        return 0;
    return o->retrieve->rerank > 0 ? (uint32_t)o->retrieve->rerank : DEFAULT_RERANK;
}

vblip_status vb_task_search(vb_indexing *in, const char *const *queries, uint32_t count,
                            const vblip_search_options *options,
                            vblip_index_changes *changes, vblip_hit_fn fn, void *user,
                            vblip_error *err)
{
    const vblip_retrieve_options *retrieve = options->retrieve;
    const vblip_job *job = vb_job(retrieve->job);
    search s = {
        .task = in->task,
        .job = job,
        .options = options,
        .retrieve = retrieve,
        .in = in,
        .rerank = candidates_to_ask(options),
        .top = retrieve->top ? retrieve->top : DEFAULT_TOP,
        .fn = fn,
        .user = user,
    };
    *changes = (vblip_index_changes){0};
    VB_TRY(take_texts(&s, queries, count, err));
    in->job = job;
    in->frames = in->frames ? in->frames : job->frames ? job->frames : DEFAULT_FRAMES;
    in->cache = &s.cache;
    in->since_ns = options->since_ns;
    in->until_ns = options->until_ns;
    in->include = options->include && *options->include ? options->include : NULL;
    in->exclude = options->exclude;
    s.cache = (vb_cache){
        .ops = in->task->ops,
        .budget = s.rerank ? in->task->ops->cache_bytes : 0,
    };
    s.matching = (vb_rerank){
        .task = in->task,
        .job = job,
        .texts = s.texts,
        .text_count = s.text_count,
        .frames = in->frames,
        .cache = &s.cache,
        .tokens = in->tokens,
        .matches = in->matches,
    };
    const vblip_status status = search_run(&s, changes, err);
    for (uint32_t i = 0; i < in->shelf_count; i++)
        vb_index_live(in->shelves[i].index);
    search_free(&s);
    return status;
}

// ------------------------------------------------------------- nothing left on disk

static vblip_status search_in_memory(const vb_task *task, vb_place *places,
                                     const char *const *queries, uint32_t count,
                                     const vblip_retrieve_options *options,
                                     vblip_hit_fn fn, void *user, vblip_error *err)
{
    vblip_index_changes changes;
    const vblip_search_options searching = {.retrieve = options};
    vb_shelf shelf = {.may_write = true};
    const vb_index_options memory = {
        .root = "/", .dims = task->ops->projection, .write = true};
    for (uint32_t i = 0; i < task->input_count; i++)
        places[i] = (vb_place){.path = task->inputs[i].path};
    VB_TRY(vb_index_open(&shelf.index, &memory, err));
    vb_indexing in = {
        .task = task,
        .segmenting = {.rule = VB_SEGMENTS_WHOLE},
        .shelves = &shelf,
        .shelf_count = 1,
        .places = places,
    };
    const vblip_status status =
        vb_task_search(&in, queries, count, &searching, &changes, fn, user, err);
    vb_shelf_free(&shelf);
    vb_index_close(&shelf.index);
    return status;
}

vblip_status vb_task_retrieve(const vb_task *task, const char *const *queries,
                              uint32_t count, const vblip_retrieve_options *options,
                              vblip_hit_fn fn, void *user, vblip_error *err)
{
    vb_place *places =
        calloc(task->input_count ? task->input_count : 1, sizeof *places);
    if (!places)
        return vb_fail_memory(err, "retrieve");
    const vblip_status status =
        search_in_memory(task, places, queries, count, options, fn, user, err);
    free(places);
    return status;
}
