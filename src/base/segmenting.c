#include "base/segmenting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double least_s = 0.1, most_s = 86400; // of a length that is given

static const char *const names[] = {
    [VB_SEGMENTS_WHOLE] = "whole",
    [VB_SEGMENTS_AUTO] = "auto",
    [VB_SEGMENTS_SHOTS] = "shots",
};

vblip_status vb_segmenting_read(vb_segmenting *out, const char *text,
                                const char *subject, vblip_error *err)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (vb_segmenting){.rule = (vb_segment_rule)i};
            return VBLIP_OK;
        }
    char *end;
    const double seconds = strtod(text, &end);
    *out = (vb_segmenting){0};
    if (end == text || *end || !(seconds >= least_s && seconds <= most_s))
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "%s %.64s: %s, %s, %s, or %g to %g seconds are allowed", subject,
                       text, names[VB_SEGMENTS_AUTO], names[VB_SEGMENTS_WHOLE],
                       names[VB_SEGMENTS_SHOTS], least_s, most_s);
    *out = (vb_segmenting){VB_SEGMENTS_LENGTH, (int64_t)(seconds * 1e6 + 0.5)};
    return VBLIP_OK;
}

void vb_segmenting_write(char out[VB_SEGMENTING_TEXT], const vb_segmenting *how)
{
    if (how->rule == VB_SEGMENTS_LENGTH)
        snprintf(out, VB_SEGMENTING_TEXT, "%.6f s", (double)how->length_us * 1e-6);
    else
        snprintf(out, VB_SEGMENTING_TEXT, "%s", names[how->rule]);
}
