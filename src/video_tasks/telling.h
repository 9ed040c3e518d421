// telling.h - which frames of a segment tell what is seen in it: none that are black, white,
// faded or blurred.
#ifndef VB_VIDEO_TASKS_TELLING_H
#define VB_VIDEO_TASKS_TELLING_H

#include "base/frame.h"

// Moves the frames that tell something to the front, in their order, and returns how many
// those are: at least one of `count`, the one that tells most. Faded is what has
// far less contrast than most, blurred what is far less sharp.
uint32_t vb_keep_telling(vb_frame *frames, uint32_t count);

#endif // VB_VIDEO_TASKS_TELLING_H
