// write.c - texts that the decoder writes: captions and answers.
#include "blip/model_internal.h"

#include <stdlib.h>

void vb_generated_free(vb_generated *generated)
{
    vb_string_free(&generated->text);
    vb_ids_free(&generated->ids);
    generated->score = 0.0f;
}

// Bytes of the first `count` characters of `text`.
static size_t leading_bytes(const vb_string *text, uint32_t count)
{
    size_t at = 0;
    for (uint32_t i = 0; i < count && at < text->size; i++) {
        const size_t step = vb_utf8_decode(text->bytes + at, text->size - at, NULL);
        at += step ? step : 1;
    }
    return at;
}

static vblip_status take_written(vb_model *m, const vb_writing *w,
                                 const vb_written *written, vb_generated *out,
                                 vblip_error *err)
{
    out->score = written->score;
    VB_TRY(vb_ids_assign(&out->ids, written->ids, written->count, err));
    vb_string_clear(&m->cleaned);
    VB_TRY((m->compat->fast_text ? vb_detokenize_fast : vb_detokenize)(
        &m->cleaned, m->vocab, written->ids, written->count, err));
    const size_t from = leading_bytes(&m->cleaned, w->cut);
    vb_string_clear(&out->text);
    const char *bytes = m->cleaned.bytes ? m->cleaned.bytes + from : "";
    if (!vb_string_append(&out->text, bytes, m->cleaned.size - from))
        return vb_fail_memory(err, "text");
    return VBLIP_OK;
}

static vblip_status write_each(vb_model *m, const vb_writing *w, vb_written *texts,
                               vb_generated *out, vblip_error *err)
{
    const vb_search_params *p = w->params;
    const uint32_t count = w->parts * w->each;
    VB_TRY(vb_model_stage(m, (uint64_t)count * p->max_length * sizeof(int32_t), err));
    for (uint32_t i = 0; i < count; i++) {
        texts[i].ids = (int32_t *)(void *)m->staging + (size_t)i * p->max_length;
        texts[i].random = w->random ? w->random[i] : p->sample ? p->sample->random : 0;
    }
    VB_TRY(vb_generate(&m->decoder, w->cross, p, w->prompt->ids, w->prompt->count,
                       texts, w->parts, w->each, err));
    for (uint32_t i = 0; i < count; i++)
        VB_TRY(take_written(m, w, &texts[i], &out[i], err));
    return VBLIP_OK;
}

vblip_status vb_model_write(vb_model *m, const vb_writing *writing, vb_generated *out,
                            vblip_error *err)
{
    const vb_ids *prompt = writing->prompt;
    VB_TRY(vb_generate_check(&m->decoder, writing->params, prompt->ids, prompt->count,
                             err));
    vb_written *texts = calloc((size_t)writing->parts * writing->each, sizeof *texts);
    if (!texts)
        return vb_fail_memory(err, "texts");
    const vblip_status status = write_each(m, writing, texts, out, err);
    free(texts);
    return status;
}
