// tensors.h - every tensor of a BLIP, written once: schema.c makes of these lists what a
// checkpoint must hold, blip/weights.c what is loaded, and into which field. What is
// verified and not loaded, or loaded and not verified, cannot be written.
//
//   ROW(OWNER, FIELD, KIND, CROSS, SHAPE, NAMES...)
//
// OWNER and FIELD are a struct of blip/weights.h and its member. SHAPE is dimensions: a
// number, a letter, or a number times a letter.
//   N stored vision tokens   W vision width   P patch side   M vision MLP
//   V vocabulary   T text positions   D text width   F text MLP
//   C width that cross-attention reads   E projection
// Several NAMES lie on top of each other in the field, in this order.
#ifndef VB_CHECKPOINT_TENSORS_H
#define VB_CHECKPOINT_TENSORS_H

#include "vblip.h"

// What a row's names are.
typedef enum vb_tensor_kind {
    VB_KIND_NORM,  // NAME.weight and NAME.bias
    VB_KIND_DENSE, // the same; of the bias, SHAPE is the first dimension
    VB_KIND_KEYS,  // the same: keys and values of what is seen, which may be absorbed
    VB_KIND_ROWS,  // a tensor
    VB_KIND_GRID,  // the positions of the patches, which other image sizes stretch
    VB_KIND_WORDS, // a matrix that ids look up
    VB_KIND_HEAD, // a matrix that is the word embedding unless it is stored (blip-spec 7.3)
    VB_KIND_EITHER, // a tensor under two names, of which safetensors keeps one
} vb_tensor_kind;

// With which cross-attention a row is there.
typedef enum vb_tensor_cross {
    VB_CROSS_ANY,
    VB_CROSS_ONE,   // to one image
    VB_CROSS_TWO,   // to two images, in NLVR2
    VB_CROSS_MERGE, // to two images, in a layer that merges them and does not average
} vb_tensor_cross;

enum { VB_MAX_NAMES = 2 }; // in a row

#define VB_VISION_EMBEDDINGS(ROW)                                                      \
    ROW(vb_weights, vision.cls, ROWS, ANY, "1 1 W", "class_embedding")                 \
    ROW(vb_weights, vision.positions, GRID, ANY, "1 N W", "position_embedding")        \
    ROW(vb_weights, vision.patch, DENSE, ANY, "W 3 P P", "patch_embedding")

#define VB_VISION_LAYER(ROW)                                                           \
    ROW(vb_vision_block, norm1, NORM, ANY, "W", "layer_norm1")                         \
    ROW(vb_vision_block, qkv, DENSE, ANY, "3W W", "self_attn.qkv")                     \
    ROW(vb_vision_block, proj, DENSE, ANY, "W W", "self_attn.projection")              \
    ROW(vb_vision_block, norm2, NORM, ANY, "W", "layer_norm2")                         \
    ROW(vb_vision_block, fc1, DENSE, ANY, "M W", "mlp.fc1")                            \
    ROW(vb_vision_block, fc2, DENSE, ANY, "W M", "mlp.fc2")

#define VB_VISION_END(ROW)                                                             \
    ROW(vb_weights, vision.norm, NORM, ANY, "W", "post_layernorm")

// `text` is the member of vb_weights.
#define VB_TEXT_EMBEDDINGS(ROW, text)                                                  \
    ROW(vb_weights, text.words, WORDS, ANY, "V D", "word_embeddings.weight")           \
    ROW(vb_weights, text.positions, ROWS, ANY, "T D", "position_embeddings.weight")    \
    ROW(vb_weights, text.norm, NORM, ANY, "D", "LayerNorm")

#define VB_TEXT_LAYER(ROW)                                                             \
    ROW(vb_text_layer, self.q, DENSE, ANY, "D D", "attention.self.query")              \
    ROW(vb_text_layer, self.kv, DENSE, ANY, "D D", "attention.self.key",               \
        "attention.self.value")                                                        \
    ROW(vb_text_layer, self.out, DENSE, ANY, "D D", "attention.output.dense")          \
    ROW(vb_text_layer, self_norm, NORM, ANY, "D", "attention.output.LayerNorm")        \
    ROW(vb_text_layer, cross[0].q, DENSE, ONE, "D D", "crossattention.self.query")     \
    ROW(vb_text_layer, cross[0].kv, KEYS, ONE, "D C", "crossattention.self.key",       \
        "crossattention.self.value")                                                   \
    ROW(vb_text_layer, cross[0].out, DENSE, ONE, "D D", "crossattention.output.dense") \
    ROW(vb_text_layer, cross[0].q, DENSE, TWO, "D D", "crossattention.self0.query")    \
    ROW(vb_text_layer, cross[0].kv, KEYS, TWO, "D C", "crossattention.self0.key",      \
        "crossattention.self0.value")                                                  \
    ROW(vb_text_layer, cross[1].q, DENSE, TWO, "D D", "crossattention.self1.query")    \
    ROW(vb_text_layer, cross[1].kv, KEYS, TWO, "D C", "crossattention.self1.key",      \
        "crossattention.self1.value")                                                  \
    ROW(vb_text_layer, cross[0].out, DENSE, TWO, "D D",                                \
        "crossattention.output.dense0")                                                \
    ROW(vb_text_layer, cross[1].out, DENSE, TWO, "D D",                                \
        "crossattention.output.dense1")                                                \
    ROW(vb_text_layer, merge, DENSE, MERGE, "D 2D",                                    \
        "crossattention.output.merge_layer")                                           \
    ROW(vb_text_layer, cross_norm, NORM, ANY, "D", "crossattention.output.LayerNorm")  \
    ROW(vb_text_layer, fc1, DENSE, ANY, "F D", "intermediate.dense")                   \
    ROW(vb_text_layer, fc2, DENSE, ANY, "D F", "output.dense")                         \
    ROW(vb_text_layer, mlp_norm, NORM, ANY, "D", "output.LayerNorm")

#define VB_LANGUAGE_HEAD(ROW)                                                          \
    ROW(vb_weights, lm.transform, DENSE, ANY, "D D", "transform.dense")                \
    ROW(vb_weights, lm.norm, NORM, ANY, "D", "transform.LayerNorm")                    \
    ROW(vb_weights, lm.decoder.w, HEAD, ANY, "V D", "decoder.weight")                  \
    ROW(vb_weights, lm.decoder.b, EITHER, ANY, "V", "bias", "decoder.bias")

#define VB_PROJECTIONS(ROW)                                                            \
    ROW(vb_weights, vision_proj, DENSE, ANY, "E W", "vision_proj")                     \
    ROW(vb_weights, text_proj, DENSE, ANY, "E D", "text_proj")

#define VB_ITM_HEAD(ROW) ROW(vb_weights, itm, DENSE, ANY, "2 D", "itm_head")

#define VB_CLASSIFIER(ROW)                                                             \
    ROW(vb_weights, cls_hidden, DENSE, ANY, "D D", "cls_head.0")                       \
    ROW(vb_weights, cls, DENSE, ANY, "2 D", "cls_head.2")

// Prefixes of numbered layers, up to the number.
#define VB_VISION_LAYERS  "vision_model.encoder.layers."
#define VB_ENCODER_LAYERS "text_encoder.encoder.layer."
#define VB_DECODER_LAYERS "text_decoder.bert.encoder.layer."

#define VB_VISION_TASKS (VB_ENCODER_TASKS | VB_DECODER_TASKS)
#define VB_ENCODER_TASKS                                                               \
    (VB_ITC_TASKS | VBLIP_TASK_VQA | VBLIP_TASK_NLVR | VBLIP_TASK_FEATURES)
#define VB_DECODER_TASKS (VBLIP_TASK_CAPTION | VBLIP_TASK_VQA)
#define VB_ITC_TASKS     (VBLIP_TASK_ITC | VBLIP_TASK_RETRIEVAL)

// All groups of rows, in the order of use.
//   ONCE(TOWER, TASKS, PREFIX, ROWS)                 tensors PREFIX NAME
//   EACH(TOWER, TASKS, PREFIX, OWNER, LAYERS, ROWS)  tensors PREFIX N "." NAME, N a layer
// TOWER says whose sizes and depth, TASKS who needs them; LAYERS is the member of
// vb_weights that is an array of OWNER.
#define VB_TENSOR_GROUPS(ONCE, EACH, ROW)                                              \
    ONCE(VISION, VB_VISION_TASKS, "vision_model.embeddings.",                          \
         VB_VISION_EMBEDDINGS(ROW))                                                    \
    EACH(VISION, VB_VISION_TASKS, VB_VISION_LAYERS, vb_vision_block, vision.blocks,    \
         VB_VISION_LAYER(ROW))                                                         \
    ONCE(VISION, VB_VISION_TASKS, "vision_model.", VB_VISION_END(ROW))                 \
    ONCE(ENCODER, VB_ENCODER_TASKS, "text_encoder.embeddings.",                        \
         VB_TEXT_EMBEDDINGS(ROW, encoder))                                             \
    EACH(ENCODER, VB_ENCODER_TASKS, VB_ENCODER_LAYERS, vb_text_layer, encoder.layers,  \
         VB_TEXT_LAYER(ROW))                                                           \
    ONCE(DECODER, VB_DECODER_TASKS, "text_decoder.bert.embeddings.",                   \
         VB_TEXT_EMBEDDINGS(ROW, decoder))                                             \
    EACH(DECODER, VB_DECODER_TASKS, VB_DECODER_LAYERS, vb_text_layer, decoder.layers,  \
         VB_TEXT_LAYER(ROW))                                                           \
    ONCE(DECODER, VB_DECODER_TASKS, "text_decoder.cls.predictions.",                   \
         VB_LANGUAGE_HEAD(ROW))                                                        \
    ONCE(ENCODER, VB_ITC_TASKS, "", VB_PROJECTIONS(ROW))                               \
    ONCE(ENCODER, VBLIP_TASK_RETRIEVAL, "", VB_ITM_HEAD(ROW))                          \
    ONCE(ENCODER, VBLIP_TASK_NLVR, "", VB_CLASSIFIER(ROW))

typedef enum vb_tower { VB_TOWER_VISION, VB_TOWER_ENCODER, VB_TOWER_DECODER } vb_tower;

#endif // VB_CHECKPOINT_TENSORS_H
