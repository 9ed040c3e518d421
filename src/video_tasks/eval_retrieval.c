// eval_retrieval.c - recall of true pairs, both directions (blip-spec 6.1).
//
// ITM of a text and a visual is the same number in both directions, so each pair that
// either direction needs is scored once. Matrices exist a row at a time: those of COCO
// would take a gigabyte.
#include "video_tasks/eval.h"
#include "output/tensor_file.h"
#include "video_tasks/job.h"
#include "video_tasks/metrics.h"
#include "video_tasks/ranking.h"
#include "video_tasks/scoring.h"

#include <stdlib.h>

enum { DEFAULT_FRAMES = 8, DEFAULT_K = 128 };
enum { OF_VISUAL = 1, OF_TEXT = 2 }; // a pair is among the K best of its visual, text

static const float not_scored = -100.0f; // the reference's

typedef struct retrieval {
    const vb_eval *eval;
    uint32_t visuals, texts, k;
    vb_scoring scoring;
    // In the scoring's arena.
    const char **captions; // [texts], those of one visual after another
    uint32_t *owner;       // [texts], the visual of each
    uint32_t *number;      // [texts], 0, 1, 2, ...
    uint32_t *first_text;  // [visuals + 1]
    vb_scored *order;      // [max(visuals, texts)]
    uint64_t *by_text;     // [pairs], those of one text after another
    uint64_t *first_pair;  // [texts + 2], where they begin
    float *row;            // [max(visuals, texts)]
    uint32_t *ranks;       // [max(visuals, texts)]
} retrieval;

// ------------------------------------------------------------------------- preparation

static uint64_t count_texts(const vb_eval_set *set)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < set->annotations.count; i++)
        count += set->annotations.items[i].text_count;
    return count;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static vblip_status recall_allocate(retrieval *r, vblip_error *err)
{
    vb_arena *arena = &r->scoring.arena;
    const uint32_t wide = r->visuals > r->texts ? r->visuals : r->texts;
    const size_t pairs = (size_t)r->visuals * least(r->k, r->texts) +
                         (size_t)r->texts * least(r->k, r->visuals);
    r->captions = VB_ARENA_NEW(arena, const char *, r->texts);
    r->owner = VB_ARENA_NEW(arena, uint32_t, r->texts);
    r->number = VB_ARENA_NEW(arena, uint32_t, r->texts);
    r->first_text = VB_ARENA_NEW(arena, uint32_t, (size_t)r->visuals + 1);
    r->order = VB_ARENA_NEW(arena, vb_scored, wide);
    r->by_text = VB_ARENA_NEW(arena, uint64_t, pairs);
    r->first_pair = VB_ARENA_NEW(arena, uint64_t, (size_t)r->texts + 2);
    r->row = VB_ARENA_NEW(arena, float, wide);
    r->ranks = VB_ARENA_NEW(arena, uint32_t, wide);
    r->scoring.pairs = VB_ARENA_NEW(arena, vb_pair, pairs);
    if (!r->captions || !r->owner || !r->number || !r->first_text || !r->order ||
        !r->by_text || !r->first_pair || !r->row || !r->ranks || !r->scoring.pairs)
        return vb_fail_memory(err, r->eval->set->name);
    return VBLIP_OK;
}

// Texts are numbered through, visual by visual.
static void number_texts(retrieval *r)
{
    const vb_eval_set *set = r->eval->set;
    uint32_t text = 0;
    for (uint32_t v = 0; v < r->visuals; v++) {
        r->first_text[v] = text;
        for (uint32_t i = set->first[v]; i < set->first[v + 1]; i++) {
            const vb_annotation *a = &set->annotations.items[set->order[i]];
            for (uint32_t c = 0; c < a->text_count; c++, text++) {
                r->captions[text] = a->texts[c];
                r->owner[text] = v;
                r->number[text] = text;
            }
        }
    }
    r->first_text[r->visuals] = text;
    r->scoring.texts = r->captions;
    r->scoring.text_count = r->texts;
}

static vblip_status check_files(const retrieval *r, vblip_error *err)
{
    uint32_t unreadable = 0;
    for (uint32_t v = 0; v < r->visuals; v++)
        unreadable += !r->scoring.readable[v];
    return vb_eval_set_check(r->eval->set, unreadable, err);
}

// ------------------------------------------------------------------------- candidates

static void add_best(retrieval *r, uint32_t count, uint32_t fixed, uint32_t use)
{
    vb_rank(r->order, count);
    for (uint32_t i = 0; i < count && i < r->k; i++)
        r->scoring.pairs[r->scoring.pair_count++] = (vb_pair){
            .text = use == OF_TEXT ? fixed : r->order[i].index,
            .clip = use == OF_TEXT ? r->order[i].index : fixed,
            .uses = use,
        };
}

static void pick_pairs(retrieval *r)
{
    for (uint32_t v = 0; v < r->visuals; v++) {
        for (uint32_t t = 0; t < r->texts; t++)
            r->order[t] = (vb_scored){vb_scoring_itc(&r->scoring, t, v), t};
        add_best(r, r->texts, v, OF_VISUAL);
    }
    for (uint32_t t = 0; t < r->texts; t++) {
        for (uint32_t v = 0; v < r->visuals; v++)
            r->order[v] = (vb_scored){vb_scoring_itc(&r->scoring, t, v), v};
        add_best(r, r->visuals, t, OF_TEXT);
    }
}

// Pairs are in the order of their visuals; this is that of their texts.
static void sort_by_text(retrieval *r)
{
    const vb_scoring *s = &r->scoring;
    uint64_t *next = r->first_pair + 1; // one ahead while it counts
    for (uint64_t i = 0; i < s->pair_count; i++)
        next[s->pairs[i].text + 1]++;
    for (uint32_t t = 0; t < r->texts; t++)
        next[t + 1] += next[t];
    for (uint64_t i = 0; i < s->pair_count; i++)
        r->by_text[next[s->pairs[i].text]++] = i;
}

// ----------------------------------------------------------------------------- scores

static void clear_row(retrieval *r, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        r->row[i] = not_scored;
}

static float score_of(const retrieval *r, const vb_pair *pair)
{
    return pair->logits[1] + vb_scoring_itc(&r->scoring, pair->text, pair->clip);
}

// The row of visual `v`, [texts], from pair `at` on; returns where the next one's begin.
static uint64_t visual_row(retrieval *r, uint32_t v, uint64_t at)
{
    const vb_scoring *s = &r->scoring;
    clear_row(r, r->texts);
    for (; at < s->pair_count && s->pairs[at].clip == v; at++)
        if (s->pairs[at].uses & OF_VISUAL)
            r->row[s->pairs[at].text] = score_of(r, &s->pairs[at]);
    return at;
}

// The row of text `t`, [visuals].
static void text_row(retrieval *r, uint32_t t)
{
    clear_row(r, r->visuals);
    for (uint64_t i = r->first_pair[t]; i < r->first_pair[t + 1]; i++) {
        const vb_pair *pair = &r->scoring.pairs[r->by_text[i]];
        if (pair->uses & OF_TEXT)
            r->row[pair->clip] = score_of(r, pair);
    }
}

// Copies the row into a matrix that is to be written; NULL = into none.
static void keep_row(const retrieval *r, float *matrix, uint32_t index, uint32_t count)
{
    for (uint32_t i = 0; matrix && i < count; i++)
        matrix[(size_t)index * count + i] = r->row[i];
}

static vb_recall recall_of_texts(retrieval *r, float *matrix)
{
    uint64_t at = 0;
    for (uint32_t v = 0; v < r->visuals; v++) {
        const uint32_t first = r->first_text[v];
        at = visual_row(r, v, at);
        keep_row(r, matrix, v, r->texts);
        r->ranks[v] = vb_best_rank(r->row, r->texts, r->number + first,
                                   r->first_text[v + 1] - first);
    }
    return vb_recall_of(r->ranks, r->visuals);
}

static vb_recall recall_of_visuals(retrieval *r, float *matrix)
{
    for (uint32_t t = 0; t < r->texts; t++) {
        text_row(r, t);
        keep_row(r, matrix, t, r->visuals);
        r->ranks[t] = vb_best_rank(r->row, r->visuals, &r->owner[t], 1);
    }
    return vb_recall_of(r->ranks, r->texts);
}

// ---------------------------------------------------------------------------- results

static bool all_images(const vb_eval_set *set)
{
    for (uint32_t i = 0; i < set->annotations.count; i++)
        if (!set->annotations.items[i].is_image)
            return false;
    return true;
}

// The reference's names, in its order; only its script for videos has a median.
static vblip_status report_recall(const vb_eval *eval, const vb_recall *texts,
                                  const vb_recall *visuals, vblip_error *err)
{
    const bool images = all_images(eval->set);
    const struct {
        const char *name, *name_of_images; // NULL = not reported
        double value;
    } metrics[] = {
        {"txt_r1", "txt_r1", texts->r1},
        {"txt_r5", "txt_r5", texts->r5},
        {"txt_r10", "txt_r10", texts->r10},
        {"txt_r_mean", "txt_r_mean", texts->mean},
        {"vid_r1", "img_r1", visuals->r1},
        {"vid_r5", "img_r5", visuals->r5},
        {"vid_r10", "img_r10", visuals->r10},
        {"vid_r_mean", "img_r_mean", visuals->mean},
        {"vid_mdR", NULL, visuals->median},
        {"r_mean", "r_mean", (texts->mean + visuals->mean) / 2},
    };
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        const char *name = images ? metrics[i].name_of_images : metrics[i].name;
        if (name)
            VB_TRY(vb_eval_metric(eval, name, metrics[i].value, err));
    }
    return VBLIP_OK;
}

// The scores before ranking, [visuals, texts] and [texts, visuals].
static vblip_status write_scores(const retrieval *r, const float *v2t, const float *t2v,
                                 vblip_error *err)
{
    vb_outfile out;
    vb_tensor_file file = {0};
    VB_TRY(vb_outfile_open(&out, r->eval->options->scores, err));
    vblip_status status = vb_tensor_file_begin(&file, &out, 2, 0, err);
    if (status == VBLIP_OK) {
        vb_tensor_file_add(&file, "score_v2t", v2t, r->visuals, r->texts);
        vb_tensor_file_add(&file, "score_t2v", t2v, r->texts, r->visuals);
        vb_tensor_file_end(&file);
        status = vb_outfile_finish(&out, err);
    } else {
        vb_outfile_discard(&out);
    }
    vb_tensor_file_free(&file);
    return status;
}

// `v2t` and `t2v` are both there or both NULL.
static vblip_status recall_measure(retrieval *r, float *v2t, float *t2v,
                                   vblip_error *err)
{
    const vb_recall texts = recall_of_texts(r, v2t);
    const vb_recall visuals = recall_of_visuals(r, t2v);
    if (v2t)
        VB_TRY(write_scores(r, v2t, t2v, err));
    return report_recall(r->eval, &texts, &visuals, err);
}

static vblip_status measure_and_write(retrieval *r, vblip_error *err)
{
    if (!r->eval->options->scores)
        return recall_measure(r, NULL, NULL, err);
    float *v2t = calloc((size_t)r->visuals * r->texts, sizeof *v2t);
    float *t2v = calloc((size_t)r->visuals * r->texts, sizeof *t2v);
    vblip_status status = v2t && t2v ? recall_measure(r, v2t, t2v, err)
                                     : vb_fail_memory(err, r->eval->options->scores);
    free(v2t);
    free(t2v);
    return status;
}

static vblip_status evaluate_retrieval(retrieval *r, vblip_error *err)
{
    VB_TRY(recall_allocate(r, err));
    number_texts(r);
    VB_TRY(vb_scoring_encode(&r->scoring, err));
    VB_TRY(check_files(r, err));
    pick_pairs(r);
    VB_TRY(vb_scoring_match(&r->scoring, err));
    VB_TRY(check_files(r, err)); // a file may go away between the passes
    sort_by_text(r);
    return measure_and_write(r, err);
}

vblip_status vb_eval_retrieval(const vb_eval *eval, vblip_error *err)
{
    const vblip_eval_options *options = eval->options;
    const uint64_t texts = count_texts(eval->set);
    if (texts >= UINT32_MAX / 2)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "%s: more than %u captions",
                       eval->set->name, UINT32_MAX / 2);
    retrieval r = {
        .eval = eval,
        .visuals = eval->set->input_count,
        .texts = (uint32_t)texts,
        .k = options->k_test ? options->k_test : DEFAULT_K,
        .scoring =
            {
                .task = eval->task,
                .job = vb_job(options->job),
                .frames = vb_job(options->job)->frames ? vb_job(options->job)->frames
                                                       : DEFAULT_FRAMES,
            },
    };
    vblip_status status = evaluate_retrieval(&r, err);
    vb_scoring_free(&r.scoring);
    return status;
}
