// names.h - what the original code calls tensors, and what Hugging Face calls them
// (blip-spec 7.2). Everything else in the program knows Hugging Face's names only.
#ifndef VB_CHECKPOINT_NAMES_H
#define VB_CHECKPOINT_NAMES_H

#include "base/arena.h"
#include "base/error.h"
#include "formats/weight.h"

typedef enum vb_naming {
    VB_NAMING_HF,
    VB_NAMING_ORIGINAL, // "visual_encoder.blocks.0..."
} vb_naming;

// Only the names of the ViT differ.
vb_naming vb_naming_of(const vb_weight_list *list);

// Replaces `list`, which has the original names, by one that has Hugging Face's. What is
// one parameter of the original code under two names takes the values of the name that
// the code loads last: the word embedding of the decoder is what its head says. Two
// tensors that end up with one name are VBLIP_ERR_FORMAT.
VB_CHECKED vblip_status vb_names_to_hf(vb_weight_list *list, vb_arena *arena,
                                       vblip_error *err);

// What `hf` is called in a file of `naming`. 256 bytes are enough for any BLIP; longer
// names are cut.
void vb_name_in(char *out, size_t size, const char *hf, vb_naming naming);

#endif // VB_CHECKPOINT_NAMES_H
