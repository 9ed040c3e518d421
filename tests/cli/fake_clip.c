// fake_clip.c - the part of the fake library about clips: the fewer letters a text has, and the
// later a clip begins, the better they match.
#include "cli/fake_vblip.h"

#include <stdlib.h>
#include <string.h>

struct vblip_clip {
    float begin;
};

vblip_status vblip_clip_open(vblip_clip **out, vblip_model *model, const char *path,
                             const vblip_clip_options *options, vblip_error *err)
{
    (void)model;
    *out = NULL;
    if (fake_has(path, "lost"))
        return fake_fail(err, VBLIP_ERR_DEVICE, "device lost");
    if (fake_has(path, "bad"))
        return fake_fail(err, VBLIP_ERR_FORMAT, "%s: no video stream", path);
    if (fake_has(path, "short"))
        return fake_fail(err, VBLIP_ERR_ARGUMENT, "%s: nothing from 9.000 s on", path);
    *out = calloc(1, sizeof **out);
    if (!*out)
        return fake_fail(err, VBLIP_ERR_MEMORY, "clip: out of memory");
    (*out)->begin = (float)options->start_us / 1e6f;
    return VBLIP_OK;
}

void vblip_clip_close(vblip_clip **clip)
{
    free(*clip);
    *clip = NULL;
}

vblip_status vblip_clip_match(vblip_clip *clip, const char *const *texts,
                              uint32_t count, const vblip_match_options *options,
                              vblip_match_fn fn, void *user, vblip_error *err)
{
    (void)options;
    for (uint32_t t = 0; t < count; t++) {
        const float logit = clip->begin - (float)strlen(texts[t]);
        const vblip_match_row row = {
            .text = t,
            .itc = 0.25f,
            .itm_logits = {-logit, logit},
            .p_match = logit > 0 ? 0.875f : 0.125f,
        };
        if (fn(user, &row))
            return fake_cancelled(err);
    }
    return VBLIP_OK;
}
