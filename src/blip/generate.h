// generate.h - texts from the decoder: beam search, greedy and sampling, with a cache of
// keys and values (blip-spec 8). Several texts are written side by side, so that each step
// reads the weights once for all.
#ifndef VB_BLIP_GENERATE_H
#define VB_BLIP_GENERATE_H

#include "blip/beam.h"
#include "blip/text.h"

// One text in the making.
typedef struct vb_writer {
    vb_beam beam;       // of a search
    vb_sampler sampler; // of draws
    double sum;         // of log-probabilities, without a search
} vb_writer;

// A decoder and what it needs to run. `pool` gives the activations; who resets it must
// let a run finish.
typedef struct vb_decoder {
    const vb_text_config *config;
    const vb_text_weights *text;
    const vb_lm_weights *lm;
    vb_pool *pool;
    const char *model; // path of the checkpoint, for messages

    vb_writer *writers; // [writer_count], of the texts of a run
    uint32_t writer_count;
    float *logits; // [capacity], on the host
    uint64_t capacity;
} vb_decoder;

void vb_decoder_free(vb_decoder *decoder); // what it allocated; not the pool

// Room on the host for `count` values in decoder->logits.
VB_CHECKED vblip_status vb_decoder_reserve(vb_decoder *decoder, uint64_t count,
                                           vblip_error *err);

// Refuses what vb_search_check refuses, and more tokens than the decoder has positions.
VB_CHECKED vblip_status vb_generate_check(const vb_decoder *decoder,
                                          const vb_search_params *params,
                                          const int32_t *prompt, uint32_t prompt_count,
                                          vblip_error *err);

// A text that is written.
typedef struct vb_written {
    uint64_t random; // given: what its draws follow from, with params->sample
    int32_t *ids;    // given: room for max_length ids; prompt and [SEP] included
    uint32_t count;  // of ids
    float score; // sum of log-probabilities, after the repetition penalty and before
                 // all else, over the length: see vb_hypothesis
} vb_written;

// Continues `prompt` `parts` * `each` times: `each` texts, next to each other, attend to each
// of `parts` equal parts of `cross`. By beam search, with one beam by taking the best token
// each time, or by drawing each.
VB_CHECKED vblip_status vb_generate(vb_decoder *decoder, const vb_cross *cross,
                                    const vb_search_params *params,
                                    const int32_t *prompt, uint32_t prompt_count,
                                    vb_written *texts, uint32_t parts, uint32_t each,
                                    vblip_error *err);

#endif // VB_BLIP_GENERATE_H
