// fake_mux.c - a copy with subtitles: what it was asked for, as text.
#include "cli/fake_vblip.h"
#include "vblip_export.h"

#include <stdio.h>
#include <string.h>

vblip_status vblip_mux(const char *out, const char *path, const vblip_cue *cues,
                       uint32_t count, const vblip_mux_options *options,
                       uint32_t *left_out, vblip_error *err)
{
    *left_out = fake_has(path, "data") ? 2 : 0;
    if (fake_has(path, "unmuxed"))
        return fake_fail(err, VBLIP_ERR_UNSUPPORTED, "%s: cannot be copied", path);
    FILE *file = fopen(out, "w");
    if (!file)
        return fake_fail(err, VBLIP_ERR_IO, "%s: No such file or directory", out);
    for (uint32_t i = 0; i < count; i++)
        fprintf(file, "%lld-%lld %s\n", (long long)cues[i].start_us,
                (long long)cues[i].end_us, cues[i].text);
    for (uint32_t i = 0; i < options->chapter_count; i++)
        fprintf(file, "chapter %s\n", options->chapters[i].text);
    return fclose(file) == 0 ? VBLIP_OK : fake_fail(err, VBLIP_ERR_IO, "%s: full", out);
}
