// mux.c - the exported function that adds subtitles to a recording.
#include "export/mux.h"
#include "api/objects.h"
#include "output/beside.h"

#include <string.h>

static vblip_status check_cues(const vblip_cue *cues, uint32_t count, const char *what,
                               vblip_error *err)
{
    VB_TRY(vb_need(cues != NULL || !count, what, err));
    for (uint32_t i = 0; i < count; i++) {
        const vblip_cue *c = &cues[i];
        VB_TRY(vb_need(c->text != NULL, what, err));
        if (!vb_utf8_valid(c->text, strlen(c->text)))
            return vb_fail(err, VBLIP_ERR_ARGUMENT, "%s: number %u is not valid UTF-8",
                           what, (unsigned)i + 1);
        if (c->start_us < 0 || c->end_us <= c->start_us ||
            (i && c->start_us < cues[i - 1].start_us))
            return vb_fail(
                err, VBLIP_ERR_ARGUMENT, "%s: number %u is from %.3f to %.3f s", what,
                (unsigned)i + 1, (double)c->start_us / 1e6, (double)c->end_us / 1e6);
    }
    return VBLIP_OK;
}

// Whether `out` may be written.
static vblip_status check_mux_target(const char *out, const char *path, bool overwrite,
                                     vblip_error *err)
{
    vb_read_files read = {0};
    vb_read_files_add(&read, path, "the recording itself");
    vblip_status status = read.failed ? vb_fail_memory(err, out)
                                      : vb_read_files_refuse(&read, out, out, err);
    vb_read_files_free(&read);
    if (status == VBLIP_OK && !overwrite)
        status = vb_beside_check_free(out, err);
    return status;
}

vblip_status vblip_mux(const char *out, const char *path, const vblip_cue *cues,
                       uint32_t count, const vblip_mux_options *options,
                       uint32_t *left_out, vblip_error *err)
{
    vblip_mux_options o;
    uint32_t tracks = 0;
    vb_error_reset(err);
    if (left_out)
        *left_out = 0;
    VB_TRY(vb_take_options(&o, sizeof o, options, "mux", err));
    VB_TRY(vb_need(out != NULL, "out", err));
    VB_TRY(vb_need(path != NULL, "path", err));
    VB_TRY(check_cues(cues, count, "cues", err));
    VB_TRY(check_cues(o.chapters, o.chapter_count, "chapters", err));
    VB_TRY(check_mux_target(out, path, o.overwrite, err));
    const vblip_status status = vb_mux(out, path, cues, count, &o, &tracks, err);
    if (status != VBLIP_OK && status != VBLIP_ERR_CANCELLED && err &&
        strncmp(err->message, out, strlen(out)) !=
            0) // what is read does not say its name
        vb_error_subject(err, path);
    if (left_out && status == VBLIP_OK)
        *left_out = tracks;
    return status;
}
