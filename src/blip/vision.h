// vision.h - the ViT (blip-spec 1).
#ifndef VB_BLIP_VISION_H
#define VB_BLIP_VISION_H

#include "blip/weights.h"

// Intermediate values for `frames` frames at once.
typedef struct vb_vision_scratch {
    vb_tensor pixels;  // VB_U8 [frames, S, 3 * S]
    vb_tensor patches; // [frames, G * G, 3 * P * P]
    vb_tensor norm;    // [frames, N, Dv]
    vb_tensor qkv;     // [frames, N, 3 * Dv]
    vb_tensor mixed;   // [frames, N, Dv]
    vb_tensor wide;    // [frames, N, mlp]
} vb_vision_scratch;

VB_CHECKED vblip_status vb_vision_scratch_make(vb_vision_scratch *out, vb_pool *pool,
                                               const vb_vision_config *config,
                                               uint32_t frames, vblip_error *err);

// The first `frames` frames of it.
vb_vision_scratch vb_vision_scratch_cut(const vb_vision_scratch *s, uint32_t frames);

// How many frames to encode at once, so that no intermediate value is larger than
// `max_bytes` where that can be had; at least 1.
uint32_t vb_vision_batch(const vb_vision_config *config, uint64_t max_bytes);

// x [frames, N, Dv] = visual tokens of s->pixels.
void vb_vision_forward(vb_recorder *rec, const vb_vision_weights *w,
                       const vb_config *config, const vb_vision_scratch *s,
                       vb_tensor x);

// Its parts, in order: the residual stream x before the first block, the two halves of a
// block, in place. The final LayerNorm follows.
void vb_vision_embed(vb_recorder *rec, const vb_vision_weights *w,
                     const vb_config *config, const vb_vision_scratch *s, vb_tensor x);
void vb_vision_attention(vb_recorder *rec, const vb_vision_block *w,
                         const vb_vision_config *config, const vb_vision_scratch *s,
                         vb_tensor x);
void vb_vision_mlp(vb_recorder *rec, const vb_vision_block *w,
                   const vb_vision_config *config, const vb_vision_scratch *s,
                   vb_tensor x);

#endif // VB_BLIP_VISION_H
