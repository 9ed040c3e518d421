// infer.h - the configuration of a checkpoint that has no config.json.
#ifndef VB_CHECKPOINT_INFER_H
#define VB_CHECKPOINT_INFER_H

#include "checkpoint/config.h"
#include "checkpoint/weight_files.h"

enum { VB_HEAD_WIDTH = 64 }; // of every BLIP that was released

// Takes every size from the tensors; what tensors do not say is as in the original code
// (blip-spec 1.3, 2.1, 7.1.5): LayerNorm eps 1e-6 and 1e-12, heads of `head_width`. A
// width that is no multiple of it is VBLIP_ERR_UNSUPPORTED; a tensor that a size is
// taken from and that is missing or misshapen is VBLIP_ERR_FORMAT.
VB_CHECKED vblip_status vb_config_infer(vb_config_file *out,
                                        const vb_weight_files *weights,
                                        uint32_t head_width, vblip_error *err);

#endif // VB_CHECKPOINT_INFER_H
