// weights.h - the tensors of a checkpoint on the device, under the names of the paper.
#ifndef VB_BLIP_WEIGHTS_H
#define VB_BLIP_WEIGHTS_H

#include "base/arena.h"
#include "checkpoint/checkpoint.h"
#include "compute/pool.h"

typedef struct vb_norm {
    vb_tensor gain, bias; // [1, 1, width]
} vb_norm;

// y = x w^T + b
typedef struct vb_dense {
    vb_matrix *w; // [out, in]
    vb_tensor b;  // [1, 1, out]
} vb_dense;

// One block of the ViT, pre-LN (blip-spec 1.2).
typedef struct vb_vision_block {
    vb_norm norm1, norm2;
    vb_dense qkv;  // [3 * Dv, Dv]
    vb_dense proj; // [Dv, Dv]
    vb_dense fc1;  // [mlp, Dv]
    vb_dense fc2;  // [Dv, mlp]
} vb_vision_block;

typedef struct vb_vision_weights {
    vb_dense patch;      // [Dv, 3 * P * P]
    vb_tensor cls;       // [1, 1, Dv]
    vb_tensor positions; // [1, N, Dv], of the image size the model runs at
    vb_vision_block *blocks;
    vb_norm norm;
} vb_vision_weights;

// Self-attention or cross-attention of a text layer, up to its residual. The queries are
// a matrix of their own: only keys and values are kept for later tokens.
typedef struct vb_attention_weights {
    vb_dense q;   // [D, D]
    vb_dense kv;  // [2 * D, D], of cross-attention [2 * D, cross_width]
    vb_dense out; // [D, D]
} vb_attention_weights;

// One layer of the text encoder or decoder, post-LN (blip-spec 2.3).
typedef struct vb_text_layer {
    vb_attention_weights self;
    vb_norm self_norm;
    vb_attention_weights cross[2]; // the second is that of an NLVR2 encoder
    vb_dense merge;                // [D, 2 * D]; absent where the two are averaged
    vb_norm cross_norm;
    vb_dense fc1; // [mlp, D]
    vb_dense fc2; // [D, mlp]
    vb_norm mlp_norm;
} vb_text_layer;

typedef struct vb_text_weights {
    vb_matrix *words;    // [V, D]
    vb_tensor positions; // [1, positions, D]
    vb_norm norm;
    vb_text_layer *layers; // NULL when the tasks do without this transformer
} vb_text_weights;

typedef struct vb_lm_weights {
    vb_dense transform; // [D, D]
    vb_norm norm;
    vb_dense decoder; // [V, D]; the matrix may be the decoder's `words`
} vb_lm_weights;

typedef struct vb_weights {
    vb_vision_weights vision;
    vb_text_weights encoder, decoder;
    vb_lm_weights lm;
    vb_dense vision_proj; // [projection, Dv]
    vb_dense text_proj;   // [projection, D]
    vb_dense itm;         // [2, D]
    vb_dense cls_hidden;  // [D, D], cls_head.0
    vb_dense cls;         // [2, D], cls_head.2

    // Who owns all that.
    vb_arena arena;
    vb_pool vectors;
    struct vb_matrix_node *matrices;
} vb_weights;

// Uploads what `tasks` (enum vblip_task bits) need of `checkpoint`.
// Where an image has another number of patches than there are positions, those are
// resized, or, with `first_positions`, the first are taken: then there must be enough.
VB_CHECKED vblip_status vb_weights_load(vb_weights *out, vb_device *device,
                                        const vb_checkpoint *checkpoint, uint32_t tasks,
                                        bool first_positions, vblip_error *err);
void vb_weights_free(vb_weights *weights);

#endif // VB_BLIP_WEIGHTS_H
