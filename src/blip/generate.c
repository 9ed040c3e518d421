#include "blip/generate.h"

#include "blip/finite.h"
#include "blip/heads.h"
#include "blip/logits.h"
#include "compute/recorder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The decoder's state on the device while one text is written.
typedef struct run {
    vb_decoder *decoder;
    const vb_cross *cross;
    vb_recorder rec;
    uint32_t vocabulary;
    vb_tensor cache, spare; // [rows, max_length, layers * 2 * D]
    vb_tensor prompt_ids;   // VB_I32 [1, 1, prompt]
    vb_text_scratch prompt; // of one row
    vb_tensor step_ids;     // VB_I32 [1, rows, 1]
    vb_text_scratch step;   // of one token of each row
    vb_tensor work;         // [rows, 1, D]
    vb_tensor logits;       // [rows, 1, V]
} run;

static vblip_status run_make(run *r, uint32_t rows, uint32_t prompt_count,
                             uint32_t max_length, vblip_error *err)
{
    vb_decoder *d = r->decoder;
    const vb_text_config *c = d->config;
    vb_pool *pool = d->pool;
    const uint32_t width = c->layers * 2 * c->width;
    r->rec = vb_recorder_begin(pool->device);
    r->vocabulary = d->lm->decoder.w->rows;
    VB_TRY(vb_pool_tensor(&r->cache, pool, VB_F32, rows, max_length, width, err));
    VB_TRY(vb_pool_tensor(&r->spare, pool, VB_F32, rows, max_length, width, err));
    VB_TRY(vb_pool_tensor(&r->prompt_ids, pool, VB_I32, 1, 1, prompt_count, err));
    VB_TRY(vb_text_scratch_make(&r->prompt, pool, c, 1, prompt_count, err));
    VB_TRY(vb_pool_tensor(&r->step_ids, pool, VB_I32, 1, rows, 1, err));
    VB_TRY(vb_text_scratch_make(&r->step, pool, c, rows, 1, err));
    VB_TRY(vb_pool_tensor(&r->work, pool, VB_F32, rows, 1, c->width, err));
    VB_TRY(vb_pool_tensor(&r->logits, pool, VB_F32, rows, 1, r->vocabulary, err));
    return vb_decoder_reserve(d, rows, err);
}

// Runs tokens first .. of as many rows as `ids` has and brings home the logits of the
// last position of each.
static vblip_status forward(run *r, const vb_text_scratch *s, vb_tensor ids,
                            const int32_t *tokens, uint32_t first, vblip_error *err)
{
    const vb_decoder *d = r->decoder;
    const uint32_t rows = ids.rows;
    const vb_tensor last = vb_rows(s->hidden, s->hidden.rows - 1, 1);
    const vb_tensor logits = vb_batches(r->logits, 0, rows);

    vb_upload(&r->rec, ids, tokens);
    vb_text_decode(&r->rec, d->text, d->config, s, vb_batches(r->cache, 0, rows), ids,
                   first, r->cross);
    vb_lm_head(&r->rec, d->lm, d->config->eps, logits, last,
               vb_batches(r->work, 0, rows));
    vb_download(&r->rec, d->logits, logits);
    VB_TRY(vb_recorder_submit(&r->rec, err));
    return vb_check_finite(d->logits, (uint64_t)rows * r->vocabulary, d->model,
                           "logits", err);
}

// Row i of the cache becomes what row parents[i] was, for `length` tokens.
static void reorder(run *r, const uint32_t *parents, uint32_t length)
{
    bool changed = false;
    for (uint32_t i = 0; i < r->cache.batch; i++)
        changed = changed || parents[i] != i;
    if (!changed)
        return;
    for (uint32_t i = 0; i < r->cache.batch; i++)
        vb_copy(&r->rec, vb_rows(vb_batches(r->spare, i, 1), 0, length),
                vb_rows(vb_batches(r->cache, parents[i], 1), 0, length));
    const vb_tensor old = r->cache;
    r->cache = r->spare;
    r->spare = old;
}

static vblip_status beam_search(run *r, const vb_search_params *p,
                                const int32_t *prompt, uint32_t prompt_count,
                                int32_t *ids, uint32_t *count, float *score,
                                vblip_error *err)
{
    vb_decoder *d = r->decoder;
    static const uint32_t first_row[VB_MAX_BEAMS]; // all rows continue row 0
    VB_TRY(vb_beam_start(&d->beam, p, prompt, prompt_count, err));
    VB_TRY(run_make(r, p->beams, prompt_count, p->max_length, err));

    VB_TRY(forward(r, &r->prompt, r->prompt_ids, prompt, 0, err));
    for (uint32_t row = 1; row < p->beams; row++)
        memcpy(d->logits + (size_t)row * r->vocabulary, d->logits,
               r->vocabulary * sizeof *d->logits);
    const uint32_t *parents = first_row;
    while (vb_beam_step(&d->beam, d->logits)) {
        const uint32_t past = d->beam.length - 1;
        reorder(r, parents, past);
        VB_TRY(forward(r, &r->step, r->step_ids, d->beam.tokens, past, err));
        parents = d->beam.parents;
    }
    *count = vb_beam_finish(&d->beam, ids, score);
    return VBLIP_OK;
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
    vb_log_softmax(logits, p->vocabulary);
    return token;
}

// Greedy and sampling: one row, which goes on token by token.
static vblip_status continue_row(run *r, const vb_search_params *p,
                                 const int32_t *prompt, uint32_t prompt_count,
                                 int32_t *ids, uint32_t *count, float *score,
                                 vblip_error *err)
{
    vb_sampler *sampler = &r->decoder->sampler;
    uint32_t n = prompt_count;
    double sum = 0.0;
    if (p->sample)
        VB_TRY(vb_sampler_start(sampler, p->sample, p->vocabulary, err));
    VB_TRY(run_make(r, 1, prompt_count, p->max_length, err));
    float *logits = r->decoder->logits;

    memcpy(ids, prompt, prompt_count * sizeof *ids);
    VB_TRY(forward(r, &r->prompt, r->prompt_ids, prompt, 0, err));
    for (;; n++) {
        ids[n] = choose(sampler, p, ids, n, logits);
        sum += (double)logits[ids[n]];
        if (ids[n] == p->eos || n + 1 == p->max_length)
            break;
        VB_TRY(forward(r, &r->step, r->step_ids, &ids[n], n, err));
    }
    *count = n + 1;
    if (p->rules == VB_BEAM_5)
        *score = (float)(sum / (*count - prompt_count));
    else
        *score = (float)(sum / (ids[n] == p->eos ? n : n + 1));
    return VBLIP_OK;
}

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

vblip_status vb_generate(vb_decoder *decoder, const vb_cross *cross,
                         const vb_search_params *p, const int32_t *prompt,
                         uint32_t prompt_count, int32_t *ids, uint32_t *count,
                         float *score, vblip_error *err)
{
    *count = 0;
    *score = 0.0f;
    VB_TRY(vb_generate_check(decoder, p, prompt, prompt_count, err));
    run r = {.decoder = decoder, .cross = cross};
    return (p->sample || p->beams == 1 ? continue_row : beam_search)(
        &r, p, prompt, prompt_count, ids, count, score, err);
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
    vb_beam_free(&decoder->beam);
    vb_sampler_free(&decoder->sampler);
    free(decoder->logits);
    decoder->logits = NULL;
    decoder->capacity = 0;
}
