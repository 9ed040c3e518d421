// schema.h - every tensor of a BLIP: its Hugging Face name, its shape, who needs it.
#ifndef VB_CHECKPOINT_SCHEMA_H
#define VB_CHECKPOINT_SCHEMA_H

#include "checkpoint/config.h"
#include "formats/weight.h"

typedef struct vb_schema_tensor {
    const char *name;
    const char *other; // a second name that will do, or NULL
    uint32_t rank;
    uint64_t shape[VB_MAX_RANK];
    uint32_t tasks; // enum vblip_task bits: who needs it
    bool optional;
} vb_schema_tensor;

// Anything but VBLIP_OK ends the visit. The tensor and its strings die on return.
typedef vblip_status (*vb_schema_fn)(void *user, const vb_schema_tensor *tensor);

// Calls `fn` for every tensor of a model with the sizes of `config`, in the order of
// use. `stored_tokens` = rows of the vision position embedding.
VB_CHECKED vblip_status vb_schema_visit(const vb_config *config, uint64_t stored_tokens,
                                        vb_schema_fn fn, void *user);

// What training leaves in checkpoints and inference never reads (blip-spec 7.1.4).
bool vb_schema_ignores(const char *name);

// Prefixes of numbered layers, up to the number.
#define VB_VISION_LAYERS  "vision_model.encoder.layers."
#define VB_ENCODER_LAYERS "text_encoder.encoder.layer."
#define VB_DECODER_LAYERS "text_decoder.bert.encoder.layer."

#endif // VB_CHECKPOINT_SCHEMA_H
