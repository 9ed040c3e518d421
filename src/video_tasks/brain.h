// brain.h - what a task asks of a model: a loaded BLIP, or a test's stand-in.
#ifndef VB_VIDEO_TASKS_BRAIN_H
#define VB_VIDEO_TASKS_BRAIN_H

#include "blip/model.h"

// A generated text. Start from all-zero; free the string.
typedef struct vb_reply {
    vb_string text;
    float score;
} vb_reply;

// The functions mean what their namesakes of blip/model.h mean. One thread at a time.
typedef struct vb_brain {
    void *user;
    uint32_t side;           // pixels of the frames it sees
    uint32_t projection;     // width of ITC vectors
    bool shares_cores;       // computes on the cores that decode runs on
    bool ignore_orientation; // images are seen as stored, whatever EXIF says
    uint64_t cache_bytes;    // device memory there is for visuals of clips kept
    vblip_status (*visual_make)(void *user, vb_visual **out, vblip_error *err);
    void (*visual_free)(vb_visual **visual);
    uint64_t (*visual_bytes)(const vb_visual *visual);
    vblip_status (*see)(void *user, vb_visual *visual, const vb_frame *frames,
                        uint32_t count, uint32_t batch, float *itc, vblip_error *err);
    vblip_status (*text_itc)(void *user, const char *text, float *itc,
                             vblip_error *err);
    vblip_status (*itm)(void *user, vb_visual *visual, const char *const *texts,
                        uint32_t count, bool cls_first, float (*logits)[2],
                        vblip_error *err);
    vblip_status (*caption)(void *user, vb_visual *visual,
                            const vb_caption_params *params, vb_reply *out,
                            vblip_error *err);
    vblip_status (*answer)(void *user, vb_visual *visual, const char *question,
                           vb_reply *out, vblip_error *err);
    vblip_status (*rank)(void *user, vb_visual *visual, const char *question,
                         const char *const *answers, uint32_t count, uint32_t k_test,
                         uint32_t *order, float *scores, uint32_t *kept,
                         vblip_error *err);
    vblip_status (*reason)(void *user, vb_visual *left, vb_visual *right,
                           const char *const *statements, uint32_t count,
                           float (*logits)[2], vblip_error *err);
    vblip_status (*visual_features)(void *user, const vb_visual *visual,
                                    vb_features *out, vblip_error *err);
    vblip_status (*text_features)(void *user, vb_visual *visual, const char *text,
                                  vb_features *out, vblip_error *err);
    vblip_status (*dialog)(void *user, vb_visual *visual, const vb_dialog *dialog,
                           float (*logits)[2], vblip_error *err);
} vb_brain;

// The brain that is a loaded BLIP. `model` must outlive it.
vb_brain vb_brain_from_model(vb_model *model);

#endif // VB_VIDEO_TASKS_BRAIN_H
