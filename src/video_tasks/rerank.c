#include "video_tasks/rerank.h"

#include "video_tasks/clip_encoder.h"
#include "video_tasks/job.h"

#include <stdlib.h>
#include <string.h>

// A clip that is decoded again.
typedef struct missing_clip {
    uint32_t clip;
    uint64_t first;      // of its pairs
    vb_clip_parts parts; // that are asked for
    float itc;           // the best of its pairs
} missing_clip;

// What the pairs of one clip share, and room for them.
typedef struct matching {
    vb_rerank *r;
    const char **texts;    // [text_count], those of one group
    float (*logits)[2];    // [text_count]
    missing_clip *missing; // [missing_count]
    vb_segment *times;     // [time_count], what their parts point to
    uint32_t missing_count, time_count;
    uint32_t *order;      // [missing_count], as a plan has them
    vb_clip_parts *parts; // [missing_count]
    vb_meter meter;
    vb_visual *read;      // of tokens from the disk; owned
    vb_features features; // on their way to it
} matching;

static int by_clip_then_text(const void *left, const void *right)
{
    const vb_pair *a = left, *b = right;
    if (a->clip != b->clip)
        return a->clip < b->clip ? -1 : 1;
    if (a->span.start_us != b->span.start_us)
        return a->span.start_us < b->span.start_us ? -1 : 1;
    return a->text < b->text ? -1 : a->text > b->text;
}

static void put_in_order(vb_rerank *r)
{
    if (r->pair_count < 2)
        return;
    qsort(r->pairs, r->pair_count, sizeof *r->pairs, by_clip_then_text);
    uint64_t kept = 1;
    for (uint64_t i = 1; i < r->pair_count; i++) {
        if (by_clip_then_text(&r->pairs[kept - 1], &r->pairs[i]) == 0)
            r->pairs[kept - 1].uses |= r->pairs[i].uses;
        else
            r->pairs[kept++] = r->pairs[i];
    }
    r->pair_count = kept;
}

const vb_pair *vb_rerank_find(const vb_rerank *r, uint32_t text, uint32_t clip,
                              int64_t start_us)
{
    if (r->pair_count == 0)
        return NULL;
    const vb_pair key = {.text = text, .clip = clip, .span = {.start_us = start_us}};
    const vb_pair *pair =
        bsearch(&key, r->pairs, r->pair_count, sizeof *r->pairs, by_clip_then_text);
    return pair && pair->ok ? pair : NULL;
}

static bool same_clip(const vb_pair *a, const vb_pair *b)
{
    return a->clip == b->clip && a->span.start_us == b->span.start_us;
}

// The pairs of what pair `first` is about: how many there are.
static uint32_t group_size(const vb_rerank *r, uint64_t first)
{
    uint32_t size = 1;
    while (first + size < r->pair_count &&
           same_clip(&r->pairs[first + size], &r->pairs[first]))
        size++;
    return size;
}

static vb_clip_key pair_key(const vb_pair *pair)
{
    return (vb_clip_key){pair->clip, pair->span.start_us};
}

// Keeps what ITM has read on disk: whatever was a candidate once may be one again.
static vblip_status keep_visual(matching *m, uint64_t key, const vb_visual *visual,
                                vblip_error *err)
{
    const vb_model_ops *ops = m->r->task->ops;
    if (!m->r->tokens || !key || vb_tokens_has(m->r->tokens, key))
        return VBLIP_OK;
    VB_TRY(ops->visual_features(ops->model, visual, &m->features, err));
    vb_tokens_write(m->r->tokens, key, m->features.values, m->features.rows,
                    m->features.cols);
    return VBLIP_OK;
}

// The pairs of a group that were not asked about yet.
static uint32_t open_pairs(const vb_pair *group, uint32_t size)
{
    uint32_t open = 0;
    for (uint32_t i = 0; i < size; i++)
        open += !group[i].ok;
    return open;
}

// Asks ITM about one clip and all the texts that are paired with it.
static vblip_status score_group(matching *m, vb_pair *group, uint32_t size,
                                vb_visual *visual, vblip_error *err)
{
    const vb_rerank *r = m->r;
    const vb_model_ops *ops = r->task->ops;
    uint32_t asked = 0, said = 0;
    for (uint32_t i = 0; i < size; i++)
        if (!group[i].ok)
            m->texts[asked++] = r->texts[group[i].text];
    VB_TRY(keep_visual(m, group->key, visual, err));
    VB_TRY(ops->itm(ops->model, visual, m->texts, asked, false, m->logits, err));
    for (uint32_t i = 0; i < size; i++)
        if (!group[i].ok) {
            memcpy(group[i].logits, m->logits[said++], sizeof group[i].logits);
            group[i].ok = true;
        }
    return vb_meter_add(&m->meter, r->task->inputs[group->clip].path, asked, err);
}

// ------------------------------------------------------------------- what was said before

// Returns how many pairs are left.
static uint64_t take_remembered(vb_rerank *r)
{
    uint64_t left = 0;
    for (uint64_t i = 0; i < r->pair_count; i++) {
        vb_pair *pair = &r->pairs[i];
        pair->remembered = r->matches && pair->match_key &&
                           vb_matches_find(r->matches, pair->match_key, pair->logits);
        pair->ok = pair->remembered;
        left += !pair->ok;
    }
    return left;
}

static void remember_matches(const vb_rerank *r)
{
    if (!r->matches)
        return;
    vb_matches_begin(r->matches);
    for (uint64_t i = 0; i < r->pair_count; i++) {
        const vb_pair *pair = &r->pairs[i];
        if (pair->ok && !pair->remembered && pair->match_key)
            vb_matches_add(r->matches, pair->match_key, pair->logits);
    }
    vb_matches_end(r->matches);
}

// ------------------------------------------------------------------- visuals that are there

static void note_missing(matching *m, uint64_t first, uint32_t size)
{
    const vb_pair *group = &m->r->pairs[first];
    missing_clip *last = m->missing_count ? &m->missing[m->missing_count - 1] : NULL;
    if (!last || last->clip != group->clip) {
        last = &m->missing[m->missing_count++];
        *last = (missing_clip){.clip = group->clip,
                               .first = first,
                               .parts = {.times = m->times + m->time_count},
                               .itc = group->itc};
    }
    m->times[m->time_count++] = group->span;
    last->parts.count++;
    for (uint32_t i = 0; i < size; i++)
        last->itc = group[i].itc > last->itc ? group[i].itc : last->itc;
}

// The visual of a clip whose tokens are on disk; NULL in *out where they are not.
static vblip_status load_visual(vb_visual **out, matching *m, uint64_t key,
                                vblip_error *err)
{
    const vb_model_ops *ops = m->r->task->ops;
    float *values;
    uint32_t rows, cols;
    *out = NULL;
    if (!m->r->tokens || !key ||
        !vb_tokens_read(m->r->tokens, key, &values, &rows, &cols))
        return VBLIP_OK;
    vblip_status status = VBLIP_OK;
    vblip_error unfit = {0};
    if (!m->read)
        status = ops->visual_make(&m->read, ops->model, err);
    if (status == VBLIP_OK)
        status = ops->visual_fill(ops->model, m->read, values, rows, cols, &unfit);
    free(values);
    if (status == VBLIP_ERR_FORMAT && unfit.status == VBLIP_ERR_FORMAT)
        return VBLIP_OK; // another model's: it is encoded again
    if (status != VBLIP_OK && unfit.status != VBLIP_OK)
        return vb_fail(err, unfit.status, "%s", unfit.message);
    *out = status == VBLIP_OK ? m->read : NULL;
    return status;
}

// Scores the clips whose visuals are still there and lists the others. A visual is freed
// once scored: nothing asks for it again, and ITM made it hold keys and values too.
static vblip_status score_kept(matching *m, vblip_error *err)
{
    vb_rerank *r = m->r;
    uint32_t size = 0;
    for (uint64_t i = 0; i < r->pair_count; i += size) {
        vb_pair *group = &r->pairs[i];
        size = group_size(r, i);
        if (open_pairs(group, size) == 0)
            continue;
        vb_visual *visual = vb_cache_find(r->cache, pair_key(group));
        if (!visual)
            VB_TRY(load_visual(&visual, m, group->key, err));
        if (!visual) {
            note_missing(m, i, size);
            continue;
        }
        VB_TRY(score_group(m, group, size, visual, err));
        vb_cache_drop(r->cache, pair_key(group));
    }
    return VBLIP_OK;
}

// ------------------------------------------------------------------- visuals that are not

// Pair `first` is the first of a part that was to be read again.
static vblip_status encode_again(matching *m, vb_clip_encoder *encoder,
                                 const vb_clip *clip, uint64_t first, vblip_error *err)
{
    vb_rerank *r = m->r;
    const char *path = r->task->inputs[clip->input].path;
    const uint32_t size = group_size(r, first);
    if (clip->error.status != VBLIP_OK) { // it could be read the first time
        VB_TRY(vb_job_failed(r->job, clip->input, path, &clip->error, err));
        return vb_meter_skip(&m->meter, path, open_pairs(&r->pairs[first], size), err);
    }
    vb_encoding *got;
    VB_TRY(vb_clip_encoder_encode(&got, encoder, err));
    return score_group(m, &r->pairs[first], size, got->visual, err);
}

// The first pair of the part of a clip that was to be read.
static uint64_t first_of_part(const matching *m, uint32_t item, uint32_t part)
{
    const vb_segment *time = &m->missing[item].parts.times[part];
    uint64_t at = m->missing[item].first;
    while (m->r->pairs[at].span.start_us != time->start_us)
        at++;
    return at;
}

static int by_itc_of_missing(const void *left, const void *right)
{
    const missing_clip *a = left, *b = right;
    if (a->itc > b->itc)
        return -1;
    if (a->itc < b->itc)
        return 1;
    return a->clip < b->clip ? -1 : a->clip > b->clip;
}

// The likeliest first: whoever stops it has kept the tokens of those.
static void plan_missing(matching *m)
{
    qsort(m->missing, m->missing_count, sizeof *m->missing, by_itc_of_missing);
    for (uint32_t i = 0; i < m->missing_count; i++) {
        m->order[i] = m->missing[i].clip;
        m->parts[i] = m->missing[i].parts;
    }
}

static vblip_status score_missing(matching *m, vblip_error *err)
{
    vb_rerank *r = m->r;
    plan_missing(m);
    vblip_job job = *r->job;
    job.warned = NULL; // it was told the first time
    const vb_clips_plan plan = {
        .order = m->order,
        .count = m->missing_count,
        .frames = r->frames,
        .parts = m->parts,
    };
    vb_clip_encoder *encoder = NULL;
    VB_TRY(vb_clip_encoder_open(&encoder, r->task, &job, &plan, false, err));
    vblip_status status = VBLIP_OK;
    const vb_clip *clip = NULL;
    for (uint32_t item = 0;
         status == VBLIP_OK && (clip = vb_clip_encoder_next(encoder));) {
        status =
            encode_again(m, encoder, clip, first_of_part(m, item, clip->part), err);
        const bool last =
            clip->error.status != VBLIP_OK || clip->part + 1 == clip->parts;
        item += last;
    }
    vb_clip_encoder_close(&encoder);
    return status;
}

static vblip_status match_all(matching *m, vblip_error *err)
{
    const size_t pairs = m->r->pair_count ? m->r->pair_count : 1;
    const size_t texts = m->r->text_count;
    m->texts = calloc(texts, sizeof *m->texts);
    m->logits = calloc(texts, sizeof *m->logits);
    m->missing = calloc(pairs, sizeof *m->missing);
    m->order = calloc(pairs, sizeof *m->order);
    m->parts = calloc(pairs, sizeof *m->parts);
    m->times = calloc(pairs, sizeof *m->times);
    if (!m->texts || !m->logits || !m->missing || !m->order || !m->parts || !m->times)
        return vb_fail_memory(err, "scores");
    const uint64_t left = take_remembered(m->r);
    m->meter = vb_meter_start(m->r->job, "pairs", left);
    VB_TRY(score_kept(m, err));
    return m->missing_count ? score_missing(m, err) : VBLIP_OK;
}

vblip_status vb_rerank_run(vb_rerank *r, vblip_error *err)
{
    matching m = {.r = r};
    put_in_order(r);
    const vblip_status status = match_all(&m, err);
    remember_matches(r);
    if (m.read)
        r->task->ops->visual_free(&m.read);
    vb_features_free(&m.features);
    free(m.texts);
    free(m.logits);
    free(m.missing);
    free(m.order);
    free(m.parts);
    free(m.times);
    return status;
}
