// image.h - a still image in memory, and how large one may be.
#ifndef VB_DECODE_IMAGE_H
#define VB_DECODE_IMAGE_H

#include "base/error.h"

enum { VB_WARNING = 256 }; // bytes

// All-zero is none.
typedef struct vb_image {
    uint8_t *rgb; // [height, width, 3], malloc'd
    uint32_t width, height;
    char warning[VB_WARNING]; // what is wrong with a picture that is shown all the same
} vb_image;

// Refuses a size of more than `max_pixels`, or with a side of more than 65535.
VB_CHECKED vblip_status vb_image_check_size(uint64_t width, uint64_t height,
                                            uint64_t max_pixels, vblip_error *err);

// Checks the size as above, then allocates pixels, which hold nothing yet.
VB_CHECKED vblip_status vb_image_make(vb_image *out, uint32_t width, uint32_t height,
                                      uint64_t max_pixels, vblip_error *err);
void vb_image_free(vb_image *image);

#endif // VB_DECODE_IMAGE_H
