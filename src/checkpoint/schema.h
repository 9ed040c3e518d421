// schema.h - every tensor of a BLIP: its Hugging Face name, its shape, who needs it.
#ifndef VB_CHECKPOINT_SCHEMA_H
#define VB_CHECKPOINT_SCHEMA_H

#include "checkpoint/config.h"
#include "checkpoint/tensors.h"
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

// Those of a group's `tasks` that need a row of cross-attention `cross` in layer `layer`:
// only NLVR2 has the two-image cross-attention, and has nothing else.
uint32_t vb_schema_tasks(uint32_t tasks, vb_tensor_cross cross, uint32_t layer,
                         uint32_t merge_from);

// How many layers a tower has; 0 where it is not there.
uint32_t vb_schema_layers(const vb_config *config, vb_tower tower);

// What training leaves in checkpoints and inference never reads (blip-spec 7.1.4).
bool vb_schema_ignores(const char *name);

#endif // VB_CHECKPOINT_SCHEMA_H
