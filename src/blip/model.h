// model.h - what a loaded BLIP can be asked: the seam between the paper and the tasks.
//
// Texts are strings as the user typed them; cleaning, first tokens and lengths are this
// layer's business (blip-spec 4.3, 4.4). Every call runs to completion on the device.
#ifndef VB_BLIP_MODEL_H
#define VB_BLIP_MODEL_H

#include "base/dialog.h"
#include "base/frame.h"
#include "checkpoint/checkpoint.h"
#include "compute/device.h"
#include "tokenizer/tokenizer.h"

typedef struct vb_model vb_model;

typedef struct vb_model_options {
    uint32_t tasks; // enum vblip_task bits to upload weights for; 0 = all there are
    bool raw_text;  // no pre_caption, no pre_question
    vblip_compat compat;
} vb_model_options;

// Uploads what the tasks need. `checkpoint` may be closed afterwards; `device` must
// outlive the model.
VB_CHECKED vblip_status vb_model_load(vb_model **out, vb_device *device,
                                      const vb_checkpoint *checkpoint,
                                      const vb_model_options *options,
                                      vblip_error *err);
void vb_model_free(vb_model **model);

const vb_config *vb_model_config(const vb_model *model);
const vb_vocab *vb_model_vocab(const vb_model *model);
vb_device *vb_model_device(const vb_model *model);
bool vb_model_ignores_orientation(const vb_model *model); // EXIF: images as stored

// Visual tokens of one segment on the device, [frames * N, Dv], and, once a task asked
// for them, the cross-attention keys and values made from them. A slot that is filled
// again forgets what it held. Belongs to one model.
typedef struct vb_visual vb_visual;

VB_CHECKED vblip_status vb_visual_make(vb_visual **out, vb_model *model,
                                       vblip_error *err);
void vb_visual_free(vb_visual **visual);
uint64_t vb_visual_bytes(const vb_visual *visual); // device memory it holds now

// Encodes `count` frames, at most `batch` (0 = by memory) at once. With `itc` not NULL
// writes the ITC vector [projection]: mean of the frames' projected [CLS] rows,
// normalised (blip-spec 6.1).
VB_CHECKED vblip_status vb_model_encode(vb_model *model, vb_visual *visual,
                                        const vb_frame *frames, uint32_t count,
                                        uint32_t batch, float *itc, vblip_error *err);

// The frames of a clip, and what they go to.
typedef struct vb_clip_frames {
    vb_visual *visual;
    const vb_frame *frames; // [count]
    uint32_t count;
    float *itc; // [projection]; NULL: not wanted
} vb_clip_frames;

// Does for each of `count` clips what vb_model_encode does, with all their frames at once: more
// than `batch` (0 = by memory) are VBLIP_ERR_MEMORY. No visual shows anything after a failure.
VB_CHECKED vblip_status vb_model_encode_together(vb_model *model,
                                                 const vb_clip_frames *clips,
                                                 uint32_t count, uint32_t batch,
                                                 vblip_error *err);

// How many frames are worth encoding at once: `batch`, or with 0 as many as fill the device, and
// no more than there is memory for. At least 1.
uint32_t vb_model_filling_frames(const vb_model *model, uint32_t batch);

// The ITC vector of each frame that `visual` shows, [frames, projection].
VB_CHECKED vblip_status vb_model_frames_itc(vb_model *model, const vb_visual *visual,
                                            float *itc, vblip_error *err);

// The ITC vectors [count, projection] of texts: [CLS] first, 35 tokens at most.
VB_CHECKED vblip_status vb_model_text_itc(vb_model *model, const char *const *texts,
                                          uint32_t count, float *itc, vblip_error *err);

// The two ITM logits of each text with what `visual` shows: [ENC] first, or [CLS], as
// always by VBLIP_COMPAT_HF.
VB_CHECKED vblip_status vb_model_itm(vb_model *model, vb_visual *visual,
                                     const char *const *texts, uint32_t count,
                                     bool cls_first, float (*logits)[2],
                                     vblip_error *err);

// A generated text and its score: sum of log-probabilities over its tokens, [SEP]
// included when produced, divided by prompt + generated tokens without [SEP].
typedef struct vb_generated {
    vb_string text;
    vb_ids ids; // prompt and [SEP] included
    float score;
} vb_generated;
void vb_generated_free(vb_generated *generated);

typedef struct vb_caption_params {
    // 0 and NULL are the defaults of compat.c; those of salesforce/BLIP are given here.
    const char *prompt;                     // "a picture of "
    uint32_t beams, max_length, min_length; // 3, 20, 5; lengths count the prompt
    float repetition_penalty;               // 1, and 1.1 when sampling
    bool sample;                            // draw tokens; `beams` is not used then
    float top_p, temperature;               // 0.9, 1
    uint32_t top_k;                         // 50; the vocabulary or more = all
    uint64_t random;                        // what is drawn: vb_random_stream
} vb_caption_params;

// Captions each of the `count` frames that `visual` shows by itself (blip-spec 6.4), `each`
// times, side by side: into `out`, [count, each]. The prompt is cut off the text, but not by
// VBLIP_COMPAT_HF. `random` [count, each] replaces that of `params` where it is not NULL.
VB_CHECKED vblip_status vb_model_captions(vb_model *model, vb_visual *visual,
                                          const vb_caption_params *params,
                                          const uint64_t *random, vb_generated *out,
                                          uint32_t count, uint32_t each,
                                          vblip_error *err);

// One caption of all that `visual` shows.
VB_CHECKED vblip_status vb_model_caption(vb_model *model, vb_visual *visual,
                                         const vb_caption_params *params,
                                         vb_generated *out, vblip_error *err);

typedef struct vb_answer_params {
    uint32_t beams, max_length, min_length; // 3, 10, 1; lengths count [DEC]; 0 as above
} vb_answer_params;

// Answers a question about what `visual` shows (blip-spec 6.2). No text is longer than
// the decoder has positions.
VB_CHECKED vblip_status vb_model_answer(vb_model *model, vb_visual *visual,
                                        const char *question,
                                        const vb_answer_params *params,
                                        vb_generated *out, vblip_error *err);

// Ranks `count` answers: writes the indices of the min(k_test, count) that were scored,
// best first, ties to the earlier, and their scores. `order` and `scores` have room for
// `count`. Returns how many in `kept`.
VB_CHECKED vblip_status vb_model_rank(vb_model *model, vb_visual *visual,
                                      const char *question, const char *const *answers,
                                      uint32_t count, uint32_t k_test, uint32_t *order,
                                      float *scores, uint32_t *kept, vblip_error *err);

// The two logits, false and true, of each statement about what `left` and `right` show,
// which may be one and the same (NLVR2, blip-spec 6.7).
VB_CHECKED vblip_status vb_model_reason(vb_model *model, vb_visual *left,
                                        vb_visual *right, const char *const *statements,
                                        uint32_t count, float (*logits)[2],
                                        vblip_error *err);

// What the transformers make of a clip or a text, on the host. All-zero before its first
// use; what is kept between calls saves allocations.
typedef struct vb_features {
    float *values; // [rows, cols]
    uint32_t rows, cols;
    uint64_t capacity; // of values
} vb_features;
void vb_features_free(vb_features *features);

// All that `visual` shows, [frames * N, Dv] (blip-spec 6.5).
VB_CHECKED vblip_status vb_model_visual_features(vb_model *model,
                                                 const vb_visual *visual,
                                                 vb_features *out, vblip_error *err);

// `visual` shows what `tokens` [rows, Dv] say, which vb_model_visual_features gave of the same
// model: of whole frames.
VB_CHECKED vblip_status vb_model_visual_fill(vb_model *model, vb_visual *visual,
                                             const float *tokens, uint32_t rows,
                                             uint32_t cols, vblip_error *err);

// The states of a text, [tokens, D], not truncated: by itself and with [CLS] in front, or
// with `visual` not NULL as the encoder reads it beside what that shows, [ENC] in front.
VB_CHECKED vblip_status vb_model_text_features(vb_model *model, vb_visual *visual,
                                               const char *text, vb_features *out,
                                               vblip_error *err);

// The two ITM logits of each candidate of `dialog` about what `visual` shows: that it
// is not the answer, and that it is (docs/dialog.md).
VB_CHECKED vblip_status vb_model_dialog(vb_model *model, vb_visual *visual,
                                        const vb_dialog *dialog, float (*logits)[2],
                                        vblip_error *err);

#endif // VB_BLIP_MODEL_H
