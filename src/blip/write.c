// write.c - texts that the decoder writes: captions and answers.
#include "blip/model_internal.h"

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

vblip_status vb_model_write(vb_model *m, const vb_cross *cross,
                            const vb_search_params *params, const vb_ids *prompt,
                            uint32_t cut, vb_generated *out, vblip_error *err)
{
    uint32_t count;
    VB_TRY(vb_generate_check(&m->decoder, params, prompt->ids, prompt->count, err));
    VB_TRY(vb_model_stage(m, (uint64_t)params->max_length * sizeof(int32_t), err));
    int32_t *ids = (int32_t *)(void *)m->staging;
    VB_TRY(vb_generate(&m->decoder, cross, params, prompt->ids, prompt->count, ids,
                       &count, &out->score, err));
    VB_TRY(vb_ids_assign(&out->ids, ids, count, err));

    vb_string_clear(&m->cleaned);
    VB_TRY((m->compat->fast_text ? vb_detokenize_fast : vb_detokenize)(
        &m->cleaned, m->vocab, ids, count, err));
    const size_t from = leading_bytes(&m->cleaned, cut);
    vb_string_clear(&out->text);
    const char *bytes = m->cleaned.bytes ? m->cleaned.bytes + from : "";
    if (!vb_string_append(&out->text, bytes, m->cleaned.size - from))
        return vb_fail_memory(err, "text");
    return VBLIP_OK;
}
