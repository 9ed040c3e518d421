// text.h - the MED text transformer (blip-spec 2): bidirectional encoder with or without
// cross-attention, and causal decoder.
#ifndef VB_BLIP_TEXT_H
#define VB_BLIP_TEXT_H

#include "blip/weights.h"

// What cross-attention reads: of every layer, keys in the first D columns and values in
// the others, made once for what is seen, shared by all texts, beams and steps; or
// `states`, what they are made of, where the layers absorb them (vb_absorbed_attention).
typedef struct vb_cross {
    vb_tensor *layers; // [1, kv_len, 2 * D] each; NULL = none made
    uint32_t count;
    vb_tensor states; // [1, kv_len, cross_width]; absent = `layers` are read
} vb_cross;

// Room for `kv_len` keys and values. `cross` is all-zero, or what was made before, which
// is replaced.
VB_CHECKED vblip_status vb_cross_make(vb_cross *cross, vb_pool *pool,
                                      const vb_text_config *config, uint32_t kv_len,
                                      vblip_error *err);
void vb_cross_free(vb_cross *cross); // the pool owns the tensors

// Keys and values of `states` [1, kv_len, cross_width] for `side` 0, or 1: the second
// image of an NLVR2 encoder.
void vb_cross_fill(vb_recorder *rec, const vb_text_weights *w, uint32_t side,
                   const vb_cross *cross, vb_tensor states);

// What the texts of a batch see, where it is not all the same: equal parts of the keys and
// values in their order, as those of each frame of a clip.
typedef struct vb_readers {
    uint32_t parts;       // of the keys and values
    const uint32_t *part; // [count], not falling: the one that each text reads
    uint32_t count;       // texts, each of as many rows of the batch
} vb_readers;

// Intermediate values for `batch` texts of `tokens` tokens.
typedef struct vb_text_scratch {
    vb_tensor hidden; // [batch, tokens, D]
    vb_tensor query;  // [batch, tokens, D]
    vb_tensor mixed;  // [batch, tokens, D]
    vb_tensor wide;   // [batch, tokens, mlp]
    vb_tensor pair;   // [batch, tokens, 2 * D], of an NLVR2 encoder
} vb_text_scratch;

VB_CHECKED vblip_status vb_text_scratch_make(vb_text_scratch *out, vb_pool *pool,
                                             const vb_text_config *config,
                                             uint32_t batch, uint32_t tokens,
                                             vblip_error *err);

// The first `batch` of them.
vb_text_scratch vb_text_scratch_cut(const vb_text_scratch *scratch, uint32_t batch);

// Which keys self-attention sees besides those of the tokens themselves.
typedef struct vb_self {
    vb_tensor kv;   // [batch, first + tokens, 2 * D]: keys and values of this layer, of
                    // the tokens before and of these; the forward pass fills in these
    uint32_t first; // tokens before
    bool causal;    // decoder
    vb_tensor lengths; // encoder: VB_I32 [1, 1, batch], or absent
} vb_self;

// s->hidden = LN(words[ids] + positions[first ...]). ids VB_I32 [1, batch, tokens].
void vb_text_embed(vb_recorder *rec, const vb_text_weights *w,
                   const vb_text_config *config, const vb_text_scratch *s,
                   vb_tensor ids, uint32_t first);

// Self-attention, cross-attention and MLP: what a layer consists of, in this order. Each
// reads s->hidden and replaces it. `layer` is that of `w` in `cross`. Without `readers`
// (NULL) all texts see all of `cross`.
void vb_text_self_attention(vb_recorder *rec, const vb_text_layer *w,
                            const vb_text_config *config, const vb_text_scratch *s,
                            const vb_self *self);
void vb_text_cross_attention(vb_recorder *rec, const vb_text_layer *w,
                             const vb_text_config *config, const vb_text_scratch *s,
                             const vb_cross *cross, uint32_t layer,
                             const vb_readers *readers);
// Of an NLVR2 encoder, with what is read of both images.
void vb_text_nlvr_attention(vb_recorder *rec, const vb_text_layer *w,
                            const vb_text_config *config, const vb_text_scratch *s,
                            const vb_cross cross[2], uint32_t layer);
void vb_text_mlp(vb_recorder *rec, const vb_text_layer *w, const vb_text_config *config,
                 const vb_text_scratch *s);

// s->hidden = last hidden states of `ids` [1, batch, tokens], padded to the longest;
// `kv` [batch, tokens, 2 * D] is scratch. Without `cross` (NULL) this is mode "text",
// with it mode "multimodal". An NLVR2 encoder reads two of them: cross[0] and cross[1].
// With `first`, of one token, the last layer is computed for the first token of each text
// alone, and its state is first->hidden [batch, 1, D]; s->hidden is no result then.
void vb_text_encode(vb_recorder *rec, const vb_text_weights *w,
                    const vb_text_config *config, const vb_text_scratch *s,
                    const vb_text_scratch *first, vb_tensor kv, vb_tensor ids,
                    vb_tensor lengths, const vb_cross *cross);

// s->hidden = hidden states of tokens first .. first + tokens - 1, given `cache`
// [batch, room, layers * 2 * D], the keys and values of those before, to which those of
// these tokens are added.
void vb_text_decode(vb_recorder *rec, const vb_text_weights *w,
                    const vb_text_config *config, const vb_text_scratch *s,
                    vb_tensor cache, vb_tensor ids, uint32_t first,
                    const vb_cross *cross, const vb_readers *readers);

#endif // VB_BLIP_TEXT_H
