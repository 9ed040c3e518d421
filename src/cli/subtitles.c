#include "cli/subtitles.h"

#include "cli/rows.h"

#include <string.h>

void cli_subtitles_begin(cli_subtitles *s, cli_bytes *out)
{
    if (s->format == CLI_FORMAT_VTT)
        cli_bytes_text(out, "WEBVTT\n\n");
}

// WebVTT reads & and < as markup; SubRip has no escapes.
static void write_text(const cli_subtitles *s, cli_bytes *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n' || *text == '\r')
            cli_bytes_char(out, ' ');
        else if (s->format == CLI_FORMAT_VTT && *text == '&')
            cli_bytes_text(out, "&amp;");
        else if (s->format == CLI_FORMAT_VTT && *text == '<')
            cli_bytes_text(out, "&lt;");
        else if (s->format == CLI_FORMAT_VTT && *text == '>')
            cli_bytes_text(out, "&gt;");
        else
            cli_bytes_char(out, *text);
    }
}

void cli_subtitles_add(cli_subtitles *s, cli_bytes *out, int64_t start_us,
                       int64_t end_us, const char *text)
{
    if (!text[strspn(text, " \t\r\n")])
        return;
    if (end_us < start_us + 1000)
        end_us = start_us + 1000;
    const char point = s->format == CLI_FORMAT_VTT ? '.' : ',';
    s->cues++;
    if (s->format == CLI_FORMAT_SRT)
        cli_bytes_printf(out, "%u\n", s->cues);
    cli_clock(out, start_us, point);
    cli_bytes_text(out, " --> ");
    cli_clock(out, end_us, point);
    cli_bytes_char(out, '\n');
    write_text(s, out, text);
    cli_bytes_text(out, "\n\n");
}
