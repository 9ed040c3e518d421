// timeline.h - which stretches of a recording get a caption, and which frame of each.
#ifndef VB_VIDEO_TASKS_TIMELINE_H
#define VB_VIDEO_TASKS_TIMELINE_H

#include "video_tasks/segments.h"

typedef struct vb_span {
    int64_t start_us, end_us; // end exclusive; both 0 for an image
    uint64_t frame;           // the one that stands for the stretch
    uint64_t choice;          // 0, or one of so many may, from `frame` on
} vb_span;

// The spans of one open clip, made one at a time: their number does not cost memory. It is
// never more than that of the frames: a frame that lasts for several intervals has one.
typedef struct vb_timeline {
    const vb_frames *frames;
    const vb_video *video;
    vb_video_info info;
    const vb_stretches *stretches; // instead of what follows; NULL
    int64_t every_us;              // one of these three is not 0
    uint64_t every_frames;
    uint64_t uniform; // spans
    uint64_t steps;   // intervals of every_us, or every_frames, or spans
    uint64_t step;    // that the next span begins with
    uint64_t count;   // of spans, at least 1 when there are frames
} vb_timeline;

// See vblip_caption_options for the three; all 0 is every second.
vb_timeline vb_timeline_make(const vb_frames *frames, const vb_video *video,
                             int64_t every_us, uint32_t every_frames, uint32_t count);

// Spans that are known, of a whole recording, and which frame stands for them is not.
vb_timeline vb_timeline_over(const vb_frames *frames, const vb_video *video,
                             const vb_stretches *stretches);

// The next span, of `count`, in order.
vb_span vb_timeline_next(vb_timeline *timeline);

#endif // VB_VIDEO_TASKS_TIMELINE_H
