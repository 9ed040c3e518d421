// frame.h - what decode hands on: pixels and when they are shown.
#ifndef VB_BASE_FRAME_H
#define VB_BASE_FRAME_H

#include <stdint.h>

typedef struct vb_frame {
    uint8_t *rgb;    // [side, side, 3], rows packed; owned by whoever made the frame
    uint32_t side;   // pixels
    int64_t time_us; // from the first frame of the video; 0 for an image
    uint64_t index;  // in presentation order
} vb_frame;

#endif // VB_BASE_FRAME_H
