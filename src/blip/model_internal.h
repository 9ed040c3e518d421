// model_internal.h - the inside of a model, for the files that implement model.h.
#ifndef VB_BLIP_MODEL_INTERNAL_H
#define VB_BLIP_MODEL_INTERNAL_H

#include "blip/compat.h"
#include "blip/finite.h"
#include "blip/generate.h"
#include "blip/model.h"
#include "compute/recorder.h"

struct vb_model {
    char *path; // of the checkpoint, for messages
    vb_device *device;
    vb_config config;
    vb_vocab *vocab;
    vb_special_ids special;
    uint32_t tasks; // enum vblip_task bits that weights are there for
    const vb_compat *compat;
    bool clean; // texts go through pre_caption, pre_question
    vb_weights weights;

    // Reused by every call; one call at a time.
    vb_pool activations; // reset at the start of a call
    vb_decoder decoder;
    vb_cross question; // what the decoder attends to while it answers
    vb_ids ids;        // of one text
    vb_ids *texts;     // of each text of a call
    uint32_t text_capacity;
    vb_string cleaned;
    uint32_t
        most_frames;  // encoded at once, since there was no memory for more; 0 = any
    uint8_t *staging; // pixels, or padded ids, on their way to the device
    uint64_t staging_bytes;
};

// What a transformer reads of what was seen: keys and values once they are made, the
// visual tokens before.
typedef struct vb_reading {
    vb_cross keys, absorbed;
    bool made;     // room for keys
    bool filled;   // that room
    uint64_t rows; // queries that have read, for each visual token
} vb_reading;

struct vb_visual {
    vb_model *model;
    vb_pool pool;     // everything below
    vb_tensor tokens; // [1, frames * N, Dv]; absent while nothing was seen
    vb_tensor states; // the same as an activation; absent until it is read
    vb_reading encoder[2], decoder; // encoder[1]: as the second image of NLVR2
};

// Forgets all it shows.
void vb_visual_empty(vb_visual *visual);

// Forgets all that was read: as after vb_model_encode, but keys keep their room.
void vb_visual_forget(vb_visual *visual);

// Refuses a call that the model was not loaded for.
VB_CHECKED vblip_status vb_model_need(const vb_model *model, uint32_t task,
                                      vblip_error *err);

// At least `bytes` of model->staging.
VB_CHECKED vblip_status vb_model_stage(vb_model *model, uint64_t bytes,
                                       vblip_error *err);

typedef vblip_status (*vb_cleaner)(vb_string *out, const char *text, size_t size,
                                   uint32_t max_words, vblip_error *err);

// Replaces `ids` by those of `text`, cleaned (`clean` NULL: as it is), of at most
// `max_length` (0 = any), with `first` in front instead of [CLS].
VB_CHECKED vblip_status vb_model_tokens(vb_model *model, vb_ids *ids, const char *text,
                                        vb_cleaner clean, uint32_t max_words,
                                        uint32_t max_length, int32_t first,
                                        vblip_error *err);

// Most tokens of a text that the encoder reads.
uint32_t vb_model_text_tokens(const vb_model *model);

// The id that questions and ITM texts begin with.
int32_t vb_model_first(const vb_model *model);

// What cross-attention reads of what `visual` shows, for the encoder (of NLVR2: as image
// `side` 0 or 1) or the decoder, until the next call. `rows` is how many queries of each
// head will read a visual token at most; VB_MANY_ROWS asks for keys and values, which are kept
// until it is filled again. The decoder always has them: its steps are of few rows, each of
// which costs four times as much absorbed as one of a text does.
enum { VB_MANY_ROWS = 1 << 20 };
VB_CHECKED vblip_status vb_visual_encoder_cross(const vb_cross **out, vb_visual *visual,
                                                uint32_t side, uint64_t rows,
                                                vblip_error *err);
VB_CHECKED vblip_status vb_visual_decoder_cross(const vb_cross **out, vb_visual *visual,
                                                vblip_error *err);

// What is written: `count` texts, each about one of as many equal parts of `cross`.
typedef struct vb_writing {
    const vb_cross *cross;
    const vb_search_params *params;
    const uint64_t *random; // [parts * each], of draws; NULL: params->sample->random
    const vb_ids *prompt;
    uint32_t cut;         // characters that the texts are without
    uint32_t parts, each; // of `cross`, and texts about each
} vb_writing;

// Writes texts that continue the prompt into `out`, [parts * each].
VB_CHECKED vblip_status vb_model_write(vb_model *model, const vb_writing *writing,
                                       vb_generated *out, vblip_error *err);

// Replaces `ids` by `count` ids.
VB_CHECKED vblip_status vb_ids_assign(vb_ids *ids, const int32_t *values,
                                      uint32_t count, vblip_error *err);

// What is cleaned is cut to this many words (blip-spec 4.4).
enum { VB_CAPTION_WORDS = 40, VB_QUESTION_WORDS = 50 };

#endif // VB_BLIP_MODEL_INTERNAL_H
