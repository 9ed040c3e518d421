// playlists.h - hits as lists that players and editors open: M3U8, mpv's EDL, OpenTimelineIO.
#ifndef VB_OUTPUT_PLAYLISTS_H
#define VB_OUTPUT_PLAYLISTS_H

#include "base/text.h"

#include <stdint.h>

// A part of a recording. Times count from its first frame.
typedef struct vb_playlist_item {
    const char *path; // absolute
    int64_t start_us, end_us;
    const char *query; // NULL = none
    uint32_t rank;
    bool judged; // has p_match
    float p_match;

    // the recording
    int64_t duration_us;
    int64_t zero_us;             // the clock of the file at the first frame
    int64_t lead_us;             // what a player shows before the first frame
    uint32_t rate_num, rate_den; // frames a second
} vb_playlist_item;

// Each appends a whole list.

// With #EXTVLCOPT start and stop times, which VLC goes by; others play whole files.
void vb_m3u8_write(vb_string *out, const vb_playlist_item *items, uint32_t count);

// "# mpv EDL v0": one film of all parts, for mpv. It is not the CMX 3600 of editors.
void vb_edl_write(vb_string *out, const vb_playlist_item *items, uint32_t count);

// A timeline with a track of clips, as JSON.
void vb_otio_write(vb_string *out, const vb_playlist_item *items, uint32_t count);

// What the three show of an item: "1  0.97  film.mp4  a dog", on one line.
void vb_playlist_title(vb_string *out, const vb_playlist_item *item);

// "file:///films/a%20b.mp4"
void vb_file_url(vb_string *out, const char *path);

// The name without its folders.
const char *vb_file_name(const char *path);

#endif // VB_OUTPUT_PLAYLISTS_H
