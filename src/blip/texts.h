// texts.h - texts through the text encoder, as many at once as memory allows.
//
// In three steps: all texts of a call become ids, a batch of these is chosen, and it goes
// through the encoder.
#ifndef VB_BLIP_TEXTS_H
#define VB_BLIP_TEXTS_H

#include "blip/model_internal.h"

// How texts become ids. All are cleaned as captions are (blip-spec 4.4).
typedef struct vb_texts_rules {
    int32_t first;       // the id that takes the place of [CLS]
    uint32_t max_length; // tokens; longer texts are cut. 0: texts of more tokens than
                         // the model has positions are refused
    const char *what;    // what messages call a text: "query"
} vb_texts_rules;

// Ids of `texts` [count] in model->texts.
VB_CHECKED vblip_status vb_texts_tokenize(vb_model *model, const char *const *texts,
                                          uint32_t count, const vb_texts_rules *rules,
                                          vblip_error *err);

// How many texts from the front of `list` [count] go through the encoder at once: at
// least one.
uint32_t vb_texts_fit(const vb_ids *list, uint32_t count);

// How many tokens `list` [count] has.
uint64_t vb_texts_rows(const vb_ids *list, uint32_t count);

// Which hidden states are wanted. The first token's alone save most of the last layer.
typedef enum vb_states { VB_STATES_ALL, VB_STATES_FIRST } vb_states;

// Records the encoder on `list` [count]: states [count, tokens of the longest, D] of all
// tokens or [count, 1, D] of the first. `cross` as in vb_text_encode. All memory is from
// `pool`, and model->staging is used until this returns.
VB_CHECKED vblip_status vb_texts_encode(vb_tensor *states, vb_recorder *rec,
                                        vb_model *model, vb_pool *pool,
                                        const vb_ids *list, uint32_t count,
                                        vb_states wanted, const vb_cross *cross,
                                        vblip_error *err);

// The two ITM logits of `list` [count], a batch, given the keys and values of what is
// shown.
VB_CHECKED vblip_status vb_itm_batch(vb_model *model, vb_pool *pool,
                                     const vb_cross *cross, const vb_ids *list,
                                     uint32_t count, float (*logits)[2],
                                     vblip_error *err);

#endif // VB_BLIP_TEXTS_H
