// answer.c - visual question answering: by generating, and by ranking (blip-spec 6.2).
#include "blip/heads.h"
#include "blip/logits.h"
#include "blip/texts.h"

#include <stdlib.h>
#include <string.h>

// Answers are ranked in batches of at most this much memory for their logits.
static const uint64_t rank_bytes = 16u << 20;

enum { RANK_COLS = VB_TOPK_VALUES + 2 }; // of vb_topk: the best serves its softmax

// ---------------------------------------------------------------------------- question

// Encodes `question` with what `visual` shows, and makes the keys and values that the
// decoder reads from all of its states. Begins the call: resets the activations.
static vblip_status encode_question(vb_model *m, vb_visual *visual,
                                    const char *question, vblip_error *err)
{
    const vb_cross *cross;
    VB_TRY(vb_model_need(m, VBLIP_TASK_VQA, err));
    VB_TRY(vb_model_tokens(m, &m->ids, question, vb_pre_question, VB_QUESTION_WORDS,
                           vb_model_text_tokens(m), vb_model_first(m), err));
    VB_TRY(vb_visual_encoder_cross(&cross, visual, 0, m->ids.count, err));

    vb_tensor states;
    vb_pool *pool = &m->activations;
    vb_recorder rec = vb_recorder_begin(m->device);
    vb_pool_reset(pool);
    VB_TRY(vb_cross_make(&m->question, pool, &m->config.decoder, m->ids.count, err));
    VB_TRY(
        vb_texts_encode(&states, &rec, m, pool, &m->ids, 1, VB_STATES_ALL, cross, err));
    vb_cross_fill(&rec, &m->weights.decoder, 0, &m->question, states);
    return vb_recorder_submit(&rec, err);
}

// ----------------------------------------------------------------------------- generate

static vblip_status generate_answer(vb_model *m, vb_visual *visual,
                                    const char *question, const vb_answer_params *given,
                                    vb_generated *out, vblip_error *err)
{
    const vb_answer_params *d = &m->compat->answer, *p = given ? given : d;
    const uint32_t positions = m->config.decoder.positions;
    const uint32_t most = p->max_length ? p->max_length : d->max_length;
    const vb_search_params search = {
        .beams = p->beams ? p->beams : d->beams,
        .max_length = positions < most ? positions : most,
        .min_length = p->min_length ? p->min_length : d->min_length,
        .repetition_penalty = 1.0f,
        .rules = m->compat->rules,
        .eos = m->special.sep,
        .vocabulary = m->config.decoder.vocabulary,
    };
    VB_TRY(encode_question(m, visual, question, err));
    VB_TRY(vb_ids_assign(&m->ids, &m->special.dec, 1, err));
    const vb_writing writing = {.cross = &m->question,
                                .params = &search,
                                .prompt = &m->ids,
                                .parts = 1,
                                .each = 1};
    return vb_model_write(m, &writing, out, err);
}

vblip_status vb_model_answer(vb_model *model, vb_visual *visual, const char *question,
                             const vb_answer_params *params, vb_generated *out,
                             vblip_error *err)
{
    *out = (vb_generated){0};
    vblip_status status = generate_answer(model, visual, question, params, out, err);
    if (status != VBLIP_OK)
        vb_generated_free(out);
    return status;
}

// --------------------------------------------------------------------------------- rank

typedef struct candidate {
    uint32_t index; // of the answer
    float score;
    vb_ids ids; // [DEC] ... [SEP]
} candidate;

static int by_score(const void *left, const void *right)
{
    const candidate *a = left, *b = right;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

static vblip_status tokenize_answers(vb_model *m, candidate *list,
                                     const char *const *answers, uint32_t count,
                                     vblip_error *err)
{
    const uint32_t positions = m->config.decoder.positions;
    for (uint32_t i = 0; i < count; i++) {
        list[i].index = i;
        VB_TRY(vb_model_tokens(m, &list[i].ids, answers[i], NULL, 0, 0, m->special.dec,
                               err));
        if (list[i].ids.count > positions)
            return vb_fail(err, VBLIP_ERR_ARGUMENT,
                           "answer %u: %u tokens, the model has %u positions", i + 1,
                           list[i].ids.count, positions);
    }
    return VBLIP_OK;
}

// Room on the device for texts of `rows` ids in all.
typedef struct ranker {
    uint32_t rows;
    vb_tensor ids;    // VB_I32 [1, rows, 1]
    vb_tensor next;   // the same: of what follows each
    vb_tensor cache;  // [1, rows, layers * 2 * D]
    vb_tensor work;   // [1, rows, D]
    vb_tensor logits; // [1, rows, V]
    vb_tensor found;  // [1, rows, RANK_COLS]
    vb_text_scratch scratch;
} ranker;

static vblip_status ranker_make(ranker *out, vb_model *m, uint32_t rows,
                                vblip_error *err)
{
    const vb_text_config *c = &m->config.decoder;
    const uint32_t width = c->layers * 2 * c->width;
    vb_pool *pool = &m->activations;
    *out = (ranker){.rows = rows};
    VB_TRY(vb_pool_tensor(&out->ids, pool, VB_I32, 1, rows, 1, err));
    VB_TRY(vb_pool_tensor(&out->next, pool, VB_I32, 1, rows, 1, err));
    VB_TRY(vb_pool_tensor(&out->cache, pool, vb_device_keys(m->device), 1, rows, width,
                          err));
    VB_TRY(vb_pool_tensor(&out->work, pool, VB_F32, 1, rows, c->width, err));
    VB_TRY(vb_pool_tensor(&out->logits, pool, VB_F32, 1, rows, c->vocabulary, err));
    VB_TRY(vb_pool_tensor(&out->found, pool, VB_F32, 1, rows, RANK_COLS, err));
    VB_TRY(vb_text_scratch_make(&out->scratch, pool, c, 1, rows, err));
    VB_TRY(vb_decoder_reserve(&m->decoder, (uint64_t)rows * RANK_COLS + c->vocabulary,
                              err));
    return vb_model_stage(m, 2 * (uint64_t)rows * sizeof(int32_t), err);
}

static vb_tensor cut(vb_tensor t, uint32_t count, uint32_t tokens)
{
    return vb_reshape(vb_rows(t, 0, count * tokens), count, tokens, t.cols);
}

static vb_tensor cut_ids(vb_tensor t, uint32_t count, uint32_t tokens)
{
    return vb_reshape(vb_rows(t, 0, count * tokens), 1, count, tokens);
}

// What vb_topk makes of the logits of each position of the ids [count, tokens] in
// m->staging, with those of the ids behind them there, in m->decoder.logits [count, tokens,
// RANK_COLS]; and behind those, with `all`, the logits of position 0.
static vblip_status predict_positions(vb_model *m, const ranker *r, uint32_t count,
                                      uint32_t tokens, bool all, vblip_error *err)
{
    const vb_text_config *c = &m->config.decoder;
    const vb_tensor ids = cut_ids(r->ids, count, tokens);
    const vb_tensor next = cut_ids(r->next, count, tokens);
    const vb_tensor logits = cut(r->logits, count, tokens);
    const vb_tensor found = cut(r->found, count, tokens);
    const uint64_t elements = vb_tensor_elements(&found);
    const int32_t *staged = (const int32_t *)(const void *)m->staging;
    const vb_text_scratch s = {
        .hidden = cut(r->scratch.hidden, count, tokens),
        .query = cut(r->scratch.query, count, tokens),
        .mixed = cut(r->scratch.mixed, count, tokens),
        .wide = cut(r->scratch.wide, count, tokens),
    };
    vb_recorder rec = vb_recorder_begin(m->device);
    vb_upload(&rec, ids, staged);
    vb_upload(&rec, next, staged + (size_t)count * tokens);
    vb_text_decode(&rec, &m->weights.decoder, c, &s, cut(r->cache, count, tokens), ids,
                   0, &m->question, NULL);
    vb_lm_head(&rec, &m->weights.lm, c->eps, logits, s.hidden,
               cut(r->work, count, tokens));
    vb_topk(&rec, .y = found, .x = logits, .ids = next, .k = 1);
    vb_download(&rec, m->decoder.logits, found);
    if (all)
        vb_download(&rec, m->decoder.logits + elements, vb_rows(r->logits, 0, 1));
    VB_TRY(vb_recorder_submit(&rec, err));
    return vb_check_finite(m->decoder.logits, elements, m->path, "logits", err);
}

// Scores answers by the probability of their first piece after [DEC], best first.
static vblip_status rank_first_pieces(vb_model *m, candidate *list, uint32_t count,
                                      vblip_error *err)
{
    ranker r;
    VB_TRY(ranker_make(&r, m, 1, err));
    const int32_t ids[] = {m->special.dec, list[0].ids.ids[1]};
    memcpy(m->staging, ids, sizeof ids);
    VB_TRY(predict_positions(m, &r, 1, 1, true, err));
    const vb_top_logits top = vb_top_logits_of(m->decoder.logits, 1);
    const float *logits = m->decoder.logits + RANK_COLS;
    for (uint32_t i = 0; i < count; i++)
        list[i].score = vb_log_probability(&top, logits[list[i].ids.ids[1]]);
    qsort(list, count, sizeof *list, by_score);
    return VBLIP_OK;
}

// Sum over the tokens after [DEC] of 0.9 log p(token) + 0.1 mean over V of log p, where
// `smoothing` is 0.1, given what was found at all positions.
static float score_answer(const vb_ids *ids, const float *found, double smoothing)
{
    double score = 0.0;
    for (uint32_t t = 0; t + 1 < ids->count; t++, found += RANK_COLS) {
        const vb_top_logits top = vb_top_logits_of(found, 1);
        const float token = vb_log_probability(&top, found[VB_TOPK_GATHERED]);
        const float mean = vb_log_probability(&top, found[VB_TOPK_MEAN]);
        score += (1.0 - smoothing) * (double)token + smoothing * (double)mean;
    }
    return (float)score;
}

// Positions of an answer that predict something: all but that of its last id.
static uint32_t positions_of(const candidate *c)
{
    return c->ids.count - 1;
}

static int by_length(const void *left, const void *right)
{
    const candidate *a = left, *b = right;
    if (a->ids.count != b->ids.count)
        return a->ids.count < b->ids.count ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

// Scores `count` answers, of which the last is the longest, in one go.
static vblip_status score_batch(vb_model *m, const ranker *r, candidate *list,
                                uint32_t count, vblip_error *err)
{
    const uint32_t tokens = positions_of(&list[count - 1]);
    const size_t rows = (size_t)count * tokens;
    int32_t *ids = (int32_t *)(void *)m->staging, *next = ids + rows;
    memset(ids, 0, 2 * rows * sizeof *ids); // any id will do as a pad
    for (uint32_t i = 0; i < count; i++) {
        const size_t bytes = positions_of(&list[i]) * sizeof *ids;
        memcpy(ids + (size_t)i * tokens, list[i].ids.ids, bytes);
        memcpy(next + (size_t)i * tokens, list[i].ids.ids + 1, bytes);
    }
    VB_TRY(predict_positions(m, r, count, tokens, false, err));
    for (uint32_t i = 0; i < count; i++)
        list[i].score = score_answer(&list[i].ids,
                                     m->decoder.logits + (size_t)i * tokens * RANK_COLS,
                                     m->compat->smoothing);
    return VBLIP_OK;
}

// Scores whole answers, best first. Answers of like length go together.
static vblip_status rank_whole(vb_model *m, candidate *list, uint32_t count,
                               vblip_error *err)
{
    qsort(list, count, sizeof *list, by_length);
    const uint32_t longest = positions_of(&list[count - 1]);
    const uint64_t row_bytes = m->config.decoder.vocabulary * sizeof(float);
    uint64_t rows = rank_bytes / row_bytes;
    if (rows > (uint64_t)count * longest)
        rows = (uint64_t)count * longest;
    if (rows < longest)
        rows = longest;

    ranker r;
    VB_TRY(ranker_make(&r, m, (uint32_t)rows, err));
    for (uint32_t done = 0, n; done < count; done += n) {
        n = 1;
        while (done + n < count &&
               (uint64_t)(n + 1) * positions_of(&list[done + n]) <= rows)
            n++;
        VB_TRY(score_batch(m, &r, list + done, n, err));
    }
    qsort(list, count, sizeof *list, by_score);
    return VBLIP_OK;
}

vblip_status vb_model_rank(vb_model *model, vb_visual *visual, const char *question,
                           const char *const *answers, uint32_t count, uint32_t k_test,
                           uint32_t *order, float *scores, uint32_t *kept,
                           vblip_error *err)
{
    const uint32_t k = k_test < count ? k_test : count;
    *kept = 0;
    memset(order, 0, count * sizeof *order);
    memset(scores, 0, count * sizeof *scores);
    candidate *list = calloc(count ? count : 1, sizeof *list);
    if (!list)
        return vb_fail_memory(err, "answers");
    vblip_status status = tokenize_answers(model, list, answers, count, err);
    if (status == VBLIP_OK)
        status = encode_question(model, visual, question, err);
    if (status == VBLIP_OK && count)
        status = rank_first_pieces(model, list, count, err);
    if (status == VBLIP_OK && k)
        status = rank_whole(model, list, k, err);
    for (uint32_t i = 0; i < k && status == VBLIP_OK; i++) {
        order[i] = list[i].index;
        scores[i] = list[i].score;
        *kept = k;
    }
    for (uint32_t i = 0; i < count; i++)
        vb_ids_free(&list[i].ids);
    free(list);
    return status;
}
