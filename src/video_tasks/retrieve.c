// retrieve.c - ITC over all segments, then ITM over the best of each query (blip-spec 6.1).
#include "video_tasks/retrieve.h"

#include "base/file.h"
#include "base/hash.h"
#include "video_tasks/job.h"
#include "video_tasks/ranking.h"
#include "video_tasks/rerank.h"

#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_FRAMES = 8,
    DEFAULT_TOP = 10,
    DEFAULT_RERANK = 128,
    AFFORDABLE = 16, // candidates encoded anew where that takes seconds each
};

// A segment that a query may be answered with.
typedef struct found_segment {
    uint32_t shelf, input; // input: of the task, or NO_INPUT
    vb_index_hit hit;
    float score;
    bool asked;          // ITM was
    const vb_pair *pair; // what it said; NULL: nothing
} found_segment;

#define NO_INPUT UINT32_MAX

typedef struct search {
    const vb_task *task;
    const vblip_job *job;
    const vblip_retrieve_options *options;
    const char *const *queries;
    uint32_t query_count;
    vb_indexing *in;
    uint32_t rerank; // candidates per query, 0 = none
    vblip_hit_fn fn;
    void *user;

    float *text_itc;      // [queries, projection]
    uint32_t best;        // segments looked at for each query
    found_segment *found; // [queries, best]
    uint32_t *counts;     // [queries]
    vb_cache cache;
    vb_rerank matching;
    bool *seen; // [inputs], of one query, by recording
} search;

// ----------------------------------------------------------------------- candidates

// Best first; equal ones in the order of the inputs, then of time.
static int by_hit_score(const void *left, const void *right)
{
    const found_segment *a = left, *b = right;
    const bool nan_a = a->score != a->score, nan_b = b->score != b->score;
    if (nan_a != nan_b)
        return nan_a ? 1 : -1;
    if (!nan_a && a->score != b->score)
        return a->score > b->score ? -1 : 1;
    if (a->input != b->input)
        return a->input < b->input ? -1 : 1;
    if (a->hit.span.start_us != b->hit.span.start_us)
        return a->hit.span.start_us < b->hit.span.start_us ? -1 : 1;
    return a->hit.segment < b->hit.segment ? -1 : a->hit.segment > b->hit.segment;
}

// What there is to look at in all: each query gets as many at most.
static vblip_status count_segments(uint64_t *out, const search *s, vblip_error *err)
{
    *out = 0;
    for (uint32_t i = 0; i < s->in->shelf_count; i++) {
        vb_index_totals totals;
        VB_TRY(vb_index_count(&totals, s->in->shelves[i].index, err));
        *out += totals.segments;
    }
    return VBLIP_OK;
}

// Of a recording that no input is only where the shelf has no inputs at all.
static uint32_t input_of(const vb_shelf *shelf, int64_t recording)
{
    return shelf->inputs && recording < shelf->ids && shelf->inputs[recording]
               ? shelf->inputs[recording] - 1
               : NO_INPUT;
}

// Of each query there is room for the best of every shelf.
static found_segment *found_of(const search *s, uint32_t query)
{
    return s->found + (size_t)query * s->best * s->in->shelf_count;
}

static vblip_status search_shelf(search *s, uint32_t number, vb_index_hit *hits,
                                 uint32_t *found, uint8_t *allowed, vblip_error *err)
{
    const vb_shelf *shelf = &s->in->shelves[number];
    for (int64_t id = 0; id < shelf->ids; id++)
        allowed[id] = shelf->inputs[id] != 0;
    const vb_index_query query = {
        .vectors = s->text_itc,
        .count = s->query_count,
        .best = s->best,
        .allowed = s->task->input_count ? allowed : NULL,
        .allowed_count = shelf->ids,
    };
    VB_TRY(vb_index_search(shelf->index, &query, hits, found, err));
    for (uint32_t q = 0; q < s->query_count; q++) {
        for (uint32_t i = 0; i < found[q]; i++) {
            const vb_index_hit *hit = &hits[(size_t)q * s->best + i];
            found_of(s, q)[s->counts[q]++] = (found_segment){
                .shelf = number,
                .input = input_of(shelf, hit->recording),
                .hit = *hit,
                .score = hit->score,
            };
        }
    }
    return VBLIP_OK;
}

static vblip_status search_shelves(search *s, vblip_error *err)
{
    int64_t ids = 1;
    for (uint32_t i = 0; i < s->in->shelf_count; i++)
        if (s->in->shelves[i].ids > ids)
            ids = s->in->shelves[i].ids;
    vb_index_hit *hits = calloc((size_t)s->query_count * s->best, sizeof *hits);
    uint32_t *found = calloc(s->query_count, sizeof *found);
    uint8_t *allowed = calloc((size_t)ids, 1);
    vblip_status status =
        hits && found && allowed ? VBLIP_OK : vb_fail_memory(err, "retrieve");
    for (uint32_t i = 0; status == VBLIP_OK && i < s->in->shelf_count; i++)
        status = search_shelf(s, i, hits, found, allowed, err);
    for (uint32_t q = 0; status == VBLIP_OK && q < s->query_count; q++) {
        qsort(found_of(s, q), s->counts[q], sizeof *s->found, by_hit_score);
        s->counts[q] = s->counts[q] < s->best ? s->counts[q] : s->best;
    }
    free(hits);
    free(found);
    free(allowed);
    return status;
}

static uint32_t candidates_of(const search *s, uint32_t query)
{
    return s->rerank < s->counts[query] ? s->rerank : s->counts[query];
}

// Whether the file is the one that was indexed, so that its frames belong to the vectors,
// and what the tokens of a segment of it are kept under; 0: they are not.
static vblip_status look_at_file(bool *same, uint64_t *key, const search *s,
                                 const found_segment *f, vblip_error *err)
{
    const vb_shelf *shelf = &s->in->shelves[f->shelf];
    vb_recording recording;
    vb_file_facts now;
    vblip_error gone = {0};
    *key = 0;
    *same = true;
    if (!shelf->root)
        return VBLIP_OK;
    VB_TRY(vb_index_find_id(&recording, shelf->index, f->hit.recording, err));
    *same = vb_file_look(&now, s->task->inputs[f->input].path, &gone) == VBLIP_OK &&
            now.size == recording.size && now.modified_ns == recording.modified_ns;
    const uint64_t of[] = {recording.content, (uint64_t)recording.modified_ns,
                           (uint64_t)f->hit.span.start_us,
                           (uint64_t)f->hit.span.end_us};
    if (s->in->tokens && *same)
        *key = vb_hash_bytes(shelf->stamp, of, sizeof of);
    return VBLIP_OK;
}

static bool is_at_hand(const search *s, const vb_pair *pair)
{
    const vb_clip_key key = {pair->clip, pair->span.start_us};
    return vb_cache_find(s->in->cache, key) ||
           (pair->key && vb_tokens_has(s->in->tokens, pair->key));
}

// The candidates of a query become pairs: those that can be read, and that are at hand, or
// affordable.
static vblip_status pair_candidates(search *s, uint32_t query, uint64_t *passed_over,
                                    vblip_error *err)
{
    vb_rerank *m = &s->matching;
    const bool thrifty = s->options->rerank == VBLIP_RERANK_AUTO;
    uint32_t anew = s->task->ops->shares_cores ? AFFORDABLE : DEFAULT_RERANK;
    for (uint32_t i = 0; i < candidates_of(s, query); i++) {
        found_segment *f = &found_of(s, query)[i];
        vb_pair pair = {.text = query, .clip = f->input, .span = f->hit.span};
        if (f->input == NO_INPUT)
            continue;
        bool same;
        VB_TRY(look_at_file(&same, &pair.key, s, f, err));
        if (!same)
            continue; // ITC alone: the index waits for what it holds now
        const bool there = !thrifty || is_at_hand(s, &pair);
        f->asked = there || anew > 0;
        anew -= !there && f->asked;
        *passed_over += !f->asked;
        if (f->asked)
            m->pairs[m->pair_count++] = pair;
    }
    return VBLIP_OK;
}

static vblip_status match_candidates(search *s, uint64_t *passed_over, vblip_error *err)
{
    vb_rerank *m = &s->matching;
    uint64_t most = 0;
    for (uint32_t q = 0; q < s->query_count; q++)
        most += candidates_of(s, q);
    m->pairs = calloc(most ? most : 1, sizeof *m->pairs);
    if (!m->pairs)
        return vb_fail_memory(err, "retrieve");
    for (uint32_t q = 0; q < s->query_count; q++)
        VB_TRY(pair_candidates(s, q, passed_over, err));
    return m->pair_count ? vb_rerank_run(m, err) : VBLIP_OK;
}

// -------------------------------------------------------------------------- results

// Before the others stand those that ITM was asked about: they were the best by ITC.
static int by_asked_then_score(const void *left, const void *right)
{
    const found_segment *a = left, *b = right;
    if ((a->pair != NULL) != (b->pair != NULL))
        return a->pair ? -1 : 1;
    return by_hit_score(left, right);
}

// Best first. Candidates that could not be read again are none.
static void rank_query(search *s, uint32_t query)
{
    found_segment *found = found_of(s, query);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->counts[query]; i++) {
        found_segment *f = &found[i];
        if (f->asked) {
            f->pair =
                vb_rerank_find(&s->matching, query, f->input, f->hit.span.start_us);
            if (!f->pair)
                continue;
            f->score += f->pair->logits[1];
        }
        found[kept++] = *f;
    }
    s->counts[query] = kept;
    qsort(found, kept, sizeof *found, by_asked_then_score);
}

static vblip_status hit_of(vblip_hit *hit, const search *s, uint32_t query,
                           const found_segment *f, vb_string *path, vblip_error *err)
{
    const vb_shelf *shelf = &s->in->shelves[f->shelf];
    vb_recording recording;
    VB_TRY(vb_index_find_id(&recording, shelf->index, f->hit.recording, err));
    vb_string_clear(path);
    if (f->input == NO_INPUT)
        vb_string_appendf(path, "%s/%s", shelf->root, recording.path);
    if (path->failed)
        return vb_fail_memory(err, "retrieve");
    *hit = (vblip_hit){
        .query = query,
        .input = f->input,
        .path = f->input == NO_INPUT ? path->bytes : s->task->inputs[f->input].path,
        .timed = recording.timed,
        .start_us = f->hit.span.start_us,
        .end_us = f->hit.span.end_us,
        .score = f->score,
        .itc = f->hit.score,
        .reranked = f->pair != NULL,
    };
    if (f->pair) {
        memcpy(hit->itm_logits, f->pair->logits, sizeof hit->itm_logits);
        hit->p_match = vb_match_probability(f->pair->logits);
    }
    return VBLIP_OK;
}

static vblip_status report_query(search *s, uint32_t query, vb_string *path,
                                 vblip_error *err)
{
    const float min_p = s->options->min_p;
    const uint32_t top = s->options->top ? s->options->top : DEFAULT_TOP;
    rank_query(s, query);
    uint32_t rank = 0;
    for (uint32_t i = 0; i < s->counts[query] && rank < top; i++) {
        vblip_hit hit;
        VB_TRY(hit_of(&hit, s, query, &found_of(s, query)[i], path, err));
        if (min_p > 0.0f && !(hit.reranked && hit.p_match >= min_p))
            continue;
        hit.rank = ++rank;
        if (s->fn(s->user, &hit))
            return vb_fail_cancelled(err);
    }
    return VBLIP_OK;
}

// ------------------------------------------------------------------------- the whole

static vblip_status make_search_room(search *s, vblip_error *err)
{
    uint64_t segments;
    const uint32_t top = s->options->top ? s->options->top : DEFAULT_TOP;
    VB_TRY(count_segments(&segments, s, err));
    s->best = top > s->rerank ? top : s->rerank;
    if (s->options->min_p > 0.0f)
        s->best = s->rerank; // the others have no P(match)
    if (s->best > segments)
        s->best = (uint32_t)segments;
    const size_t rows = (size_t)s->query_count * s->in->shelf_count;
    s->found = calloc(rows * (s->best ? s->best : 1), sizeof *s->found);
    s->counts = calloc(s->query_count, sizeof *s->counts);
    return s->found && s->counts ? VBLIP_OK : vb_fail_memory(err, "retrieve");
}

static vblip_status search_run(search *s, vblip_index_changes *changes,
                               vblip_error *err)
{
    const vb_model_ops *ops = s->task->ops;
    vb_string path = {0};
    s->text_itc = calloc((size_t)s->query_count * ops->projection, sizeof *s->text_itc);
    if (!s->text_itc)
        return vb_fail_memory(err, "retrieve");
    VB_TRY(ops->text_itc(ops->model, s->queries, s->query_count, s->text_itc, err));
    s->in->text_itc = s->text_itc;
    s->in->text_count = s->query_count;
    VB_TRY(vb_indexing_run(s->in, changes, err));
    VB_TRY(make_search_room(s, err));
    if (s->best)
        VB_TRY(search_shelves(s, err));
    VB_TRY(match_candidates(s, &changes->passed_over, err));
    vblip_status status = VBLIP_OK;
    for (uint32_t q = 0; status == VBLIP_OK && q < s->query_count; q++)
        status = report_query(s, q, &path, err);
    vb_string_free(&path);
    return status;
}

vblip_status vb_task_search(vb_indexing *in, const char *const *queries, uint32_t count,
                            const vblip_retrieve_options *options,
                            vblip_index_changes *changes, vblip_hit_fn fn, void *user,
                            vblip_error *err)
{
    const vblip_job *job = vb_job(options->job);
    search s = {
        .task = in->task,
        .job = job,
        .options = options,
        .queries = queries,
        .query_count = count,
        .in = in,
        .rerank = options->rerank > 0     ? (uint32_t)options->rerank
                  : options->rerank == -1 ? 0
                                          : DEFAULT_RERANK,
        .fn = fn,
        .user = user,
    };
    in->job = job;
    in->frames = in->frames ? in->frames : job->frames ? job->frames : DEFAULT_FRAMES;
    in->cache = &s.cache;
    s.cache = (vb_cache){
        .ops = in->task->ops,
        .budget = s.rerank ? in->task->ops->cache_bytes : 0,
    };
    s.matching = (vb_rerank){
        .task = in->task,
        .job = job,
        .texts = queries,
        .text_count = count,
        .frames = in->frames,
        .cache = &s.cache,
        .tokens = in->tokens,
    };
    const vblip_status status = search_run(&s, changes, err);
    for (uint32_t i = 0; i < in->shelf_count; i++)
        vb_index_live(in->shelves[i].index);
    vb_cache_free(&s.cache);
    free(s.text_itc);
    free(s.found);
    free(s.counts);
    free(s.matching.pairs);
    return status;
}

// ------------------------------------------------------------- nothing left on disk

static vblip_status search_in_memory(const vb_task *task, vb_place *places,
                                     const char *const *queries, uint32_t count,
                                     const vblip_retrieve_options *options,
                                     vblip_hit_fn fn, void *user, vblip_error *err)
{
    vblip_index_changes changes;
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
        vb_task_search(&in, queries, count, options, &changes, fn, user, err);
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
