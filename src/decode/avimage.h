// avimage.h - images that FFmpeg decodes, as RGB pixels.
#ifndef VB_DECODE_AVIMAGE_H
#define VB_DECODE_AVIMAGE_H

#include "decode/image.h"

#include <stddef.h>

#include <libavutil/frame.h>

// Decodes the PNG or BMP file of `size` bytes at `file`.
VB_CHECKED vblip_status vb_png_decode(vb_image *out, const uint8_t *file, size_t size,
                                      uint64_t max_pixels, vblip_error *err);
VB_CHECKED vblip_status vb_bmp_decode(vb_image *out, const uint8_t *file, size_t size,
                                      uint64_t max_pixels, vblip_error *err);

// The pixels of a decoded frame: RGB, grey or with a palette.
VB_CHECKED vblip_status vb_image_from_frame(vb_image *out, const AVFrame *frame,
                                            vblip_error *err);

#endif // VB_DECODE_AVIMAGE_H
