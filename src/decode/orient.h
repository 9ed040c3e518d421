// orient.h - the eight ways a picture can lie, and turning it upright.
#ifndef VB_DECODE_ORIENT_H
#define VB_DECODE_ORIENT_H

#include "decode/image.h"

#include <libavutil/frame.h>

// Bits. The upright pixel (x, y) is the stored pixel (x, y), or (y, x) when transposed,
// counted from the right or the bottom of the stored picture where flipped.
enum vb_orientation { VB_FLIP_X = 1, VB_FLIP_Y = 2, VB_TRANSPOSE = 4 };

// Of EXIF's tag 274; anything but 2..8 is upright.
uint32_t vb_orientation_from_exif(uint32_t value);

// Of FFmpeg's 3x3 display matrix; NULL, and angles that are no multiple of 90 degrees,
// are upright.
uint32_t vb_orientation_from_matrix(const int32_t *matrix);

// One plane of `width` x `height` stored pixels of `step` bytes. Strides are in bytes.
typedef struct vb_plane {
    uint8_t *bytes;
    ptrdiff_t stride;
} vb_plane;
void vb_orient_plane(vb_plane dst, vb_plane src, uint32_t width, uint32_t height,
                     uint32_t step, uint32_t orientation);

// Turns `image` in place.
VB_CHECKED vblip_status vb_orient_image(vb_image *image, uint32_t orientation,
                                        vblip_error *err);

// Whether frames of this pixel format can be turned as they are: not where chroma would
// come to lie on another grid.
bool vb_orient_can(int format, uint32_t orientation);

// Gives `dst` a buffer of that kind, with rows aligned; the one it has is kept where it
// still fits.
VB_CHECKED vblip_status vb_frame_buffer(AVFrame *dst, int format, int width, int height,
                                        vblip_error *err);

// Turns `src` into `dst`, whose buffer is kept between calls where it still fits.
VB_CHECKED vblip_status vb_orient_frame(AVFrame *dst, const AVFrame *src,
                                        uint32_t orientation, vblip_error *err);

#endif // VB_DECODE_ORIENT_H
