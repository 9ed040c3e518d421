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
    bool logs;            // what came home are log-probabilities
} run;

static bool is_search(const vb_search_params *p)
{
    return !p->sample && p->beams > 1;
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
    VB_TRY(vb_pool_tensor(&r->cache, pool, VB_F32, rows, length, width, err));
    VB_TRY(vb_pool_tensor(&r->spare, pool, VB_F32, rows, length, width, err));
    VB_TRY(vb_pool_tensor(&r->prompt_ids, pool, VB_I32, 1, r->count, r->prompt_count,
                          err));
    VB_TRY(vb_text_scratch_make(&r->prompts, pool, c, r->count, r->prompt_count, err));
    VB_TRY(vb_pool_tensor(&r->step_ids, pool, VB_I32, 1, rows, 1, err));
    VB_TRY(vb_text_scratch_make(&r->step, pool, c, rows, 1, err));
    VB_TRY(vb_pool_tensor(&r->work, pool, VB_F32, rows, 1, c->width, err));
    VB_TRY(vb_pool_tensor(&r->logits, pool, VB_F32, rows, 1, r->vocabulary, err));
    return vb_decoder_reserve(d, rows, err);
}

// Runs r->tokens, [ids.rows, ids.cols], as tokens first .. of as many rows, and brings
// home the logits of the last position of each, or, in a search where the device can,
// their log-probabilities.
static vblip_status forward(run *r, const vb_text_scratch *s, vb_tensor ids,
                            uint32_t first, vblip_error *err)
{
    const vb_decoder *d = r->decoder;
    const uint32_t rows = ids.rows;
    const vb_tensor last = vb_rows(s->hidden, s->hidden.rows - 1, 1);
    const vb_tensor logits = vb_batches(r->logits, 0, rows);
    const vb_readers readers = {
        .parts = r->count / r->each, .part = r->reads, .count = r->left};

    for (uint32_t i = 0; i < r->left; i++)
        r->reads[i] = r->unfinished[i] / r->each;
    vb_upload(&r->rec, ids, r->tokens);
    vb_text_decode(&r->rec, d->text, d->config, s, vb_batches(r->cache, 0, rows), ids,
                   first, r->cross, &readers);
    vb_lm_head(&r->rec, d->lm, d->config->eps, logits, last,
               vb_batches(r->work, 0, rows));
    r->logs = is_search(r->params) && vb_lm_log_softmax(&r->rec, logits);
    vb_download(&r->rec, d->logits, logits);
    VB_TRY(vb_recorder_submit(&r->rec, err));
    return vb_check_finite(d->logits, (uint64_t)rows * r->vocabulary, d->model,
                           "logits", err);
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

// All rows of a text go on from its prompt: the logits of each become those of all.
static void spread_logits(run *r)
{
    const size_t row = r->vocabulary;
    float *logits = r->decoder->logits;
    for (uint32_t i = r->count; i-- > 0;)
        for (uint32_t beam = r->beams; beam-- > 0;)
            if (i * r->beams + beam != i)
                memcpy(logits + (i * r->beams + beam) * row, logits + i * row,
                       row * sizeof *logits);
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

// Appends a token to a text of one row; false when it is finished.
static bool continue_row(run *r, uint32_t i, float *logits)
{
    const vb_search_params *p = r->params;
    vb_writer *writer = &r->decoder->writers[i];
    vb_written *text = &r->texts[i];
    const uint32_t n = r->length;
    text->ids[n] = choose(&writer->sampler, p, text->ids, n, logits);
    writer->sum += (double)logits[text->ids[n]];
    text->count = n + 1;
    const bool ended = text->ids[n] == p->eos;
    if (p->rules == VB_BEAM_5)
        text->score = (float)(writer->sum / (text->count - r->prompt_count));
    else
        text->score = (float)(writer->sum / (ended ? n : n + 1));
    return !ended && n + 1 < p->max_length;
}

static bool continue_search(run *r, uint32_t i, float *logits)
{
    vb_beam *beam = &r->decoder->writers[i].beam;
    vb_written *text = &r->texts[i];
    if (vb_beam_step(beam, logits, r->logs))
        return true;
    text->count = vb_beam_finish(beam, text->ids, &text->score);
    return false;
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

// One token more for each text, given their logits; those that go on are left.
static void continue_texts(run *r, bool shared)
{
    uint32_t left = 0;
    for (uint32_t k = 0; k < r->left; k++) {
        const uint32_t i = r->unfinished[k];
        float *logits = r->decoder->logits + (size_t)k * r->beams * r->vocabulary;
        if (!(is_search(r->params) ? continue_search : continue_row)(r, i, logits))
            continue;
        take_tokens(r, i, left * r->beams, shared ? k : k * r->beams, shared);
        r->unfinished[left++] = i;
    }
    r->left = left;
    r->length++;
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
    spread_logits(r);
    continue_texts(r, true);
    while (r->left > 0) {
        VB_TRY(run_step(r, err));
        continue_texts(r, false);
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
    };
    const size_t most = r.beams > prompt_count ? r.beams : prompt_count;
    r.unfinished = calloc(count, sizeof *r.unfinished);
    r.reads = calloc(count, sizeof *r.reads);
    r.tokens = calloc(count * most, sizeof *r.tokens);
    r.sources = calloc((size_t)count * r.beams, sizeof *r.sources);
    vblip_status status = r.unfinished && r.reads && r.tokens && r.sources
                              ? write_texts(&r, err)
                              : vb_fail_memory(err, "texts");
    free(r.unfinished);
    free(r.reads);
    free(r.tokens);
    free(r.sources);
    return status;
}

vblip_status vb_decoder_reserve(vb_decoder *decoder, uint32_t rows, vblip_error *err)
{
    const uint64_t wanted = (uint64_t)rows * decoder->lm->decoder.w->rows;
    if (wanted <= decoder->capacity)
        return VBLIP_OK;
    float *grown = realloc(decoder->logits, wanted * sizeof *grown);
    if (!grown)
        return vb_fail_memory(err, "logits");
    decoder->logits = grown;
    decoder->capacity = wanted;
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
