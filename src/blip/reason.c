// reason.c - is a statement true of two images? (NLVR2, blip-spec 6.7)
#include "blip/heads.h"
#include "blip/model_internal.h"

#include <string.h>

// [ENC] ... [SEP] in m->ids. The reference does not truncate here.
static vblip_status tokenize(vb_model *m, const char *statement, uint32_t number,
                             vblip_error *err)
{
    const uint32_t positions = m->config.encoder.positions;
    VB_TRY(vb_model_tokens(m, &m->ids, statement, vb_pre_caption, VB_CAPTION_WORDS, 0,
                           m->special.enc, err));
    if (m->ids.count > positions)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "statement %u: %u tokens, the model has %u positions", number,
                       m->ids.count, positions);
    return VBLIP_OK;
}

static vblip_status judge(vb_model *m, const vb_cross cross[2], float logits[2],
                          vblip_error *err)
{
    const vb_text_config *c = &m->config.encoder;
    const uint32_t tokens = m->ids.count;
    vb_pool *pool = &m->activations;
    vb_text_scratch scratch;
    vb_tensor ids, qkv, work, out;
    vb_pool_reset(pool);
    VB_TRY(vb_pool_tensor(&ids, pool, VB_I32, 1, 1, tokens, err));
    VB_TRY(vb_pool_tensor(&qkv, pool, VB_F32, 1, tokens, 3 * c->width, err));
    VB_TRY(vb_pool_tensor(&work, pool, VB_F32, 1, 1, c->width, err));
    VB_TRY(vb_pool_tensor(&out, pool, VB_F32, 1, 1, 2, err));
    VB_TRY(vb_text_scratch_make(&scratch, pool, c, 1, tokens, err));

    vb_recorder rec = vb_recorder_begin(m->device);
    vb_upload(&rec, ids, m->ids.ids);
    vb_text_encode(&rec, &m->weights.encoder, c, &scratch, qkv, ids, (vb_tensor){0},
                   cross);
    vb_cls_head(&rec, &m->weights, out, scratch.hidden, work);
    vb_download(&rec, logits, out);
    return vb_recorder_submit(&rec, err);
}

static vblip_status reason(vb_model *m, vb_visual *left, vb_visual *right,
                           const char *const *statements, uint32_t count,
                           float (*logits)[2], vblip_error *err)
{
    const vb_cross *first, *second;
    VB_TRY(vb_model_need(m, VBLIP_TASK_NLVR, err));
    VB_TRY(vb_visual_encoder_cross(&first, left, 0, err));
    VB_TRY(vb_visual_encoder_cross(&second, right, 1, err));
    const vb_cross cross[2] = {*first, *second};
    for (uint32_t i = 0; i < count; i++) {
        VB_TRY(tokenize(m, statements[i], i + 1, err));
        VB_TRY(judge(m, cross, logits[i], err));
    }
    return VBLIP_OK;
}

vblip_status vb_model_reason(vb_model *model, vb_visual *left, vb_visual *right,
                             const char *const *statements, uint32_t count,
                             float (*logits)[2], vblip_error *err)
{
    vblip_status status = reason(model, left, right, statements, count, logits, err);
    if (status != VBLIP_OK)
        memset(logits, 0, count * sizeof *logits);
    return status;
}
