// segments.h - what a recording is divided into: parts that are seen, found and reported
// each by itself.
#ifndef VB_VIDEO_TASKS_SEGMENTS_H
#define VB_VIDEO_TASKS_SEGMENTS_H

#include "base/segmenting.h"
#include "video_tasks/cuts.h"

// Frames first .. first + count - 1, shown from start to end, which is exclusive.
typedef struct vb_stretch {
    int64_t start_us, end_us; // both 0 of an image
    uint64_t first, count;
} vb_stretch;

// All-zero is empty.
typedef struct vb_stretches {
    vb_stretch *items; // [count], one behind the other, the whole recording
    uint32_t count, capacity;
} vb_stretches;

// What a recording is divided into, found bit by bit. All-zero is none.
typedef struct vb_division {
    vb_stretches spans; // found so far
    bool done;          // that is all of them
    const vb_frames *source;
    vb_video *video;
    int64_t most_us;       // of a part of a shot; 0 = shots are not divided
    vb_cut_search *search; // NULL where none goes on
    vb_cuts cuts;
    uint32_t divided;    // of these shots
    int64_t searched_us; // of the recording, for parts; behind the last that was found
} vb_division;

// Begins to divide `video`, which must stay valid until all is found; `path` is for messages.
// vb_division_free frees it even when this fails.
VB_CHECKED vblip_status vb_division_begin(vb_division *out, const vb_frames *source,
                                          vb_video *video, const char *path,
                                          const vb_segmenting *how, vblip_error *err);

// Finds one more part at least, unless it is done; looks for shots for about `bytes` of the
// file at a time.
VB_CHECKED vblip_status vb_division_more(vb_division *division, uint64_t bytes,
                                         vblip_error *err);
void vb_division_free(vb_division *division);

// Divides `video`. Shots cost a look at some of its frames (cuts.h); `path` is for
// messages. Replaces what `out` holds.
VB_CHECKED vblip_status vb_segments_find(vb_stretches *out, const vb_frames *source,
                                         vb_video *video, const char *path,
                                         const vb_segmenting *how, vblip_error *err);

// The part of `video` from `start_us` to `end_us`, 0 = its end. What begins behind its end
// is VBLIP_ERR_ARGUMENT.
VB_CHECKED vblip_status vb_stretch_between(vb_stretch *out, const vb_frames *source,
                                           const vb_video *video, const char *path,
                                           int64_t start_us, int64_t end_us,
                                           vblip_error *err);

VB_CHECKED vblip_status vb_stretches_add(vb_stretches *spans, const vb_stretch *span,
                                         vblip_error *err);
void vb_stretches_free(vb_stretches *spans);

#endif // VB_VIDEO_TASKS_SEGMENTS_H
