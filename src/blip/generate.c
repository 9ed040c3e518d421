#include "blip/generate.h"

#include "blip/finite.h"
#include "blip/heads.h"
#include "blip/logits.h"
#include "compute/recorder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The decoder's state on the device while texts are written. Those that are not finished
// have `beams` rows each, next to each other, in the order of the texts.
typedef struct run {
    vb_decoder *decoder;
    const vb_cross *cross;
    const vb_search_params *params;
    const int32_t *prompt;
    uint32_t prompt_count;
    vb_written *texts;
    uint32_t count;
    uint32_t each;        // texts of a part of `cross`
    uint32_t beams;       // rows of a text: 1 without a search
    uint32_t length;      // tokens of each row
    uint32_t *unfinished; // [count], indices of texts
    uint32_t *reads;      // [count], the part of `cross` of each that is unfinished
    uint32_t left;        // of `unfinished`
    int32_t *tokens;      // [count * max(beams, prompt)], to run next
    uint32_t *sources;    // [count * beams], rows of the cache that the rows go on from

    vb_recorder rec;
    uint32_t vocabulary;
    vb_tensor cache, spare; // [rows, max_length, layers * 2 * D]
    vb_tensor prompt_ids;   // VB_I32 [1, count, prompt]
    vb_text_scratch prompts;
    vb_tensor step_ids;   // VB_I32 [1, rows, 1]
    vb_text_scratch step; // of one token of each row
    vb_tensor work;       // [rows, 1, D]
    vb_tensor logits;     // [rows, 1, V]
    uint32_t best;        // logits of each row that come home: 0 = all
    vb_tensor top;        // [rows, 1, vb_topk_cols(best)], with `best`
    float *top_rows;      // [count * beams, vb_topk_cols(best)], `top` at home
} run;

static bool is_search(const vb_search_params *p)
{
    return !p->sample && p->beams > 1;
}

// How many of the best words of a row decide what is next: all, where every word may be
// drawn or rise, or where the penalty changes what the others are measured by. In a search
// there are more than are chosen, so that its check of the others holds: see
// vb_beam_choose_top.
static uint32_t best_of_a_row(const vb_search_params *p, uint32_t prompt_count)
{
    enum { SPARE = 2 };
    const bool search = is_search(p), penalised = p->repetition_penalty != 1.0f;
    if (p->sample || p->repetition_penalty < 1.0f || (penalised && !search))
        return 0;
    uint32_t best = search ? 2 * p->beams + SPARE : 1;
    if (p->min_length > prompt_count)
        best++; // [SEP], which may not come yet
    if (penalised)
        best += p->max_length; // the words that are there already
    best = best < VB_TOPK_MOST ? best : VB_TOPK_MOST;
    return best < p->vocabulary ? best : p->vocabulary;
}

// --------------------------------------------------------------------------- the device

static vblip_status run_make(run *r, vblip_error *err)
{
    vb_decoder *d = r->decoder;
    const vb_text_config *c = d->config;
    vb_pool *pool = d->pool;
    const uint32_t rows = r->count * r->beams, width = c->layers * 2 * c->width;
    const uint32_t length = r->params->max_length;
    r->rec = vb_recorder_begin(pool->device);
    r->vocabulary = d->lm->decoder.w->rows;
    const vb_dtype keys = vb_device_keys(pool->device);
    VB_TRY(vb_pool_tensor(&r->cache, pool, keys, rows, length, width, err));
    VB_TRY(vb_pool_tensor(&r->spare, pool, keys, rows, length, width, err));
    VB_TRY(vb_pool_tensor(&r->prompt_ids, pool, VB_I32, 1, r->count, r->prompt_count,
                          err));
    VB_TRY(vb_text_scratch_make(&r->prompts, pool, c, r->count, r->prompt_count, err));
    VB_TRY(vb_pool_tensor(&r->step_ids, pool, VB_I32, 1, rows, 1, err));
    VB_TRY(vb_text_scratch_make(&r->step, pool, c, rows, 1, err));
    VB_TRY(vb_pool_tensor(&r->work, pool, VB_F32, rows, 1, c->width, err));
    VB_TRY(vb_pool_tensor(&r->logits, pool, VB_F32, rows, 1, r->vocabulary, err));
    if (!r->best)
        return vb_decoder_reserve(d, (uint64_t)rows * r->vocabulary, err);
    return vb_pool_tensor(&r->top, pool, VB_F32, rows, 1, vb_topk_cols(r->best), err);
}

// What a device says are words becomes indices.
static vblip_status check_words(const run *r, uint32_t rows, vblip_error *err)
{
    for (uint32_t i = 0; i < rows; i++) {
        const vb_top_logits top =
            vb_top_logits_of(r->top_rows + (size_t)i * vb_topk_cols(r->best), r->best);
        for (uint32_t k = 0; k < top.count; k++) {
            if (!(top.columns[k] >= 0 && top.columns[k] < (float)r->vocabulary))
                return vb_fail(err, VBLIP_ERR_DEVICE,
                               "%s: word %.9g of a vocabulary of %u, by %s",
                               r->decoder->model, (double)top.columns[k], r->vocabulary,
                               r->decoder->pool->device->caps.name);
        }
    }
    return VBLIP_OK;
}

// Brings home what decides: all logits of the first `rows` rows, or the best.
static vblip_status fetch(run *r, uint32_t rows, vblip_error *err)
{
    const vb_tensor logits = vb_batches(r->logits, 0, rows);
    float *home = r->best ? r->top_rows : r->decoder->logits;
    vb_tensor out = logits;
    if (r->best) {
        out = vb_batches(r->top, 0, rows);
        vb_topk(&r->rec, .y = out, .x = logits, .k = r->best);
    }
    vb_download(&r->rec, home, out);
    VB_TRY(vb_recorder_submit(&r->rec, err));
    VB_TRY(vb_check_finite(home, vb_tensor_elements(&out), r->decoder->model, "logits",
                           err));
    return r->best ? check_words(r, rows, err) : VBLIP_OK;
}

// Runs r->tokens, [ids.rows, ids.cols], as tokens first .. of as many rows, and brings
// home what decides of the logits of the last position of each.
static vblip_status forward(run *r, const vb_text_scratch *s, vb_tensor ids,
                            uint32_t first, vblip_error *err)
{
    const vb_decoder *d = r->decoder;
    const uint32_t rows = ids.rows;
    const vb_tensor last = vb_rows(s->hidden, s->hidden.rows - 1, 1);
    const vb_readers readers = {
        .parts = r->count / r->each, .part = r->reads, .count = r->left};

    for (uint32_t i = 0; i < r->left; i++)
        r->reads[i] = r->unfinished[i] / r->each;
    vb_upload(&r->rec, ids, r->tokens);
    vb_text_decode(&r->rec, d->text, d->config, s, vb_batches(r->cache, 0, rows), ids,
                   first, r->cross, &readers);
    vb_lm_head(&r->rec, d->lm, d->config->eps, vb_batches(r->logits, 0, rows), last,
               vb_batches(r->work, 0, rows));
    return fetch(r, rows, err);
}

// Row i of the cache becomes what row sources[i] was, for `length` tokens.
static void reorder(run *r, uint32_t rows, uint32_t length)
{
    bool changed = false;
    for (uint32_t i = 0; i < rows; i++)
        changed = changed || r->sources[i] != i;
    if (!changed)
        return;
    for (uint32_t i = 0; i < rows; i++)
        vb_copy(&r->rec, vb_rows(vb_batches(r->spare, i, 1), 0, length),
                vb_rows(vb_batches(r->cache, r->sources[i], 1), 0, length));
    const vb_tensor old = r->cache;
    r->cache = r->spare;
    r->spare = old;
}

static vblip_status run_prompts(run *r, vblip_error *err)
{
    for (uint32_t i = 0; i < r->count; i++)
        memcpy(r->tokens + (size_t)i * r->prompt_count, r->prompt,
               r->prompt_count * sizeof *r->prompt);
    return forward(r, &r->prompts, r->prompt_ids, 0, err);
}

static vblip_status run_step(run *r, vblip_error *err)
{
    const uint32_t rows = r->left * r->beams;
    const vb_text_scratch s = vb_text_scratch_cut(&r->step, rows);
    reorder(r, rows, r->length - 1);
    return forward(r, &s, vb_rows(r->step_ids, 0, rows), r->length - 1, err);
}

// All rows of a text go on from its prompt: row i of `rows` [count, cols] becomes the rows
// of text i.
static void spread_rows(float *rows, size_t cols, uint32_t count, uint32_t beams)
{
    for (uint32_t i = count; i-- > 0;)
        for (uint32_t beam = beams; beam-- > 0;)
            if (i * beams + beam != i)
                memcpy(rows + (i * beams + beam) * cols, rows + i * cols,
                       cols * sizeof *rows);
}

// Brings home all logits of the k-th text that is unfinished, which lie on the device
// still. `shared`: they are one row, which becomes that of each beam.
static vblip_status fetch_all(run *r, uint32_t k, bool shared, vblip_error *err)
{
    vb_decoder *d = r->decoder;
    const uint32_t rows = shared ? 1 : r->beams;
    VB_TRY(vb_decoder_reserve(d, (uint64_t)r->beams * r->vocabulary, err));
    vb_download(&r->rec, d->logits, vb_batches(r->logits, k * rows, rows));
    VB_TRY(vb_recorder_submit(&r->rec, err));
    if (shared)
        spread_rows(d->logits, r->vocabulary, 1, r->beams);
    return VBLIP_OK;
}

// ------------------------------------------------------------------------------ texts

static vblip_status start_text(run *r, uint32_t i, vblip_error *err)
{
    vb_writer *writer = &r->decoder->writers[i];
    vb_written *text = &r->texts[i];
    if (is_search(r->params))
        return vb_beam_start(&writer->beam, r->params, r->prompt, r->prompt_count, err);
    writer->sum = 0.0;
    memcpy(text->ids, r->prompt, r->prompt_count * sizeof *text->ids);
    if (!r->params->sample)
        return VBLIP_OK;
    vb_sample_params sample = *r->params->sample;
    sample.random = text->random;
    return vb_sampler_start(&writer->sampler, &sample, r->params->vocabulary, err);
}

// The token after the `n` tokens of `ids`: the best, or one drawn, given the logits of
// the last of them, which become log-probabilities.
static int32_t choose(vb_sampler *sampler, const vb_search_params *p,
                      const int32_t *ids, uint32_t n, float *logits)
{
    if (p->repetition_penalty != 1.0f)
        vb_penalise_repetition(logits, ids, n, p->repetition_penalty);
    const float eos = logits[p->eos];
    if (n < p->min_length)
        logits[p->eos] = -INFINITY;
    const int32_t token = p->sample ? vb_sampler_draw(sampler, logits)
                                    : (int32_t)vb_argmax(logits, p->vocabulary);
    logits[p->eos] = eos; // the minimum length does not change probabilities
    vb_log_softmax_row(logits, p->vocabulary);
    return token;
}

// The best token after `n` of a text, or the second, where the best may not come yet.
static int32_t take_best(const vb_search_params *p, uint32_t n,
                         const vb_top_logits *top, float *log_probability)
{
    const bool skipped = n < p->min_length && (int32_t)top->columns[0] == p->eos;
    *log_probability = vb_log_probability(top, top->values[skipped]);
    return (int32_t)top->columns[skipped];
}

// Appends a token to the k-th text that is unfinished, of one row; false when it is
// finished.
static bool continue_row(run *r, uint32_t k)
{
    const vb_search_params *p = r->params;
    const uint32_t i = r->unfinished[k], n = r->length;
    vb_writer *writer = &r->decoder->writers[i];
    vb_written *text = &r->texts[i];
    float log_probability;
    if (r->best) {
        const vb_top_logits top =
            vb_top_logits_of(r->top_rows + (size_t)k * vb_topk_cols(r->best), r->best);
        text->ids[n] = take_best(p, n, &top, &log_probability);
    } else {
        float *logits = r->decoder->logits + (size_t)k * r->vocabulary;
        text->ids[n] = choose(&writer->sampler, p, text->ids, n, logits);
        log_probability = logits[text->ids[n]];
    }
    writer->sum += (double)log_probability;
    text->count = n + 1;
    const bool ended = text->ids[n] == p->eos;
    if (p->rules == VB_BEAM_5)
        text->score = (float)(writer->sum / (text->count - r->prompt_count));
    else
        text->score = (float)(writer->sum / (ended ? n : n + 1));
    return !ended && n + 1 < p->max_length;
}

// The same by a search. `shared`: its rows were one so far.
static vblip_status continue_search(bool *goes_on, run *r, uint32_t k, bool shared,
                                    vblip_error *err)
{
    const uint32_t i = r->unfinished[k];
    vb_beam *beam = &r->decoder->writers[i].beam;
    vb_written *text = &r->texts[i];
    const size_t first = (size_t)k * r->beams; // row
    if (!r->best) {
        vb_beam_choose(beam, r->decoder->logits + first * r->vocabulary);
    } else if (!vb_beam_choose_top(beam, r->top_rows + first * vb_topk_cols(r->best),
                                   r->best)) {
        VB_TRY(fetch_all(r, k, shared, err));
        vb_beam_choose(beam, r->decoder->logits);
    }
    *goes_on = vb_beam_step(beam);
    if (!*goes_on)
        text->count = vb_beam_finish(beam, text->ids, &text->score);
    return VBLIP_OK;
}

// Takes the tokens that text `i` goes on with as the rows `at` .. of the next step. Its
// rows were those from `from` on; `shared`: one row that all go on from.
static void take_tokens(run *r, uint32_t i, uint32_t at, uint32_t from, bool shared)
{
    static const uint32_t first;
    const vb_beam *beam = &r->decoder->writers[i].beam;
    const bool search = is_search(r->params);
    const int32_t *tokens = search ? beam->tokens : &r->texts[i].ids[r->length];
    const uint32_t *parents = search ? beam->parents : &first;
    for (uint32_t row = 0; row < r->beams; row++) {
        r->tokens[at + row] = tokens[row];
        r->sources[at + row] = from + (shared ? 0 : parents[row]);
    }
}

// One token more for each text, given what came home; those that go on are left.
static vblip_status continue_texts(run *r, bool shared, vblip_error *err)
{
    uint32_t left = 0;
    for (uint32_t k = 0; k < r->left; k++) {
        const uint32_t i = r->unfinished[k];
        bool goes_on;
        if (is_search(r->params))
            VB_TRY(continue_search(&goes_on, r, k, shared, err));
        else
            goes_on = continue_row(r, k);
        if (!goes_on)
            continue;
        take_tokens(r, i, left * r->beams, shared ? k : k * r->beams, shared);
        r->unfinished[left++] = i;
    }
    r->left = left;
    r->length++;
    return VBLIP_OK;
}

static vblip_status write_texts(run *r, vblip_error *err)
{
    for (uint32_t i = 0; i < r->count; i++) {
        VB_TRY(start_text(r, i, err));
        r->unfinished[i] = i;
    }
    r->left = r->count;
    r->length = r->prompt_count;
    VB_TRY(run_make(r, err));
    VB_TRY(run_prompts(r, err));
    if (r->best)
        spread_rows(r->top_rows, vb_topk_cols(r->best), r->count, r->beams);
    else
        spread_rows(r->decoder->logits, r->vocabulary, r->count, r->beams);
    VB_TRY(continue_texts(r, true, err));
    while (r->left > 0) {
        VB_TRY(run_step(r, err));
        VB_TRY(continue_texts(r, false, err));
    }
    return VBLIP_OK;
}

// -------------------------------------------------------------------------------- runs

vblip_status vb_generate_check(const vb_decoder *decoder, const vb_search_params *p,
                               const int32_t *prompt, uint32_t prompt_count,
                               vblip_error *err)
{
    VB_TRY(vb_search_check(p, prompt, prompt_count, err));
    if (p->sample)
        VB_TRY(vb_sample_check(p->sample, err));
    if (p->max_length > decoder->config->positions)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "maximum length: %u tokens, the model has %u positions",
                       p->max_length, decoder->config->positions);
    return VBLIP_OK;
}

static vblip_status make_writers(vb_decoder *d, uint32_t count, vblip_error *err)
{
    if (count <= d->writer_count)
        return VBLIP_OK;
    vb_writer *grown = realloc(d->writers, count * sizeof *grown);
    if (!grown)
        return vb_fail_memory(err, "texts");
    memset(grown + d->writer_count, 0, (count - d->writer_count) * sizeof *grown);
    d->writers = grown;
    d->writer_count = count;
    return VBLIP_OK;
}

vblip_status vb_generate(vb_decoder *decoder, const vb_cross *cross,
                         const vb_search_params *p, const int32_t *prompt,
                         uint32_t prompt_count, vb_written *texts, uint32_t parts,
                         uint32_t each, vblip_error *err)
{
    const uint32_t count = parts * each;
    VB_TRY(vb_generate_check(decoder, p, prompt, prompt_count, err));
    VB_TRY(make_writers(decoder, count, err));
    run r = {
        .decoder = decoder,
        .cross = cross,
        .params = p,
        .prompt = prompt,
        .prompt_count = prompt_count,
        .texts = texts,
        .count = count,
        .each = each,
        .beams = is_search(p) ? p->beams : 1,
        .best = best_of_a_row(p, prompt_count),
    };
    const size_t most = r.beams > prompt_count ? r.beams : prompt_count;
    r.unfinished = calloc(count, sizeof *r.unfinished);
    r.reads = calloc(count, sizeof *r.reads);
    r.tokens = calloc(count * most, sizeof *r.tokens);
    r.sources = calloc((size_t)count * r.beams, sizeof *r.sources);
    r.top_rows =
        calloc((size_t)count * r.beams * vb_topk_cols(r.best), sizeof *r.top_rows);
    vblip_status status = r.unfinished && r.reads && r.tokens && r.sources && r.top_rows
                              ? write_texts(&r, err)
                              : vb_fail_memory(err, "texts");
    free(r.unfinished);
    free(r.reads);
    free(r.tokens);
    free(r.sources);
    free(r.top_rows);
    return status;
}

vblip_status vb_decoder_reserve(vb_decoder *decoder, uint64_t count, vblip_error *err)
{
    if (count <= decoder->capacity)
        return VBLIP_OK;
    float *grown = realloc(decoder->logits, count * sizeof *grown);
    if (!grown)
        return vb_fail_memory(err, "logits");
    decoder->logits = grown;
    decoder->capacity = count;
    return VBLIP_OK;
}

void vb_decoder_free(vb_decoder *decoder)
{
    for (uint32_t i = 0; i < decoder->writer_count; i++) {
        vb_beam_free(&decoder->writers[i].beam);
        vb_sampler_free(&decoder->writers[i].sampler);
    }
    free(decoder->writers);
    free(decoder->logits);
    decoder->writers = NULL;
    decoder->logits = NULL;
    decoder->writer_count = 0;
    decoder->capacity = 0;
}
