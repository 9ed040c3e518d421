// cuts.h - the frames of a recording that a shot begins with, at the least cost.
//
// Frames that decoding can begin at are looked at first; what is between two of them is
// decoded where they differ, where a packet stands out as those behind a cut do, or where
// they are too far apart to tell. So a dissolve to another picture and one back are not seen
// where no key frame lies between them.
#ifndef VB_VIDEO_TASKS_CUTS_H
#define VB_VIDEO_TASKS_CUTS_H

#include "video_tasks/frames.h"

// All-zero is empty.
typedef struct vb_cuts {
    uint64_t *frames; // [count], rising; the first is 0
    uint32_t count, capacity;
} vb_cuts;

// A search that goes on where it stopped. `source` and `video` must stay valid; other frames
// of the video may be read in between.
typedef struct vb_cut_search vb_cut_search;
VB_CHECKED vblip_status vb_cut_search_open(vb_cut_search **out, const vb_frames *source,
                                           vb_video *video, vblip_error *err);

// Goes on for about `bytes` of the file, and adds to `out` what it found, in the order of
// the recording. The end is reached when `*done`.
VB_CHECKED vblip_status vb_cut_search_more(vb_cut_search *search, vb_cuts *out,
                                           uint64_t bytes, bool *done,
                                           vblip_error *err);

// The frame that the search goes on at; all frames before it are looked through.
uint64_t vb_cut_search_frame(const vb_cut_search *search);
void vb_cut_search_close(vb_cut_search **search);

// Finds the frames of `video` that a shot begins with, as vb_shots_mark does. Frames that
// are damaged are passed over. What this takes does not grow with the recording, but for
// the cuts. Replaces what `out` holds.
VB_CHECKED vblip_status vb_cuts_find(vb_cuts *out, const vb_frames *source,
                                     vb_video *video, vblip_error *err);
void vb_cuts_free(vb_cuts *cuts);

#endif // VB_VIDEO_TASKS_CUTS_H
