// features.c - what the transformers make of clips and texts (blip-spec 6.5).
#include "blip/texts.h"

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

static vblip_status check_features(const vb_model *m, const vb_features *f,
                                   vblip_error *err)
{
    return vb_check_finite(f->values, (uint64_t)f->rows * f->cols, m->path, "features",
                           err);
}

static vblip_status visual_features(vb_model *m, const vb_visual *visual,
                                    vb_features *out, vblip_error *err)
{
    const vb_tensor tokens = visual->tokens;
    if (!tokens.buffer)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "visual tokens: no frames were encoded");
    VB_TRY(size_to(out, tokens.rows, tokens.cols, err));
    vb_recorder rec = vb_recorder_begin(m->device);
    vb_download(&rec, out->values, tokens);
    VB_TRY(vb_recorder_submit(&rec, err));
    return check_features(m, out, err);
}

vblip_status vb_model_visual_features(vb_model *model, const vb_visual *visual,
                                      vb_features *out, vblip_error *err)
{
    return settle(out, visual_features(model, visual, out, err));
}

vblip_status vb_model_visual_fill(vb_model *model, vb_visual *visual,
                                  const float *tokens, uint32_t rows, uint32_t cols,
                                  vblip_error *err)
{
    const vb_vision_config *c = &model->config.vision;
    vb_tensor x;
    vb_visual_empty(visual);
    if (!rows || rows % vb_vision_tokens(c) || cols != c->width)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "visual tokens: [%u, %u], expected frames of [%u, %u]", rows,
                       cols, vb_vision_tokens(c), c->width);
    VB_TRY(vb_pool_tensor(&x, &visual->pool, VB_F32, 1, rows, cols, err));
    vb_recorder rec = vb_recorder_begin(model->device);
    vb_upload(&rec, x, tokens);
    VB_TRY(vb_recorder_submit(&rec, err));
    visual->tokens = x;
    return VBLIP_OK;
}

static vblip_status text_features(vb_model *m, vb_visual *visual, const char *text,
                                  vb_features *out, vblip_error *err)
{
    const vb_texts_rules rules = {
        .first = visual ? m->special.enc : m->special.cls,
        .what = "text",
    };
    const vb_cross *cross = NULL;
    if (!(m->tasks & (VBLIP_TASK_ITC | VBLIP_TASK_VQA | VBLIP_TASK_FEATURES)))
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "model: not loaded for text features");
    VB_TRY(vb_texts_tokenize(m, &text, 1, &rules, err));
    if (visual)
        VB_TRY(vb_visual_encoder_cross(&cross, visual, 0, m->texts[0].count, err));
    VB_TRY(size_to(out, m->texts[0].count, m->config.encoder.width, err));

    vb_tensor states;
    vb_recorder rec = vb_recorder_begin(m->device);
    vb_pool_reset(&m->activations);
    VB_TRY(vb_texts_encode(&states, &rec, m, &m->activations, m->texts, 1,
                           VB_STATES_ALL, cross, err));
    vb_download(&rec, out->values, states);
    VB_TRY(vb_recorder_submit(&rec, err));
    return check_features(m, out, err);
}

vblip_status vb_model_text_features(vb_model *model, vb_visual *visual,
                                    const char *text, vb_features *out,
                                    vblip_error *err)
{
    return settle(out, text_features(model, visual, text, out, err));
}
