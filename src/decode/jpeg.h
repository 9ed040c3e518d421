// jpeg.h - JPEG files as RGB pixels, equal to PIL's.
#ifndef VB_DECODE_JPEG_H
#define VB_DECODE_JPEG_H

#include "decode/image.h"

#include <stddef.h>

// Decodes the JPEG file of `size` bytes at `file`. Grey is replicated; CMYK counts as
// inverted, as Adobe writes it. A file that lacks its end is refused; one that is damaged
// within is shown as far as it decodes, with a warning.
VB_CHECKED vblip_status vb_jpeg_decode(vb_image *out, const uint8_t *file, size_t size,
                                       uint64_t max_pixels, vblip_error *err);

#endif // VB_DECODE_JPEG_H
