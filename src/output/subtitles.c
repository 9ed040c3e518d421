#include "output/subtitles.h"

#include "output/cue_lines.h"

#include <string.h>

enum { LEAST_US = 1000, READABLE_US = 1000000 };

void vb_subtitles_begin(vb_subtitles *s, vb_string *out)
{
    if (s->format == VB_FORMAT_VTT)
        vb_string_puts(out, "WEBVTT\n\n");
}

static void write_cue(vb_subtitles *s, vb_string *out, int64_t start_us, int64_t end_us,
                      const char *text, size_t size)
{
    const char point = s->format == VB_FORMAT_VTT ? '.' : ',';
    s->cues++;
    if (s->fn) {
        s->fn(s->user, start_us, end_us, text, size);
        return;
    }
    if (s->format == VB_FORMAT_SRT)
        vb_string_appendf(out, "%u\n", s->cues);
    vb_clock(out, start_us, point);
    vb_string_puts(out, " --> ");
    vb_clock(out, end_us, point);
    vb_string_putc(out, '\n');
    if (s->format == VB_FORMAT_VTT) // SubRip has no escapes
        vb_string_append_escaped(out, text, size);
    else
        vb_string_append(out, text, size);
    vb_string_puts(out, "\n\n");
}

// The bytes of as many lines as are shown at once.
static size_t shown_at_once(const char *text)
{
    size_t size = 0;
    for (uint32_t lines = 0; text[size]; size++)
        if (text[size] == '\n' && ++lines == VB_CUE_LINES)
            break;
    return size;
}

static uint32_t cue_characters(const char *text, size_t size)
{
    uint32_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

// Writes what waits, until `end_us`.
static void write_waiting(vb_subtitles *s, vb_string *out, int64_t end_us)
{
    const char *text = s->waiting.bytes;
    const uint32_t all = text ? cue_characters(text, s->waiting.size) : 0;
    int64_t start_us = s->start_us;
    for (uint32_t shown = 0; text && *text;) {
        const size_t size = shown_at_once(text);
        const bool last = !text[size];
        shown += cue_characters(text, size) + !last;
        int64_t until_us =
            last ? end_us : s->start_us + (end_us - s->start_us) * shown / all;
        if (until_us < start_us + LEAST_US)
            until_us = start_us + LEAST_US;
        write_cue(s, out, start_us, until_us, text, size);
        start_us = until_us;
        text += last ? size : size + 1;
    }
    out->failed = out->failed || s->waiting.failed;
    vb_string_clear(&s->waiting);
}

// Until when to show what waits, where the next one begins at `next_us`.
static int64_t waiting_until(const vb_subtitles *s, int64_t next_us)
{
    const int64_t readable_us = s->start_us + READABLE_US;
    const int64_t room_us = readable_us < next_us ? readable_us : next_us;
    return s->end_us > room_us ? s->end_us : room_us;
}

void vb_subtitles_add(vb_subtitles *s, vb_string *out, int64_t start_us, int64_t end_us,
                      const char *text)
{
    vb_string lines = {0};
    if (!vb_cue_lines(&lines, text)) {
        out->failed = out->failed || lines.failed;
        vb_string_free(&lines);
        return;
    }
    write_waiting(s, out, waiting_until(s, start_us));
    vb_string_free(&s->waiting);
    s->waiting = lines;
    s->start_us = start_us;
    s->end_us = end_us;
}

void vb_subtitles_end(vb_subtitles *s, vb_string *out)
{
    write_waiting(s, out, s->end_us);
    vb_string_free(&s->waiting);
}
