// match.c - does this text go with what was seen? ITC vectors and ITM logits (blip-spec
// 6.1, 6.6).
#include "blip/heads.h"
#include "blip/model_internal.h"

#include <stdlib.h>
#include <string.h>

// Texts that go through the encoder at once.
enum { TEXT_BATCH = 32 };

// Texts on the device: ids, how many count, and room for the encoder to work in.
typedef struct batch {
    uint32_t count, longest;
    vb_tensor ids;     // VB_I32 [1, count, longest]
    vb_tensor lengths; // VB_I32 [1, 1, count]
    vb_tensor qkv;     // [count, longest, 3 * D]
    vb_text_scratch scratch;
} batch;

static vblip_status batch_make(batch *out, vb_model *m, uint32_t count,
                               uint32_t longest, vblip_error *err)
{
    const vb_text_config *c = &m->config.encoder;
    vb_pool *pool = &m->activations;
    *out = (batch){.count = count, .longest = longest};
    VB_TRY(vb_pool_tensor(&out->ids, pool, VB_I32, 1, count, longest, err));
    VB_TRY(vb_pool_tensor(&out->lengths, pool, VB_I32, 1, 1, count, err));
    VB_TRY(vb_pool_tensor(&out->qkv, pool, VB_F32, count, longest, 3 * c->width, err));
    return vb_text_scratch_make(&out->scratch, pool, c, count, longest, err);
}

static void encode(vb_recorder *rec, const vb_model *m, const batch *b,
                   const int32_t *ids, const int32_t *lengths, const vb_cross *cross)
{
    vb_upload(rec, b->ids, ids);
    vb_upload(rec, b->lengths, lengths);
    vb_text_encode(rec, &m->weights.encoder, &m->config.encoder, &b->scratch, b->qkv,
                   b->ids, b->lengths, cross);
}

static vblip_status text_itc(vb_model *m, const char *text, float *itc,
                             vblip_error *err)
{
    batch b;
    vb_tensor vector;
    VB_TRY(vb_model_need(m, VBLIP_TASK_RETRIEVAL, err));
    VB_TRY(vb_model_tokens(m, &m->ids, text, vb_pre_caption, VB_CAPTION_WORDS,
                           vb_model_text_tokens(m), m->special.cls, err));
    vb_pool_reset(&m->activations);
    VB_TRY(batch_make(&b, m, 1, m->ids.count, err));
    VB_TRY(vb_pool_tensor(&vector, &m->activations, VB_F32, 1, 1, m->config.projection,
                          err));
    const int32_t length = (int32_t)m->ids.count;
    vb_recorder rec = vb_recorder_begin(m->device);
    encode(&rec, m, &b, m->ids.ids, &length, NULL);
    vb_itc_text(&rec, &m->weights, vector, b.scratch.hidden);
    vb_download(&rec, itc, vector);
    return vb_recorder_submit(&rec, err);
}

vblip_status vb_model_text_itc(vb_model *model, const char *text, float *itc,
                               vblip_error *err)
{
    vblip_status status = text_itc(model, text, itc, err);
    if (status != VBLIP_OK)
        memset(itc, 0, model->config.projection * sizeof *itc);
    return status;
}

// Tokenizes `count` texts into rows of `room` ids, padded, and says how long they are.
static vblip_status tokenize(vb_model *m, const char *const *texts, uint32_t count,
                             int32_t first, int32_t *rows, uint32_t room,
                             int32_t *lengths, uint32_t *longest, vblip_error *err)
{
    *longest = 0;
    for (uint32_t i = 0; i < count; i++) {
        VB_TRY(vb_model_tokens(m, &m->ids, texts[i], vb_pre_caption, VB_CAPTION_WORDS,
                               room, first, err));
        lengths[i] = (int32_t)m->ids.count;
        for (uint32_t t = 0; t < room; t++)
            rows[i * room + t] = t < m->ids.count ? m->ids.ids[t] : m->special.pad;
        if (m->ids.count > *longest)
            *longest = m->ids.count;
    }
    return VBLIP_OK;
}

static vblip_status itm_batch(vb_model *m, const vb_cross *cross,
                              const char *const *texts, uint32_t count, int32_t first,
                              float (*logits)[2], vblip_error *err)
{
    int32_t lengths[TEXT_BATCH];
    const uint32_t room = vb_model_text_tokens(m);
    uint32_t longest;
    VB_TRY(vb_model_stage(m, (uint64_t)count * room * sizeof(int32_t), err));
    int32_t *ids = (int32_t *)(void *)m->staging;
    VB_TRY(tokenize(m, texts, count, first, ids, room, lengths, &longest, err));
    for (uint32_t i = 1; i < count; i++) // close the gap between the rows
        memmove(ids + i * longest, ids + i * room, longest * sizeof *ids);

    batch b;
    vb_tensor out;
    vb_pool_reset(&m->activations);
    VB_TRY(batch_make(&b, m, count, longest, err));
    VB_TRY(vb_pool_tensor(&out, &m->activations, VB_F32, count, 1, 2, err));
    vb_recorder rec = vb_recorder_begin(m->device);
    encode(&rec, m, &b, ids, lengths, cross);
    vb_itm_head(&rec, &m->weights, out, b.scratch.hidden);
    vb_download(&rec, logits, out);
    return vb_recorder_submit(&rec, err);
}

static vblip_status itm(vb_model *m, vb_visual *visual, const char *const *texts,
                        uint32_t count, int32_t first, float (*logits)[2],
                        vblip_error *err)
{
    const vb_cross *cross;
    VB_TRY(vb_model_need(m, VBLIP_TASK_RETRIEVAL, err));
    VB_TRY(vb_visual_encoder_cross(&cross, visual, 0, err));
    for (uint32_t done = 0; done < count; done += TEXT_BATCH) {
        const uint32_t n = count - done < TEXT_BATCH ? count - done : TEXT_BATCH;
        VB_TRY(itm_batch(m, cross, texts + done, n, first, logits + done, err));
    }
    return VBLIP_OK;
}

vblip_status vb_model_itm(vb_model *model, vb_visual *visual, const char *const *texts,
                          uint32_t count, bool cls_first, float (*logits)[2],
                          vblip_error *err)
{
    const int32_t first = cls_first ? model->special.cls : vb_model_first(model);
    vblip_status status = itm(model, visual, texts, count, first, logits, err);
    if (status != VBLIP_OK)
        memset(logits, 0, count * sizeof *logits);
    return status;
}
