// subtitles.h - SubRip (.srt) and WebVTT (.vtt) cues that can be read in their time.
#ifndef VB_OUTPUT_SUBTITLES_H
#define VB_OUTPUT_SUBTITLES_H

#include "base/text.h"
#include "output/rows.h"

// The lines of a cue, parted by '\n'.
typedef void (*vb_cue_fn)(void *user, int64_t start_us, int64_t end_us,
                          const char *text, size_t size);

// Zero but for the first group is one that nothing was added to.
typedef struct vb_subtitles {
    vb_format format; // srt or vtt
    vb_cue_fn fn;     // or what gets the cues instead
    void *user;

    uint32_t cues; // written so far
    int64_t start_us, end_us;
    vb_string
        waiting; // lines of what was added last: the next one says how long it may stay
} vb_subtitles;

void vb_subtitles_begin(vb_subtitles *s, vb_string *out);

// Adds what is shown from `start_us` to `end_us`, in the order of time; `out` gets what was
// added before. Lines are those of cue_lines.h. More than two are shown two at a time, one
// pair after the other, each for a share of the time by its characters. What is shown for
// less than a second stays until a second is over, or the next one begins; the last one does
// not. A cue lasts at least a millisecond: anything else would hide it. An empty text makes
// none.
void vb_subtitles_add(vb_subtitles *s, vb_string *out, int64_t start_us, int64_t end_us,
                      const char *text);

// Writes what waits, and frees what the subtitles hold.
void vb_subtitles_end(vb_subtitles *s, vb_string *out);

#endif // VB_OUTPUT_SUBTITLES_H
