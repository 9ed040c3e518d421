// positions.h - the ViT's position embedding at another image size (blip-spec 1.4).
#ifndef VB_BLIP_POSITIONS_H
#define VB_BLIP_POSITIONS_H

#include <stdint.h>

// Resizes [old_grid^2 + 1, width] at `src` to [new_grid^2 + 1, width] at `dst`. Row 0,
// [CLS], is kept; the rest is interpolated as torch does: bicubic, a = -0.75, corners
// not aligned, borders repeated.
void vb_resize_positions(float *dst, uint32_t new_grid, const float *src,
                         uint32_t old_grid, uint32_t width);

#endif // VB_BLIP_POSITIONS_H
