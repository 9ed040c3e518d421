// fake_export.c - the part of the fake library behind vblip_export.h: a clip is a text file
// that says of what it is; each begins half a second early, a key frame's due.
#include "cli/fake_vblip.h"
#include "vblip_export.h"

#include <stdio.h>
#include <string.h>

static vblip_status fake_check_moment(const vblip_moment *moment, vblip_error *err)
{
    if (fake_has(moment->path, "broken"))
        return fake_fail(err, VBLIP_ERR_IO, "%s: damaged: 3 of 5 frames decode",
                         moment->path);
    return VBLIP_OK;
}

vblip_status vblip_cut(const char *out, const vblip_moment *moments, uint32_t count,
                       const vblip_cut_options *options, vblip_clipping_fn fn,
                       void *user, vblip_error *err)
{
    const int64_t early_us = options->exact ? 0 : 500000;
    int64_t at_us = 0;
    for (uint32_t i = 0; i < count; i++) {
        const vblip_status status = fake_check_moment(&moments[i], err);
        if (status != VBLIP_OK)
            return status;
    }
    FILE *file = fopen(out, "w");
    if (!file)
        return fake_fail(err, VBLIP_ERR_IO, "%s: not writable", out);
    for (uint32_t i = 0; i < count; i++)
        fprintf(file, "%s %lld\n", moments[i].path, (long long)options->pad_us);
    fclose(file);
    for (uint32_t i = 0; i < count; i++) {
        const vblip_clipping clipping = {
            .moment = i,
            .at_us = at_us,
            .start_us =
                moments[i].start_us > early_us ? moments[i].start_us - early_us : 0,
            .end_us = moments[i].end_us + options->pad_us,
            .left_out = fake_has(moments[i].path, "tracks") ? 2 : 0,
        };
        at_us += clipping.end_us - clipping.start_us;
        if (fn(user, &clipping))
            return fake_cancelled(err);
    }
    return VBLIP_OK;
}

const char *vblip_cut_extension(const char *path, bool exact)
{
    return exact || fake_has(path, ".mkv") || fake_has(path, ".avi") ? ".mkv" : ".mp4";
}

vblip_status vblip_media_look(vblip_media *out, const char *path, vblip_error *err)
{
    *out = (vblip_media){.duration_us = 90000000, .rate_num = 25, .rate_den = 1};
    if (fake_has(path, ".png"))
        return fake_fail(err, VBLIP_ERR_FORMAT, "not a video");
    return fake_has(path, "broken") ? fake_fail(err, VBLIP_ERR_IO, "not readable")
                                    : VBLIP_OK;
}

vblip_status vblip_contact_sheet(const char *out, const vblip_tile *tiles,
                                 uint32_t count, const vblip_sheet_options *options,
                                 vblip_error *err)
{
    FILE *file = fopen(out, "w");
    if (!file)
        return fake_fail(err, VBLIP_ERR_IO, "%s: not writable", out);
    fprintf(file, "%s\n", options->title ? options->title : "-");
    for (uint32_t i = 0; i < count; i++)
        fprintf(file, "%u %s\n", tiles[i].rank, tiles[i].path);
    fclose(file);
    return VBLIP_OK;
}

vblip_status vblip_thumbnail(uint8_t **bytes, uint64_t *size, const char *path,
                             int64_t time_us, uint32_t width, vblip_error *err)
{
    (void)time_us;
    (void)width;
    *bytes = NULL;
    *size = 0;
    return fake_fail(err, VBLIP_ERR_FORMAT, "%s: no picture", path);
}
