#include "blip/texts.h"

#include <stdlib.h>
#include <string.h>

// Texts are encoded together up to this many positions.
enum { BATCH_POSITIONS = 2048 };

// ----------------------------------------------------------------------------- to ids

static vblip_status texts_make_room(vb_model *m, uint32_t count, vblip_error *err)
{
    if (count <= m->text_capacity)
        return VBLIP_OK;
    vb_ids *grown = realloc(m->texts, count * sizeof *grown);
    if (!grown)
        return vb_fail_memory(err, "texts");
    memset(grown + m->text_capacity, 0, (count - m->text_capacity) * sizeof *grown);
    m->texts = grown;
    m->text_capacity = count;
    return VBLIP_OK;
}

vblip_status vb_texts_tokenize(vb_model *m, const char *const *texts, uint32_t count,
                               const vb_texts_rules *rules, vblip_error *err)
{
    const uint32_t positions = m->config.encoder.positions;
    VB_TRY(texts_make_room(m, count, err));
    for (uint32_t i = 0; i < count; i++) {
        VB_TRY(vb_model_tokens(m, &m->texts[i], texts[i], vb_pre_caption,
                               VB_CAPTION_WORDS, rules->max_length, rules->first, err));
        if (m->texts[i].count > positions)
            return vb_fail(err, VBLIP_ERR_ARGUMENT,
                           "%s %u: %u tokens, the model has %u positions", rules->what,
                           i + 1, m->texts[i].count, positions);
    }
    return VBLIP_OK;
}

uint32_t vb_texts_fit(const vb_ids *list, uint32_t count)
{
    uint32_t longest = 0, n = 0;
    while (n < count) {
        longest = list[n].count > longest ? list[n].count : longest;
        if (n && (uint64_t)(n + 1) * longest > BATCH_POSITIONS)
            break;
        n++;
    }
    return n;
}

uint64_t vb_texts_rows(const vb_ids *list, uint32_t count)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < count; i++)
        rows += list[i].count;
    return rows;
}

// ------------------------------------------------------------------- through the encoder

// Writes lengths [count] and padded rows [count, tokens] to m->staging.
static vblip_status stage_ids(vb_model *m, const vb_ids *list, uint32_t count,
                              uint32_t tokens, vblip_error *err)
{
    VB_TRY(vb_model_stage(m, (uint64_t)count * (tokens + 1) * sizeof(int32_t), err));
    int32_t *lengths = (int32_t *)(void *)m->staging, *rows = lengths + count;
    for (uint32_t i = 0; i < count; i++) {
        lengths[i] = (int32_t)list[i].count;
        for (uint32_t t = 0; t < tokens; t++)
            rows[(size_t)i * tokens + t] =
                t < list[i].count ? list[i].ids[t] : m->special.pad;
    }
    return VBLIP_OK;
}

vblip_status vb_texts_encode(vb_tensor *states, vb_recorder *rec, vb_model *m,
                             vb_pool *pool, const vb_ids *list, uint32_t count,
                             vb_states wanted, const vb_cross *cross, vblip_error *err)
{
    const vb_text_config *c = &m->config.encoder;
    uint32_t tokens = 0;
    for (uint32_t i = 0; i < count; i++)
        tokens = list[i].count > tokens ? list[i].count : tokens;
    VB_TRY(stage_ids(m, list, count, tokens, err));

    vb_text_scratch each, first;
    vb_tensor ids, kv, lengths = {0};
    VB_TRY(vb_pool_tensor(&ids, pool, VB_I32, 1, count, tokens, err));
    if (count > 1)
        VB_TRY(vb_pool_tensor(&lengths, pool, VB_I32, 1, 1, count, err));
    VB_TRY(vb_pool_tensor(&kv, pool, vb_device_keys(pool->device), count, tokens,
                          2 * c->width, err));
    VB_TRY(vb_text_scratch_make(&each, pool, c, count, tokens, err));
    if (wanted == VB_STATES_FIRST)
        VB_TRY(vb_text_scratch_make(&first, pool, c, count, 1, err));

    if (count > 1)
        vb_upload(rec, lengths, m->staging);
    vb_upload(rec, ids, m->staging + count * sizeof(int32_t));
    vb_text_encode(rec, &m->weights.encoder, c, &each,
                   wanted == VB_STATES_FIRST ? &first : NULL, kv, ids, lengths, cross);
    *states = wanted == VB_STATES_FIRST ? first.hidden : each.hidden;
    return VBLIP_OK;
}
