// layout.h - what the tensors of a file make of its configuration.
#ifndef VB_CHECKPOINT_LAYOUT_H
#define VB_CHECKPOINT_LAYOUT_H

#include "checkpoint/config.h"
#include "formats/weight.h"

typedef struct vb_layout {
    vb_config config;       // a tower that is not there has 0 layers
    uint64_t stored_tokens; // rows of the vision position embedding
    uint32_t tasks;         // enum vblip_task: what the names of the tensors say
} vb_layout;

// Takes depths, MLP widths and cross-attention widths from the tensors and holds them
// against `file`: vision depth and MLP must be what it says. It has one number for two
// text towers, so that one of those present must be as it says; the other may differ.
//
// The tensors decide what a checkpoint is for; the class that config.json names is asked
// only where they leave it open:
//   retrieval  text_encoder and an ITM tensor
//   ITC        text_encoder and a projection; and what is for retrieval
//   vqa        text_encoder, and a text_decoder that reads width D
//   caption    a text_decoder that reads width Dv. Where a text_encoder stands beside it
//              and no projection or ITM tensor, it is the answer decoder of a VQA
//              checkpoint whose Dv is D, and captions from it would mean nothing: only
//              the class BlipForConditionalGeneration says otherwise.
//   nlvr       text_encoder with two-image cross-attention, which is for nothing else
//   features   text_encoder, and it is for nothing of the above
// `config_path` and `weights_path` name the files in messages.
VB_CHECKED vblip_status vb_layout_read(vb_layout *out, const vb_config_file *file,
                                       const vb_weight_list *list,
                                       const char *config_path,
                                       const char *weights_path, vblip_error *err);

// One more than the highest number that follows `prefix` in the name of a tensor; 0
// where there is none.
uint32_t vb_count_layers(const vb_weight_list *list, const char *prefix);

// `tasks` and what is part of them.
uint32_t vb_tasks_whole(uint32_t tasks);

// VBLIP_ERR_UNSUPPORTED of a checkpoint, or a model set, that is for `held` tasks and was
// asked for `wanted`: what it holds.
VB_CHECKED vblip_status vb_task_refuse(const char *path, const char *what,
                                       uint32_t held, uint32_t wanted,
                                       vblip_error *err);

#endif // VB_CHECKPOINT_LAYOUT_H
