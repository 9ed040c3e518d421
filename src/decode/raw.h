// raw.h - frames that somebody has in memory, squashed like those of a video.
#ifndef VB_DECODE_RAW_H
#define VB_DECODE_RAW_H

#include "base/error.h"

typedef struct vb_raw_image {
    const uint8_t *rgb; // [height, width, 3]
    uint32_t width, height;
    uint64_t row_bytes; // from one row to the next, at least 3 * width
} vb_raw_image;

// Squashes `image` into `rgb` [side, side, 3] as frames of videos are: libswscale,
// bilinear. One that is side x side already is copied.
VB_CHECKED vblip_status vb_raw_squash(uint8_t *rgb, uint32_t side,
                                      const vb_raw_image *image, vblip_error *err);

#endif // VB_DECODE_RAW_H
