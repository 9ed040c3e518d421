// caption.c - captions (blip-spec 6.4).
#include "blip/model_internal.h"

#include <string.h>

static vb_caption_params with_defaults(const vb_compat *compat,
                                       const vb_caption_params *given)
{
    const vb_caption_params *d = &compat->caption;
    vb_caption_params p = given ? *given : *d;
    if (!p.prompt)
        p.prompt = d->prompt;
    if (!p.beams)
        p.beams = d->beams;
    if (!p.max_length)
        p.max_length = d->max_length;
    if (!p.min_length)
        p.min_length = d->min_length;
    if (p.repetition_penalty == 0.0f)
        p.repetition_penalty =
            p.sample ? compat->sampled_penalty : d->repetition_penalty;
    if (p.top_p == 0.0f)
        p.top_p = d->top_p;
    if (p.temperature == 0.0f)
        p.temperature = d->temperature;
    if (!p.top_k)
        p.top_k = d->top_k;
    return p;
}

static uint32_t characters(const vb_string *text)
{
    uint32_t count = 0;
    for (size_t at = 0; at < text->size; count++) {
        const size_t step = vb_utf8_decode(text->bytes + at, text->size - at, NULL);
        at += step ? step : 1;
    }
    return count;
}

// [DEC] and the pieces of the prompt, no [SEP], in m->ids. `cut` is the number of
// characters that the prompt, and the space after it, make at the start of a caption.
static vblip_status encode_prompt(vb_model *m, const char *prompt, uint32_t *cut,
                                  vblip_error *err)
{
    VB_TRY(vb_model_tokens(m, &m->ids, prompt, NULL, 0, 0, m->special.dec, err));
    m->ids.count--;
    vb_string_clear(&m->cleaned);
    VB_TRY(vb_detokenize(&m->cleaned, m->vocab, m->ids.ids, m->ids.count, err));
    const uint32_t written = characters(&m->cleaned);
    *cut = written ? written + 1 : 0;
    return VBLIP_OK;
}

static vblip_status generate_captions(vb_model *m, vb_visual *visual,
                                      const vb_caption_params *given,
                                      const uint64_t *random, vb_generated *out,
                                      uint32_t count, uint32_t each, vblip_error *err)
{
    const vb_caption_params p = with_defaults(m->compat, given);
    const vb_sample_params sample = {
        .temperature = p.temperature,
        .top_p = p.top_p,
        .top_k = p.top_k,
        .random = p.random,
    };
    const vb_search_params search = {
        .beams = p.beams,
        .max_length = p.max_length,
        .min_length = p.min_length,
        .repetition_penalty = p.repetition_penalty,
        .eos = m->special.sep,
        .vocabulary = m->config.decoder.vocabulary,
        .rules = m->compat->rules,
        .sample = p.sample ? &sample : NULL,
    };
    const vb_cross *cross;
    uint32_t cut;
    VB_TRY(vb_model_need(m, VBLIP_TASK_CAPTION, err));
    if (count == 0 || visual->tokens.rows % count != 0)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "captions: %u of %u visual tokens, not as many of each", count,
                       visual->tokens.rows);
    VB_TRY(encode_prompt(m, p.prompt, &cut, err));
    VB_TRY(vb_visual_decoder_cross(&cross, visual, err));
    vb_pool_reset(&m->activations);
    const vb_writing writing = {
        .cross = cross,
        .params = &search,
        .random = random,
        .prompt = &m->ids,
        .cut = m->compat->cut_prompt ? cut : 0,
        .parts = count,
        .each = each,
    };
    return vb_model_write(m, &writing, out, err);
}

vblip_status vb_model_captions(vb_model *model, vb_visual *visual,
                               const vb_caption_params *params, const uint64_t *random,
                               vb_generated *out, uint32_t count, uint32_t each,
                               vblip_error *err)
{
    const size_t texts = (size_t)count * each;
    memset(out, 0, texts * sizeof *out);
    vblip_status status =
        generate_captions(model, visual, params, random, out, count, each, err);
    for (size_t i = 0; status != VBLIP_OK && i < texts; i++)
        vb_generated_free(&out[i]);
    return status;
}

vblip_status vb_model_caption(vb_model *model, vb_visual *visual,
                              const vb_caption_params *params, vb_generated *out,
                              vblip_error *err)
{
    return vb_model_captions(model, visual, params, NULL, out, 1, 1, err);
}
