// vblip_export.h - what hits are good for: clips that are cut from recordings, and sheets of
// pictures. Needs no model and no device; the conventions of vblip.h hold here too.
#ifndef VBLIP_EXPORT_H
#define VBLIP_EXPORT_H

#include "vblip.h"

#ifdef __cplusplus
extern "C" {
#endif

// What those who play or edit a recording want to know of it.
typedef struct vblip_media {
    int64_t duration_us;         // from the first frame to the end of the last
    int64_t zero_us;             // the clock of the file at the first frame
    int64_t lead_us;             // what a player shows of the file before the first frame
    uint32_t rate_num, rate_den; // frames a second; 0 = not known
} vblip_media;

// Of a video; of an mp4 its table is read, of others all of the file. Messages do not name it.
VBLIP_CHECKED vblip_status vblip_media_look(vblip_media *out, const char *path, vblip_error *err);

// A part of a recording.
typedef struct vblip_moment {
    const char *path;
    int64_t start_us, end_us; // of a hit: those of vblip_hit
} vblip_moment;

typedef struct vblip_cut_options {
    uint32_t size;
    bool exact;     // the picture is encoded anew; else copied, from the key frame before
    bool overwrite; // a file that exists may be replaced
    int64_t pad_us; // so much more at both ends of each moment
    int (*stopped)(void *user); // asked for each packet; non-zero: VBLIP_ERR_CANCELLED
    void *stopped_user;
} vblip_cut_options;

// Where a moment is in the file that was written.
typedef struct vblip_clipping {
    uint32_t moment;          // index
    int64_t at_us;            // begins so long after the file does
    int64_t start_us, end_us; // of the recording: what it holds of it
    uint32_t left_out;        // tracks of the recording that the container does not take
} vblip_clipping;
typedef int (*vblip_clipping_fn)(void *user, const vblip_clipping *clipping);

// Writes the moments one after another to the file `out`, whose extension names the container: mp4,
// m4v, mov, mkv or webm. Tracks of sound and subtitles that it takes are copied, and so are tags and
// how the picture is turned. Copied pictures must be of one kind, exact ones of one size. The file
// appears whole when all is done, and `fn` is called with each moment then; it replaces none of the
// recordings. A message is about a recording, which it begins with, or about `out`.
VBLIP_CHECKED vblip_status vblip_cut(const char *out, const vblip_moment *moments, uint32_t count,
    const vblip_cut_options *options, vblip_clipping_fn fn, void *user, vblip_error *err);

// A text that is shown from start_us to end_us, counted from where a player begins to show the file:
// start_us + lead_us of a vblip_caption. '\n' parts its lines.
typedef struct vblip_cue {
    int64_t start_us, end_us;
    const char *text;
} vblip_cue;

typedef struct vblip_mux_options {
    uint32_t size;
    bool overwrite;            // a file that exists may be replaced
    const vblip_cue *chapters; // that take the place of those that the recording has; NULL = none
    uint32_t chapter_count;
    int (*stopped)(void *user); // asked for each packet; non-zero: VBLIP_ERR_CANCELLED
    void *stopped_user;
} vblip_mux_options;

// Writes a copy of the recording at `path` to `out` with a subtitle track of the cues, which come in
// the order of time: mov_text in mp4, m4v and mov, SubRip in mkv, WebVTT in webm; `out` ends in one of
// these. Nothing is encoded. Tracks, tags, chapters and how the picture is turned stay; left_out (may
// be NULL) says how many tracks the container does not take, those of data among them. The file
// appears whole, and never replaces the recording. A message is about one of the two, which it begins
// with.
VBLIP_CHECKED vblip_status vblip_mux(const char *out, const char *path, const vblip_cue *cues,
    uint32_t count, const vblip_mux_options *options, uint32_t *left_out, vblip_error *err);

// The extension of a file that what is cut of `path` fits in: its own, or ".mkv".
VBLIP_API const char *vblip_cut_extension(const char *path, bool exact);

// A hit on a sheet.
typedef struct vblip_tile {
    const char *path;
    bool timed;               // else an image
    int64_t start_us, end_us; // the picture is that of the middle
    uint32_t rank;
    bool judged; // has p_match
    float p_match;
} vblip_tile;

typedef struct vblip_sheet_options {
    uint32_t size;
    const char *title; // NULL = none
    bool overwrite;    // a file that exists may be replaced
    int (*stopped)(void *user);
    void *stopped_user;
    int (*failed)(void *user, const vblip_failure *failure); // of a tile: it stays empty
    void *user;                                              // of that
} vblip_sheet_options;

// Writes a PNG of the tiles, 400 at most, in a grid: thumbnails with rank, P(match), start and name.
VBLIP_CHECKED vblip_status vblip_contact_sheet(const char *out, const vblip_tile *tiles,
    uint32_t count, const vblip_sheet_options *options, vblip_error *err);

// A JPEG of what is shown of `path` at `time_us`, `width` pixels wide, an even number from 16 to
// 1024: `size` bytes, which the caller gives to free().
VBLIP_CHECKED vblip_status vblip_thumbnail(uint8_t **bytes, uint64_t *size, const char *path,
    int64_t time_us, uint32_t width, vblip_error *err);

#ifdef __cplusplus
} // extern "C"
#endif

#endif // VBLIP_EXPORT_H
