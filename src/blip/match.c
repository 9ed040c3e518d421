// match.c - does this text go with what was encoded? ITC vectors and ITM logits (blip-spec
// 6.1, 6.6).
#include "blip/heads.h"
#include "blip/texts.h"

#include <string.h>

static vblip_status itc_batch(vb_model *m, const vb_ids *list, uint32_t count,
                              float *itc, vblip_error *err)
{
    vb_tensor states, vectors;
    vb_pool *pool = &m->activations;
    vb_recorder rec = vb_recorder_begin(m->device);
    vb_pool_reset(pool);
    VB_TRY(vb_pool_tensor(&vectors, pool, VB_F32, count, 1, m->config.projection, err));
    VB_TRY(vb_texts_encode(&states, &rec, m, pool, list, count, VB_STATES_FIRST, NULL,
                           err));
    vb_itc_text(&rec, &m->weights, vectors, states);
    vb_download(&rec, itc, vectors);
    VB_TRY(vb_recorder_submit(&rec, err));
    return vb_check_finite(itc, (uint64_t)count * m->config.projection, m->path,
                           "ITC vector", err);
}

static vblip_status texts_itc(vb_model *m, const char *const *texts, uint32_t count,
                              float *itc, vblip_error *err)
{
    const vb_texts_rules rules = {
        .first = m->special.cls,
        .max_length = vb_model_text_tokens(m),
        .what = "text",
    };
    VB_TRY(vb_model_need(m, VBLIP_TASK_ITC, err));
    VB_TRY(vb_texts_tokenize(m, texts, count, &rules, err));
    for (uint32_t done = 0, n; done < count; done += n) {
        n = vb_texts_fit(m->texts + done, count - done);
        VB_TRY(itc_batch(m, m->texts + done, n,
                         itc + (size_t)done * m->config.projection, err));
    }
    return VBLIP_OK;
}

vblip_status vb_model_frames_itc(vb_model *model, const vb_visual *visual, float *itc,
                                 vblip_error *err)
{
    const vb_config *c = &model->config;
    const uint32_t tokens = vb_vision_tokens(&c->vision);
    const uint32_t frames = visual->tokens.rows / tokens;
    vb_tensor vectors;
    VB_TRY(vb_model_need(model, VBLIP_TASK_ITC, err));
    if (!visual->tokens.buffer)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "visual tokens: no frames were encoded");
    vb_recorder rec = vb_recorder_begin(model->device);
    vb_pool_reset(&model->activations);
    VB_TRY(vb_pool_tensor(&vectors, &model->activations, VB_F32, frames, 1,
                          c->projection, err));
    vb_itc_frames(&rec, &model->weights, vectors,
                  vb_reshape(visual->tokens, frames, tokens, c->vision.width));
    vb_download(&rec, itc, vectors);
    VB_TRY(vb_recorder_submit(&rec, err));
    return vb_check_finite(itc, (uint64_t)frames * c->projection, model->path,
                           "ITC vector", err);
}

vblip_status vb_model_text_itc(vb_model *model, const char *const *texts,
                               uint32_t count, float *itc, vblip_error *err)
{
    vblip_status status = texts_itc(model, texts, count, itc, err);
    if (status != VBLIP_OK)
        memset(itc, 0, (size_t)count * model->config.projection * sizeof *itc);
    return status;
}

vblip_status vb_itm_batch(vb_model *m, vb_pool *pool, const vb_cross *cross,
                          const vb_ids *list, uint32_t count, float (*logits)[2],
                          vblip_error *err)
{
    vb_tensor states, out;
    vb_recorder rec = vb_recorder_begin(m->device);
    VB_TRY(vb_pool_tensor(&out, pool, VB_F32, count, 1, 2, err));
    VB_TRY(vb_texts_encode(&states, &rec, m, pool, list, count, VB_STATES_FIRST, cross,
                           err));
    vb_itm_head(&rec, &m->weights, out, states);
    vb_download(&rec, logits, out);
    VB_TRY(vb_recorder_submit(&rec, err));
    return vb_check_finite(*logits, 2 * (uint64_t)count, m->path, "ITM logits", err);
}

static vblip_status texts_itm(vb_model *m, vb_visual *visual, const char *const *texts,
                              uint32_t count, int32_t first, float (*logits)[2],
                              vblip_error *err)
{
    const vb_texts_rules rules = {
        .first = first,
        .max_length = vb_model_text_tokens(m),
        .what = "text",
    };
    const vb_cross *cross;
    VB_TRY(vb_model_need(m, VBLIP_TASK_RETRIEVAL, err));
    VB_TRY(vb_texts_tokenize(m, texts, count, &rules, err));
    VB_TRY(vb_visual_encoder_cross(&cross, visual, 0, vb_texts_rows(m->texts, count),
                                   err));
    for (uint32_t done = 0, n; done < count; done += n) {
        n = vb_texts_fit(m->texts + done, count - done);
        vb_pool_reset(&m->activations);
        VB_TRY(vb_itm_batch(m, &m->activations, cross, m->texts + done, n,
                            logits + done, err));
    }
    return VBLIP_OK;
}

vblip_status vb_model_itm(vb_model *model, vb_visual *visual, const char *const *texts,
                          uint32_t count, bool cls_first, float (*logits)[2],
                          vblip_error *err)
{
    const int32_t first = cls_first ? model->special.cls : vb_model_first(model);
    vblip_status status = texts_itm(model, visual, texts, count, first, logits, err);
    if (status != VBLIP_OK)
        memset(logits, 0, count * sizeof *logits);
    return status;
}
