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

#endif // VB_EXPORT_THUMBNAIL_H
