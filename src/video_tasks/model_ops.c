#include "video_tasks/model_ops.h"

// Visuals that are kept may take a quarter of the device's memory, and at most this:
// on a processor's own memory the rest of the machine wants to live too.
static const uint64_t max_cache_bytes = (uint64_t)4 << 30;

vb_model_ops vb_model_ops_of(vb_model *model)
{
    const vb_config *config = vb_model_config(model);
    const vb_device_caps *caps = &vb_model_device(model)->caps;
    const uint64_t quarter = caps->memory_bytes / 4;
    return (vb_model_ops){
        .model = model,
        .side = config->vision.image_size,
        .projection = config->projection,
        .shares_cores = caps->shares_cores,
        .ignore_orientation = vb_model_ignores_orientation(model),
        .cache_bytes = quarter < max_cache_bytes ? quarter : max_cache_bytes,
        .visual_make = vb_visual_make,
        .visual_free = vb_visual_free,
        .visual_bytes = vb_visual_bytes,
        .encode = vb_model_encode,
        .encode_together = vb_model_encode_together,
        .filling_frames = vb_model_filling_frames,
        .frames_itc = vb_model_frames_itc,
        .text_itc = vb_model_text_itc,
        .itm = vb_model_itm,
        .caption = vb_model_caption,
        .captions = vb_model_captions,
        .answer = vb_model_answer,
        .rank = vb_model_rank,
        .reason = vb_model_reason,
        .visual_features = vb_model_visual_features,
        .visual_fill = vb_model_visual_fill,
        .text_features = vb_model_text_features,
        .dialog = vb_model_dialog,
    };
}
