// resize.h - PIL's bicubic resize, bit for bit (blip-spec 5.1).
#ifndef VB_DECODE_RESIZE_H
#define VB_DECODE_RESIZE_H

#include "base/error.h"

// An image in memory. All-zero is none.
typedef struct vb_image {
    uint8_t *rgb; // [height, width, 3], malloc'd
    uint32_t width, height;
} vb_image;

// Resizes `src` into `dst` [side, side, 3], antialiased when it shrinks.
VB_CHECKED vblip_status vb_resize_bicubic(uint8_t *dst, uint32_t side,
                                          const vb_image *src, vblip_error *err);

#endif // VB_DECODE_RESIZE_H
