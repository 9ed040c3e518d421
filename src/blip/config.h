// config.h - every number of a model that is not a weight.
#ifndef VB_BLIP_CONFIG_H
#define VB_BLIP_CONFIG_H

#include "base/error.h"

#include <stdint.h>

typedef struct vb_vision_config {
    uint32_t width; // Dv
    uint32_t layers, heads;
    uint32_t mlp;        // hidden width of the MLP
    uint32_t image_size; // S the model runs at, pixels
    uint32_t patch_size; // P, pixels
    float eps;           // of every LayerNorm
} vb_vision_config;

// The text encoder and the text decoder each have one.
typedef struct vb_text_config {
    uint32_t width; // D
    uint32_t layers, heads;
    uint32_t mlp;         // intermediate_size
    uint32_t positions;   // longest text, tokens
    uint32_t vocabulary;  // rows of the word embedding: lines of vocab.txt + 2
    uint32_t cross_width; // of what cross-attention reads: Dv, or D in the VQA decoder
    float eps;
} vb_text_config;

typedef struct vb_config {
    vb_vision_config vision;
    vb_text_config encoder, decoder; // layers = 0 where the checkpoint has none
    uint32_t projection;             // width of ITC vectors; 0 without retrieval heads
    float mean[3], deviation[3];     // of pixels / 255
} vb_config;

// Tokens of one frame: patches and [CLS].
static inline uint32_t vb_vision_tokens(const vb_vision_config *v)
{
    uint32_t grid = v->image_size / v->patch_size;
    return grid * grid + 1;
}

#endif // VB_BLIP_CONFIG_H
