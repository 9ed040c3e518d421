// model_ops.h - a model as the tasks see it: what it can be asked, and facts about it.
#ifndef VB_VIDEO_TASKS_MODEL_OPS_H
#define VB_VIDEO_TASKS_MODEL_OPS_H

#include "blip/model.h"

// The functions are those of blip/model.h, or a test's. One thread at a time.
typedef struct vb_model_ops {
    vb_model *model;         // the functions' own
    uint32_t side;           // pixels of the frames it encodes
    uint32_t projection;     // width of ITC vectors
    bool shares_cores;       // computes on the cores that decode runs on
    bool ignore_orientation; // images are taken as stored, whatever EXIF says
    uint64_t cache_bytes;    // device memory there is for the visuals of clips kept
    vblip_status (*visual_make)(vb_visual **out, vb_model *model, vblip_error *err);
    void (*visual_free)(vb_visual **visual);
    uint64_t (*visual_bytes)(const vb_visual *visual);
    vblip_status (*encode)(vb_model *model, vb_visual *visual, const vb_frame *frames,
                           uint32_t count, uint32_t batch, float *itc,
                           vblip_error *err);
    vblip_status (*encode_together)(vb_model *model, const vb_clip_frames *clips,
                                    uint32_t count, uint32_t batch, vblip_error *err);
    uint32_t (*filling_frames)(const vb_model *model, uint32_t batch);
    vblip_status (*frames_itc)(vb_model *model, const vb_visual *visual, float *itc,
                               vblip_error *err);
    vblip_status (*text_itc)(vb_model *model, const char *const *texts, uint32_t count,
                             float *itc, vblip_error *err);
    vblip_status (*itm)(vb_model *model, vb_visual *visual, const char *const *texts,
                        uint32_t count, bool cls_first, float (*logits)[2],
                        vblip_error *err);
    vblip_status (*caption)(vb_model *model, vb_visual *visual,
                            const vb_caption_params *params, vb_generated *out,
                            vblip_error *err);
    vblip_status (*captions)(vb_model *model, vb_visual *visual,
                             const vb_caption_params *params, const uint64_t *random,
                             vb_generated *out, uint32_t count, uint32_t each,
                             vblip_error *err);
    vblip_status (*answer)(vb_model *model, vb_visual *visual, const char *question,
                           const vb_answer_params *params, vb_generated *out,
                           vblip_error *err);
    vblip_status (*rank)(vb_model *model, vb_visual *visual, const char *question,
                         const char *const *answers, uint32_t count, uint32_t k_test,
                         uint32_t *order, float *scores, uint32_t *kept,
                         vblip_error *err);
    vblip_status (*reason)(vb_model *model, vb_visual *left, vb_visual *right,
                           const char *const *statements, uint32_t count,
                           float (*logits)[2], vblip_error *err);
    vblip_status (*visual_features)(vb_model *model, const vb_visual *visual,
                                    vb_features *out, vblip_error *err);
    vblip_status (*visual_fill)(vb_model *model, vb_visual *visual, const float *tokens,
                                uint32_t rows, uint32_t cols, vblip_error *err);
    vblip_status (*text_features)(vb_model *model, vb_visual *visual, const char *text,
                                  vb_features *out, vblip_error *err);
    vblip_status (*dialog)(vb_model *model, vb_visual *visual, const vb_dialog *dialog,
                           float (*logits)[2], vblip_error *err);
} vb_model_ops;

// Those of a loaded BLIP. `model` must outlive them.
vb_model_ops vb_model_ops_of(vb_model *model);

#endif // VB_VIDEO_TASKS_MODEL_OPS_H
