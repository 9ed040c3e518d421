#include "video_tasks/candidates.h"

#include <stdlib.h>
#include <string.h>

enum {
    SLACK = 8,  // looked at beyond what is needed: scores at the cut are seldom equal
    GROWTH = 4, // each time that did not suffice
};

int vb_by_candidate_score(const void *left, const void *right)
{
    const vb_candidate *a = left, *b = right;
    const vb_moment *m = &a->moments[0], *n = &b->moments[0];
    const bool nan_a = a->score != a->score, nan_b = b->score != b->score;
    if (nan_a != nan_b)
        return nan_a ? 1 : -1;
    if (!nan_a && a->score != b->score)
        return a->score > b->score ? -1 : 1;
    if (m->input != n->input)
        return m->input < n->input ? -1 : 1;
    if (m->hit.span.start_us != n->hit.span.start_us)
        return m->hit.span.start_us < n->hit.span.start_us ? -1 : 1;
    return m->hit.segment < n->hit.segment ? -1 : m->hit.segment > n->hit.segment;
}

void vb_candidates_free(vb_candidates *candidates)
{
    free(candidates->items);
    *candidates = (vb_candidates){0};
}

static vblip_status put_candidate(vb_candidates *out, const vb_candidate *candidate,
                                  vblip_error *err)
{
    if (out->count == out->capacity) {
        const uint32_t capacity = out->capacity ? 2 * out->capacity : 64;
        vb_candidate *items = realloc(out->items, capacity * sizeof *items);
        if (!items)
            return vb_fail_memory(err, "candidates");
        out->items = items;
        out->capacity = capacity;
    }
    out->items[out->count++] = *candidate;
    return VBLIP_OK;
}

static void sort_candidates(vb_candidates *c)
{
    if (c->count > 1)
        qsort(c->items, c->count, sizeof *c->items, vb_by_candidate_score);
}

// ----------------------------------------------------------------------------- segments

// One look at every shelf, for some queries.
typedef struct finding {
    const vb_indexing *in;
    const float *vectors;
    uint32_t count, best;
    vb_index_hit *hits; // [count, best], of one shelf
    uint32_t *found;    // [count]
    uint8_t *allowed;   // [ids], of one shelf
    float *limits;      // [count]: what was not looked at has no better score
    bool *cut;          // [count]: some was not
} finding;

static vblip_status look_at_shelf(finding *f, uint32_t number, vb_candidates *out,
                                  vblip_error *err)
{
    const vb_shelf *shelf = &f->in->shelves[number];
    for (int64_t id = 0; id < shelf->ids; id++)
        f->allowed[id] = shelf->inputs[id] != 0;
    const vb_index_query query = {
        .vectors = f->vectors,
        .count = f->count,
        .best = f->best,
        .allowed = f->allowed,
        .allowed_count = shelf->ids,
    };
    VB_TRY(vb_index_search(shelf->index, &query, f->hits, f->found, err));
    for (uint32_t q = 0; q < f->count; q++) {
        const vb_index_hit *hits = &f->hits[(size_t)q * f->best];
        for (uint32_t i = 0; i < f->found[q]; i++) {
            const vb_candidate candidate = {
                .moments = {{number, shelf->inputs[hits[i].recording] - 1, hits[i]}},
                .count = 1,
                .score = hits[i].score,
            };
            VB_TRY(put_candidate(&out[q], &candidate, err));
        }
        if (f->found[q] < f->best)
            continue;
        const float last = hits[f->best - 1].score;
        f->limits[q] = !f->cut[q] || last > f->limits[q] ? last : f->limits[q];
        f->cut[q] = true;
    }
    return VBLIP_OK;
}

// What may be equal to, or worse than, what was not looked at goes: its order is not known.
static void drop_uncertain(vb_candidates *c, bool cut, float limit)
{
    uint32_t kept = 0;
    c->all = !cut;
    while (kept < c->count && (!cut || c->items[kept].score > limit))
        kept++;
    c->count = kept;
}

static vblip_status look_at_shelves(finding *f, vb_candidates *out, vblip_error *err)
{
    for (uint32_t q = 0; q < f->count; q++)
        out[q].count = 0;
    for (uint32_t i = 0; i < f->in->shelf_count; i++)
        VB_TRY(look_at_shelf(f, i, out, err));
    for (uint32_t q = 0; q < f->count; q++) {
        sort_candidates(&out[q]);
        drop_uncertain(&out[q], f->cut[q], f->limits[q]);
    }
    return VBLIP_OK;
}

static vblip_status find_best(vb_candidates *out, const vb_indexing *in,
                              const float *vectors, uint32_t count, uint32_t best,
                              vblip_error *err)
{
    int64_t ids = 1;
    for (uint32_t i = 0; i < in->shelf_count; i++)
        ids = in->shelves[i].ids > ids ? in->shelves[i].ids : ids;
    finding f = {
        .in = in,
        .vectors = vectors,
        .count = count,
        .best = best,
        .hits = calloc((size_t)count * best, sizeof *f.hits),
        .found = calloc(count, sizeof *f.found),
        .allowed = calloc((size_t)ids, 1),
        .limits = calloc(count, sizeof *f.limits),
        .cut = calloc(count, sizeof *f.cut),
    };
    const bool room = f.hits && f.found && f.allowed && f.limits && f.cut;
    const vblip_status status =
        room ? look_at_shelves(&f, out, err) : vb_fail_memory(err, "candidates");
    free(f.hits);
    free(f.found);
    free(f.allowed);
    free(f.limits);
    free(f.cut);
    return status;
}

// The segments of the largest shelf: of no other has more to be looked at.
static vblip_status most_segments(uint64_t *out, const vb_indexing *in,
                                  vblip_error *err)
{
    *out = 0;
    for (uint32_t i = 0; i < in->shelf_count; i++) {
        vb_index_totals totals;
        VB_TRY(vb_index_count(&totals, in->shelves[i].index, err));
        *out = totals.segments > *out ? totals.segments : *out;
    }
    return VBLIP_OK;
}

vblip_status vb_candidates_find(vb_candidates *out, const vb_indexing *in,
                                const float *vectors, uint32_t count, uint32_t need,
                                vblip_error *err)
{
    uint64_t most;
    const size_t width = in->task->ops->projection;
    VB_TRY(most_segments(&most, in, err));
    most = most < UINT32_MAX - 1 ? most : UINT32_MAX - 1;
    uint64_t best = (uint64_t)need + SLACK;
    best = best <= most ? best : most + 1; // one more than there are: all of them
    VB_TRY(find_best(out, in, vectors, count, (uint32_t)best, err));
    for (uint32_t q = 0; q < count; q++)
        for (uint64_t more = best; out[q].count < need && !out[q].all;) {
            more = more * GROWTH <= most ? more * GROWTH : most + 1;
            VB_TRY(find_best(&out[q], in, vectors + q * width, 1, (uint32_t)more, err));
        }
    return VBLIP_OK;
}

// ---------------------------------------------------------------------------- sequences

static int by_recording_then_start(const void *left, const void *right)
{
    const vb_moment *a = ((const vb_candidate *)left)->moments;
    const vb_moment *b = ((const vb_candidate *)right)->moments;
    if (a->shelf != b->shelf)
        return a->shelf < b->shelf ? -1 : 1;
    if (a->hit.recording != b->hit.recording)
        return a->hit.recording < b->hit.recording ? -1 : 1;
    if (a->hit.span.start_us != b->hit.span.start_us)
        return a->hit.span.start_us < b->hit.span.start_us ? -1 : 1;
    return a->hit.segment < b->hit.segment ? -1 : a->hit.segment > b->hit.segment;
}

static bool same_recording(const vb_candidate *a, const vb_candidate *b)
{
    return a->moments->shelf == b->moments->shelf &&
           a->moments->hit.recording == b->moments->hit.recording;
}

// Those of `then` that may follow what is in work, as a queue: rising in time, falling in
// score, so that the best is the first.
typedef struct followers {
    const vb_candidates *then;
    uint32_t *queue; // [then->count]
    uint32_t first, end, next;
} followers;

static const vb_candidate *follower_at(const followers *f, uint32_t at)
{
    return &f->then->items[f->queue[at]];
}

static void queue_follower(followers *f, uint32_t number)
{
    const float score = f->then->items[number].score;
    while (f->end > f->first && follower_at(f, f->end - 1)->score < score)
        f->end--;
    f->queue[f->end++] = number;
}

// The best that follows `a`; NULL: none does. Calls come in order of recordings and time.
static const vb_candidate *best_follower(followers *f, const vb_candidate *a,
                                         int64_t within_us)
{
    const int64_t end_us = a->moments->hit.span.end_us;
    for (; f->next < f->then->count; f->next++) {
        const vb_candidate *b = &f->then->items[f->next];
        const bool ahead = same_recording(a, b)
                               ? b->moments->hit.span.start_us > end_us + within_us
                               : by_recording_then_start(a, b) < 0;
        if (ahead)
            break;
        queue_follower(f, f->next);
    }
    for (; f->first < f->end; f->first++) {
        const vb_candidate *b = follower_at(f, f->first);
        if (same_recording(a, b) && b->moments->hit.span.start_us >= end_us)
            return b;
    }
    return NULL;
}

static vblip_status join_followers(vb_candidates *out, const vb_candidates *first,
                                   followers *f, int64_t within_us, vblip_error *err)
{
    for (uint32_t i = 0; i < first->count; i++) {
        const vb_candidate *a = &first->items[i];
        const bool image = a->moments->hit.span.end_us == 0;
        const vb_candidate *b = image ? NULL : best_follower(f, a, within_us);
        if (!b)
            continue;
        const vb_candidate pair = {
            .moments = {a->moments[0], b->moments[0]},
            .count = 2,
            .score = a->score + b->score,
        };
        VB_TRY(put_candidate(out, &pair, err));
    }
    return VBLIP_OK;
}

vblip_status vb_candidates_join(vb_candidates *out, vb_candidates *first,
                                vb_candidates *then, int64_t within_us, uint32_t need,
                                vblip_error *err)
{
    followers f = {.then = then,
                   .queue = calloc((size_t)then->count + 1, sizeof *f.queue)};
    if (!f.queue)
        return vb_fail_memory(err, "candidates");
    if (first->count > 1)
        qsort(first->items, first->count, sizeof *first->items,
              by_recording_then_start);
    if (then->count > 1)
        qsort(then->items, then->count, sizeof *then->items, by_recording_then_start);
    out->count = 0;
    out->all = true;
    const vblip_status status = join_followers(out, first, &f, within_us, err);
    free(f.queue);
    sort_candidates(out);
    if (out->count > need) {
        vb_candidate *items = realloc(out->items, need * sizeof *items);
        out->items = items ? items : out->items;
        out->capacity = items ? need : out->capacity;
        out->count = need;
        out->all = false;
    }
    return status;
}
