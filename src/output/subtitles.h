// subtitles.h - SubRip (.srt) and WebVTT (.vtt) cues.
#ifndef VB_OUTPUT_SUBTITLES_H
#define VB_OUTPUT_SUBTITLES_H

#include "base/text.h"
#include "output/rows.h"

typedef struct vb_subtitles {
    vb_format format; // srt or vtt
    uint32_t cues;    // written so far
} vb_subtitles;

void vb_subtitles_begin(vb_subtitles *s, vb_string *out);

// An empty text makes no cue. Line breaks in it become spaces, and a cue lasts at least
// a millisecond: anything else would end it early or hide it.
void vb_subtitles_add(vb_subtitles *s, vb_string *out, int64_t start_us, int64_t end_us,
                      const char *text);

#endif // VB_OUTPUT_SUBTITLES_H
