// features.c - what the transformers make of clips and texts (blip-spec 6.5).
#include "blip/model_internal.h"

#include <stdlib.h>

void vb_features_free(vb_features *features)
{
    free(features->values);
    *features = (vb_features){0};
}

// Room for [rows, cols].
static vblip_status size_to(vb_features *out, uint32_t rows, uint32_t cols,
                            vblip_error *err)
{
    const uint64_t count = (uint64_t)rows * cols;
    if (count > out->capacity) {
        float *grown = count > SIZE_MAX / sizeof *grown
                           ? NULL
                           : realloc(out->values, count * sizeof *grown);
        if (!grown)
            return vb_fail_memory(err, "features");
        out->values = grown;
        out->capacity = count;
    }
    out->rows = rows;
    out->cols = cols;
    return VBLIP_OK;
}

// After a failure nothing looks like a result.
static vblip_status settle(vb_features *out, vblip_status status)
{
    if (status != VBLIP_OK)
        out->rows = out->cols = 0;
    return status;
}

static vblip_status visual_features(vb_model *m, const vb_visual *visual,
                                    vb_features *out, vblip_error *err)
{
    const vb_tensor tokens = visual->tokens;
    if (!tokens.buffer)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "visual tokens: nothing was seen");
    VB_TRY(size_to(out, tokens.rows, tokens.cols, err));
    vb_recorder rec = vb_recorder_begin(m->device);
    vb_download(&rec, out->values, tokens);
    return vb_recorder_submit(&rec, err);
}

vblip_status vb_model_visual_features(vb_model *model, const vb_visual *visual,
                                      vb_features *out, vblip_error *err)
{
    return settle(out, visual_features(model, visual, out, err));
}

// [CLS] or [ENC] ... [SEP] in m->ids.
static vblip_status tokenize(vb_model *m, const char *text, bool visual,
                             vblip_error *err)
{
    const uint32_t positions = m->config.encoder.positions;
    VB_TRY(vb_model_tokens(m, &m->ids, text, vb_pre_caption, VB_CAPTION_WORDS, 0,
                           visual ? m->special.enc : m->special.cls, err));
    if (m->ids.count > positions)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "text: %u tokens, the model has %u positions", m->ids.count,
                       positions);
    return VBLIP_OK;
}

static vblip_status text_features(vb_model *m, vb_visual *visual, const char *text,
                                  vb_features *out, vblip_error *err)
{
    const vb_text_config *c = &m->config.encoder;
    const vb_cross *seen = NULL;
    if (!(m->tasks & (VBLIP_TASK_RETRIEVAL | VBLIP_TASK_VQA)))
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "model: not loaded for text features");
    if (visual)
        VB_TRY(vb_visual_encoder_cross(&seen, visual, 0, err));
    VB_TRY(tokenize(m, text, visual != NULL, err));

    const uint32_t tokens = m->ids.count;
    vb_pool *pool = &m->activations;
    vb_text_scratch scratch;
    vb_tensor ids, qkv;
    vb_pool_reset(pool);
    VB_TRY(vb_pool_tensor(&ids, pool, VB_I32, 1, 1, tokens, err));
    VB_TRY(vb_pool_tensor(&qkv, pool, VB_F32, 1, tokens, 3 * c->width, err));
    VB_TRY(vb_text_scratch_make(&scratch, pool, c, 1, tokens, err));
    VB_TRY(size_to(out, tokens, c->width, err));

    vb_recorder rec = vb_recorder_begin(m->device);
    vb_upload(&rec, ids, m->ids.ids);
    vb_text_encode(&rec, &m->weights.encoder, c, &scratch, qkv, ids, (vb_tensor){0},
                   seen);
    vb_download(&rec, out->values, scratch.hidden);
    return vb_recorder_submit(&rec, err);
}

vblip_status vb_model_text_features(vb_model *model, vb_visual *visual,
                                    const char *text, vb_features *out,
                                    vblip_error *err)
{
    return settle(out, text_features(model, visual, text, out, err));
}
