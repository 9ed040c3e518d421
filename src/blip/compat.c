#include "blip/compat.h"

#include <assert.h>

static const vb_compat compats[] = {
    [VBLIP_COMPAT_SALESFORCE] =
        {
            .turn_images = true,
            .clean = true,
            .enc_first = true,
            .text_tokens = VB_TEXT_TOKENS,
            .caption = {.prompt = "a picture of ",
                        .beams = 3,
                        .max_length = 20,
                        .min_length = 5,
                        .repetition_penalty = 1.0f,
                        .top_p = 0.9f,
                        .top_k = 50,
                        .temperature = 1.0f},
            .sampled_penalty = 1.1f,
            .cut_prompt = true,
            .answer = {.beams = 3, .max_length = 10, .min_length = 1},
            .rules = VB_BEAM_4,
            .smoothing = 0.1, // the reference trains with it and leaves it on
        },
    [VBLIP_COMPAT_HF] =
        {
            .caption = {.prompt = "",
                        .beams = 1,
                        .max_length = 20,
                        .min_length = 0,
                        .repetition_penalty = 1.0f,
                        .top_p = 1.0f,
                        .top_k = 50,
                        .temperature = 1.0f},
            .sampled_penalty = 1.0f,
            .answer = {.beams = 1, .max_length = 20, .min_length = 0},
            .rules = VB_BEAM_5,
            .fast_text = true,
            .first_positions = true,
        },
};

const vb_compat *vb_compat_of(vblip_compat compat)
{
    assert((size_t)compat < sizeof compats / sizeof *compats);
    return &compats[compat];
}
