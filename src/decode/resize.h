// resize.h - PIL's bicubic resize, bit for bit (blip-spec 5.1).
#ifndef VB_DECODE_RESIZE_H
#define VB_DECODE_RESIZE_H

#include "decode/image.h"

// Resizes `src` into `dst` [side, side, 3], antialiased when it shrinks.
VB_CHECKED vblip_status vb_resize_bicubic(uint8_t *dst, uint32_t side,
                                          const vb_image *src, vblip_error *err);

#endif // VB_DECODE_RESIZE_H
