// heads.h - what is read off the transformers (blip-spec 2.7, 3).
#ifndef VB_BLIP_HEADS_H
#define VB_BLIP_HEADS_H

#include "blip/weights.h"

// proj [1, frames, projection] = vision_proj of the [CLS] rows of tokens
// [frames, N, Dv]; itc [1, 1, projection] = their mean, normalised.
void vb_itc_vision(vb_recorder *rec, const vb_weights *w, vb_tensor itc, vb_tensor proj,
                   vb_tensor tokens);

// itc [frames, 1, projection] = normalised vision_proj of the [CLS] row of each frame of
// tokens [frames, N, Dv].
void vb_itc_frames(vb_recorder *rec, const vb_weights *w, vb_tensor itc,
                   vb_tensor tokens);

// itc [batch, 1, projection] = normalised text_proj of row 0 of hidden [batch, t, D].
void vb_itc_text(vb_recorder *rec, const vb_weights *w, vb_tensor itc,
                 vb_tensor hidden);

// logits [batch, 1, 2] = itm_head of row 0 of hidden [batch, t, D].
void vb_itm_head(vb_recorder *rec, const vb_weights *w, vb_tensor logits,
                 vb_tensor hidden);

// logits [batch, 1, 2] = cls_head of row 0 of hidden [batch, t, D]: false, true. `work`
// [batch, 1, D] is scratch.
void vb_cls_head(vb_recorder *rec, const vb_weights *w, vb_tensor logits,
                 vb_tensor hidden, vb_tensor work);

// logits [batch, t, V] of hidden [batch, t, D]; `work`, shaped like hidden, is scratch.
void vb_lm_head(vb_recorder *rec, const vb_lm_weights *w, float eps, vb_tensor logits,
                vb_tensor hidden, vb_tensor work);

#endif // VB_BLIP_HEADS_H
