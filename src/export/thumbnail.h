// thumbnail.h - a small picture of a moment, as a JPEG file in memory.
#ifndef VB_EXPORT_THUMBNAIL_H
#define VB_EXPORT_THUMBNAIL_H

#include "base/error.h"

#include <stddef.h>

// What is shown of `path` at `time_us`, `width` pixels wide (even) and as high as it is shown:
// `bytes`, which the caller frees.
VB_CHECKED vblip_status vb_thumbnail_make(uint8_t **bytes, size_t *size,
                                          const char *path, int64_t time_us,
                                          uint32_t width, vblip_error *err);

// Refuses what is no even number from 16 to 1024.
VB_CHECKED vblip_status vb_thumbnail_check_width(uint32_t width, vblip_error *err);

// The same of a picture, shown as `shown_width` x `shown_height`, that was squashed to `rgb`
// [width, width, 3], behind which 64 bytes can be read.
VB_CHECKED vblip_status vb_thumbnail_encode(uint8_t **bytes, size_t *size,
                                            const uint8_t *rgb, uint32_t width,
                                            uint32_t shown_width, uint32_t shown_height,
                                            vblip_error *err);

#endif // VB_EXPORT_THUMBNAIL_H
