// shots.h - where one shot of a recording ends and the next begins. Pure.
#ifndef VB_VIDEO_TASKS_SHOTS_H
#define VB_VIDEO_TASKS_SHOTS_H

#include "base/error.h"

#include <stdint.h>

// Frames are judged small: what is looked for is in the whole picture.
enum { VB_SHOT_SIDE = 32, VB_SHOT_BYTES = VB_SHOT_SIDE * VB_SHOT_SIDE * 3 };

// Frames that follow each other without a gap.
typedef struct vb_shot_frames {
    const uint8_t *rgb; // [count, VB_SHOT_SIDE, VB_SHOT_SIDE, 3]
    uint32_t count;
    double per_second;
} vb_shot_frames;

// How far two frames are apart: the mean difference of their values, 0 to 255.
float vb_shot_distance(const uint8_t *a, const uint8_t *b);

// The standard deviation of a frame's values: next to 0 of one that is black.
float vb_shot_contrast(const uint8_t *rgb);

// Marks the frames that a shot begins with, of one that follows another within `frames`:
// begins [count], 0 or 1. A hard cut is marked at the first frame behind it, a dissolve or
// fade in its middle. Flashes and the camera's own motion begin no shot.
VB_CHECKED vblip_status vb_shots_mark(uint8_t *begins, const vb_shot_frames *frames,
                                      vblip_error *err);

#endif // VB_VIDEO_TASKS_SHOTS_H
