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

// Finds the frames of `video` that a shot begins with, as vb_shots_mark does. Frames that
// are damaged are passed over. What this takes does not grow with the recording, but for
// the cuts. Replaces what `out` holds.
VB_CHECKED vblip_status vb_cuts_find(vb_cuts *out, const vb_frames *source,
                                     vb_video *video, vblip_error *err);
void vb_cuts_free(vb_cuts *cuts);

#endif // VB_VIDEO_TASKS_CUTS_H
