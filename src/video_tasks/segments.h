// segments.h - what a recording is divided into: parts that are seen, found and reported
// each by itself.
#ifndef VB_VIDEO_TASKS_SEGMENTS_H
#define VB_VIDEO_TASKS_SEGMENTS_H

#include "base/segmenting.h"
#include "video_tasks/frames.h"

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
