// config.h - every number of a model that is not a weight.
#ifndef VB_CHECKPOINT_CONFIG_H
#define VB_CHECKPOINT_CONFIG_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct vb_vision_config {
    uint32_t width; // Dv
    uint32_t layers, heads;
    uint32_t mlp;        // hidden width of the MLP
    uint32_t image_size; // S the model runs at, pixels
    bool size_asked;     // by the caller: it is not the processor's
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
    bool nlvr;           // cross-attention reads two images (NLVR2, blip-spec 6.7)
    uint32_t merge_from; // of NLVR2: the layer from which on merge_layer joins what it
                         // read; the layers before average
} vb_text_config;

typedef struct vb_config {
    vb_vision_config vision;
    vb_text_config encoder, decoder; // layers = 0 where the checkpoint has none
    uint32_t projection;             // width of ITC vectors; 0 without retrieval heads
    float mean[3], deviation[3];     // of pixels / 255
} vb_config;

// Side of the square grid of `patches` patches, rounded down.
uint32_t vb_grid_of(uint32_t patches);

// Tokens of one frame: patches and [CLS].
static inline uint32_t vb_vision_tokens(const vb_vision_config *v)
{
    uint32_t grid = v->image_size / v->patch_size;
    return grid * grid + 1;
}

// Largest numbers a checkpoint may ask for, far above any BLIP. Products of two fit 64
// bits with room to spare.
enum {
    VB_MAX_WIDTH = 1 << 16, // of vision, text, projection
    VB_MAX_MLP = 1 << 18,
    VB_MAX_LAYERS = 1 << 10,
    VB_MAX_HEAD = 128, // width of one head, a multiple of 16
    VB_MAX_POSITIONS = 1 << 16,
    VB_MAX_VOCABULARY = 1 << 22,
    VB_MAX_PATCH = 256,  // pixels
    VB_MAX_IMAGE = 4096, // pixels
};

// What config.json and the processor's file say, defaults filled in (blip-spec 7.4).
typedef struct vb_config_file {
    vb_vision_config vision; // image_size is what the processor makes
    uint32_t stored_size;    // pixels: the image that the stored positions are for
    vb_text_config text;     // of both towers; cross_width 0: only tensors say
    uint32_t projection;
    int32_t bos, sep; // ids of [DEC] and [SEP]; -1 = not stated
    float mean[3], deviation[3];
    char architecture[48]; // the task class, cut to fit; "" = not stated
    bool demo;             // "vblip_demo": true, a key of ours
} vb_config_file;

// What Hugging Face leaves out of config.json when it is so (blip-spec 7.4). The number
// of text heads has no default: the library's 8 is right for no BLIP.
vb_config_file vb_config_defaults(void);

// Parses the bytes of a config.json. `subject` names it in messages.
VB_CHECKED vblip_status vb_config_parse(vb_config_file *out, const char *json,
                                        size_t size, const char *subject,
                                        vblip_error *err);

// Lays the bytes of a preprocessor_config.json over `config`, or those of a
// processor_config.json, which keeps the same under the key "image_processor"; *found =
// whether there was something. On failure `config` is zeroed.
VB_CHECKED vblip_status vb_config_parse_processor(vb_config_file *config, bool *found,
                                                  const char *json, size_t size,
                                                  const char *subject,
                                                  vblip_error *err);

#endif // VB_CHECKPOINT_CONFIG_H
