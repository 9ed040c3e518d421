// fake_candidates.c - the part of the fake library about candidates: the fewer letters a text has, and
// the later a candidate begins, the better they match.
#include "cli/fake_vblip.h"
#include "vblip_library.h"

#include <string.h>

// What is wrong with a candidate's file, or NULL.
static const char *what_is_wrong(const vblip_candidate *candidate)
{
    return fake_has(candidate->path, "bad")     ? "no video stream"
           : fake_has(candidate->path, "short") ? "nothing from 9.000 s on"
                                                : NULL;
}

static int say_texts(const vblip_candidate *candidate, uint32_t number,
                     vblip_match_fn fn, void *user)
{
    for (uint32_t t = 0; t < candidate->text_count; t++) {
        const float logit =
            (float)candidate->start_us / 1e6f - (float)strlen(candidate->texts[t]);
        const vblip_match_row row = {
            .input = number,
            .path = candidate->path,
            .text = t,
            .itc = 0.25f,
            .itm_logits = {-logit, logit},
            .p_match = logit > 0 ? 0.875f : 0.125f,
        };
        if (fn(user, &row))
            return 1;
    }
    return 0;
}

vblip_status vblip_match_candidates(vblip_model *model,
                                    const vblip_candidate *candidates, uint32_t count,
                                    const vblip_match_options *options,
                                    vblip_match_fn fn, void *user, vblip_error *err)
{
    (void)model;
    for (uint32_t i = 0; i < count; i++) {
        const vblip_candidate *candidate = &candidates[i];
        const vblip_failure failure = {i, candidate->path, what_is_wrong(candidate)};
        if (fake_has(candidate->path, "lost"))
            return fake_fail(err, VBLIP_ERR_DEVICE, "device lost");
        if (failure.message ? options->job->failed(options->job->user, &failure)
                            : say_texts(candidate, i, fn, user))
            return fake_cancelled(err);
    }
    return VBLIP_OK;
}
