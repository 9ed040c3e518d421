// compat.h - what depends on whose semantics a model follows: every row of docs/compat.md
// that changes a number is a field here.
#ifndef VB_BLIP_COMPAT_H
#define VB_BLIP_COMPAT_H

#include "blip/beam.h"
#include "blip/model.h"

enum { VB_TEXT_TOKENS = 35 }; // salesforce/BLIP's most (blip-spec 4.3)

typedef struct vb_compat {
    bool turn_images;     // rotate images as EXIF says, which no reference does
    bool clean;           // queries and questions go through pre_caption, pre_question
    bool enc_first;       // questions and ITM texts begin with [ENC], else with [CLS]
    uint32_t text_tokens; // most of a text, its first and [SEP] included; 0 = positions

    vb_caption_params caption; // defaults
    float sampled_penalty;     // default repetition penalty when sampling
    bool cut_prompt;           // captions leave out the prompt
    vb_answer_params answer;   // beams and lengths
    vb_beam_rules rules;       // of captions and answers
    double smoothing;          // label smoothing in the scores of ranked answers
    bool fast_text;            // ids become text as in the tokenizers library
    bool first_positions;      // positions are not resized unless a size was asked for
} vb_compat;

const vb_compat *vb_compat_of(vblip_compat compat);

#endif // VB_BLIP_COMPAT_H
