#include "output/subtitles.h"

#include <string.h>

void vb_subtitles_begin(vb_subtitles *s, vb_string *out)
{
    if (s->format == VB_FORMAT_VTT)
        vb_string_puts(out, "WEBVTT\n\n");
}

// WebVTT reads & and < as markup; SubRip has no escapes.
static void write_cue_text(const vb_subtitles *s, vb_string *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n' || *text == '\r')
            vb_string_putc(out, ' ');
        else if (s->format == VB_FORMAT_VTT && *text == '&')
            vb_string_puts(out, "&amp;");
        else if (s->format == VB_FORMAT_VTT && *text == '<')
            vb_string_puts(out, "&lt;");
        else if (s->format == VB_FORMAT_VTT && *text == '>')
            vb_string_puts(out, "&gt;");
        else
            vb_string_putc(out, *text);
    }
}

void vb_subtitles_add(vb_subtitles *s, vb_string *out, int64_t start_us, int64_t end_us,
                      const char *text)
{
    if (!text[strspn(text, " \t\r\n")])
        return;
    if (end_us < start_us + 1000)
        end_us = start_us + 1000;
    const char point = s->format == VB_FORMAT_VTT ? '.' : ',';
    s->cues++;
    if (s->format == VB_FORMAT_SRT)
        vb_string_appendf(out, "%u\n", s->cues);
    vb_clock(out, start_us, point);
    vb_string_puts(out, " --> ");
    vb_clock(out, end_us, point);
    vb_string_putc(out, '\n');
    write_cue_text(s, out, text);
    vb_string_puts(out, "\n\n");
}
