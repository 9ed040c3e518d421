#include "blip/heads.h"

#include "compute/recorder.h"

static const float normalise_eps = 1e-12f; // torch F.normalize

void vb_itc_vision(vb_recorder *rec, const vb_weights *w, vb_tensor itc, vb_tensor proj,
                   vb_tensor tokens)
{
    const vb_tensor each = vb_reshape(proj, tokens.batch, 1, proj.cols);
    vb_linear(rec, .y = each, .x = vb_rows(tokens, 0, 1), .w = w->vision_proj.w,
              .bias = w->vision_proj.b);
    vb_mean_rows(rec, .y = itc, .x = proj);
    vb_l2norm(rec, .y = itc, .x = itc, .eps = normalise_eps);
}

void vb_itc_frames(vb_recorder *rec, const vb_weights *w, vb_tensor itc,
                   vb_tensor tokens)
{
    vb_linear(rec, .y = itc, .x = vb_rows(tokens, 0, 1), .w = w->vision_proj.w,
              .bias = w->vision_proj.b);
    vb_l2norm(rec, .y = itc, .x = itc, .eps = normalise_eps);
}

void vb_itc_text(vb_recorder *rec, const vb_weights *w, vb_tensor itc, vb_tensor hidden)
{
    vb_linear(rec, .y = itc, .x = vb_rows(hidden, 0, 1), .w = w->text_proj.w,
              .bias = w->text_proj.b);
    vb_l2norm(rec, .y = itc, .x = itc, .eps = normalise_eps);
}

void vb_itm_head(vb_recorder *rec, const vb_weights *w, vb_tensor logits,
                 vb_tensor hidden)
{
    vb_linear(rec, .y = logits, .x = vb_rows(hidden, 0, 1), .w = w->itm.w,
              .bias = w->itm.b);
}

void vb_cls_head(vb_recorder *rec, const vb_weights *w, vb_tensor logits,
                 vb_tensor hidden, vb_tensor work)
{
    vb_linear(rec, .y = work, .x = vb_rows(hidden, 0, 1), .w = w->cls_hidden.w,
              .bias = w->cls_hidden.b, .act = VB_ACT_RELU);
    vb_linear(rec, .y = logits, .x = work, .w = w->cls.w, .bias = w->cls.b);
}

void vb_lm_head(vb_recorder *rec, const vb_lm_weights *w, float eps, vb_tensor logits,
                vb_tensor hidden, vb_tensor work)
{
    vb_linear(rec, .y = work, .x = hidden, .w = w->transform.w, .bias = w->transform.b,
              .act = VB_ACT_GELU);
    vb_layernorm(rec, .y = work, .x = work, .gain = w->norm.gain, .bias = w->norm.bias,
                 .eps = eps);
    vb_linear(rec, .y = logits, .x = work, .w = w->decoder.w, .bias = w->decoder.b);
}
