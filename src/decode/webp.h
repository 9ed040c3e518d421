// webp.h - WebP files as RGB pixels, equal to PIL's.
#ifndef VB_DECODE_WEBP_H
#define VB_DECODE_WEBP_H

#include "decode/image.h"

#include <stddef.h>

// Decodes the WebP file of `size` bytes at `file`, lossy or lossless. Alpha is dropped. Of
// an animation it is the first frame.
VB_CHECKED vblip_status vb_webp_decode(vb_image *out, const uint8_t *file, size_t size,
                                       uint64_t max_pixels, vblip_error *err);

#endif // VB_DECODE_WEBP_H
