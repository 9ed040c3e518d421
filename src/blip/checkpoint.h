// checkpoint.h - a BLIP checkpoint on the host: found, mapped, and checked in full.
#ifndef VB_BLIP_CHECKPOINT_H
#define VB_BLIP_CHECKPOINT_H

#include "blip/config.h"
#include "blip/safetensors.h"

// Opens the checkpoint that `options` names and checks every tensor that its tasks need:
// present, shaped and typed as the config says. Nothing is copied: weights stay mapped
// until close.
typedef struct vb_checkpoint vb_checkpoint;

VB_CHECKED vblip_status vb_checkpoint_open(vb_checkpoint **out,
                                           const vblip_model_options *options,
                                           vblip_error *err);
void vb_checkpoint_close(vb_checkpoint **checkpoint);

const vb_config *vb_checkpoint_config(const vb_checkpoint *checkpoint);
const vblip_model_info *vb_checkpoint_info(const vb_checkpoint *checkpoint);
const char *vb_checkpoint_vocab_path(const vb_checkpoint *checkpoint);

// The tensor with the Hugging Face name `name` (blip-spec 7.2), whatever the file calls
// it; NULL when the checkpoint has none.
const vb_weight *vb_checkpoint_find(const vb_checkpoint *checkpoint, const char *name);

#endif // VB_BLIP_CHECKPOINT_H
