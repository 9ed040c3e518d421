// still.h - PNG, JPEG, WebP and BMP files as RGB pixels.
#ifndef VB_DECODE_STILL_H
#define VB_DECODE_STILL_H

#include "decode/image.h"

#include <stddef.h>

enum { VB_STILL_HEAD = 18 }; // bytes that tell what a file is

// Whether a file that begins with `head` is a still image.
bool vb_still_is(const uint8_t head[VB_STILL_HEAD]);

// Refuses by its name a still image of a kind that is not read.
VB_CHECKED vblip_status vb_still_check(const uint8_t head[VB_STILL_HEAD],
                                       vblip_error *err);

// Decodes the image file `path` to the pixels that PIL makes of it: alpha is dropped,
// palettes are looked up, grey is replicated, 16-bit samples lose their low byte. The EXIF
// orientation is undone unless `ignore_orientation`. `content` (NULL = not wanted) is the
// hash of the file: vb_hash_file. Messages do not name the path.
VB_CHECKED vblip_status vb_still_read(vb_image *out, uint64_t *content,
                                      const char *path, uint64_t max_pixels,
                                      bool ignore_orientation, vblip_error *err);

// The same of a file in memory, of at most INT_MAX - 64 bytes.
VB_CHECKED vblip_status vb_still_decode(vb_image *out, const uint8_t *file, size_t size,
                                        uint64_t max_pixels, bool ignore_orientation,
                                        vblip_error *err);

#endif // VB_DECODE_STILL_H
