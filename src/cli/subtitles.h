// subtitles.h - SubRip (.srt) and WebVTT (.vtt) cues.
#ifndef CLI_SUBTITLES_H
#define CLI_SUBTITLES_H

#include "base/text.h"
#include "cli/args.h"

typedef struct cli_subtitles {
    cli_format format; // srt or vtt
    uint32_t cues;     // written so far
} cli_subtitles;

void cli_subtitles_begin(cli_subtitles *s, vb_string *out);

// An empty text makes no cue. Line breaks in it become spaces, and a cue lasts at least
// a millisecond: anything else would end it early or hide it.
void cli_subtitles_add(cli_subtitles *s, vb_string *out, int64_t start_us,
                       int64_t end_us, const char *text);

#endif // CLI_SUBTITLES_H
