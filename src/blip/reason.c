// reason.c - is a statement true of two images? (NLVR2, blip-spec 6.7)
#include "blip/heads.h"
#include "blip/texts.h"

#include <string.h>

static vblip_status classify_batch(vb_model *m, const vb_cross cross[2],
                                   const vb_ids *list, uint32_t count,
                                   float (*logits)[2], vblip_error *err)
{
    const uint32_t width = m->config.encoder.width;
    vb_tensor states, work, out;
    vb_pool *pool = &m->activations;
    vb_recorder rec = vb_recorder_begin(m->device);
    vb_pool_reset(pool);
    VB_TRY(vb_pool_tensor(&work, pool, VB_F32, count, 1, width, err));
    VB_TRY(vb_pool_tensor(&out, pool, VB_F32, count, 1, 2, err));
    VB_TRY(vb_texts_encode(&states, &rec, m, pool, list, count, VB_STATES_FIRST, cross,
                           err));
    vb_cls_head(&rec, &m->weights, out, states, work);
    vb_download(&rec, logits, out);
    VB_TRY(vb_recorder_submit(&rec, err));
    return vb_check_finite(*logits, 2 * (uint64_t)count, m->path, "NLVR2 logits", err);
}

static vblip_status reason(vb_model *m, vb_visual *left, vb_visual *right,
                           const char *const *statements, uint32_t count,
                           float (*logits)[2], vblip_error *err)
{
    // The reference does not truncate here.
    const vb_texts_rules rules = {.first = m->special.enc, .what = "statement"};
    const vb_cross *first, *second;
    VB_TRY(vb_model_need(m, VBLIP_TASK_NLVR, err));
    VB_TRY(vb_texts_tokenize(m, statements, count, &rules, err));
    const uint64_t rows = vb_texts_rows(m->texts, count);
    VB_TRY(vb_visual_encoder_cross(&first, left, 0, rows, err));
    VB_TRY(vb_visual_encoder_cross(&second, right, 1, rows, err));
    const vb_cross cross[2] = {*first, *second};
    for (uint32_t done = 0, n; done < count; done += n) {
        n = vb_texts_fit(m->texts + done, count - done);
        VB_TRY(classify_batch(m, cross, m->texts + done, n, logits + done, err));
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
