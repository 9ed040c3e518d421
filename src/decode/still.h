// still.h - PNG, JPEG, WebP and BMP files as RGB pixels.
#ifndef VB_DECODE_STILL_H
#define VB_DECODE_STILL_H

#include "base/error.h"
#include "decode/resize.h"

#include <libavutil/frame.h>

enum { VB_STILL_HEAD = 16 }; // bytes that tell what a file is

// Whether a file that begins with `head` is a still image.
bool vb_still_is(const uint8_t head[VB_STILL_HEAD]);

// Decodes the image file `path`. Alpha is dropped, palettes are looked up, grey is
// replicated, 16-bit samples lose their low byte. The EXIF orientation is undone unless
// `ignore_orientation`. `out->rgb` is the caller's to free.
VB_CHECKED vblip_status vb_still_read(vb_image *out, const char *path,
                                      uint64_t max_pixels, bool ignore_orientation,
                                      vblip_error *err);

// The pixels of a decoded frame, as above.
VB_CHECKED vblip_status vb_still_from_frame(vb_image *out, const AVFrame *frame,
                                            vblip_error *err);

#endif // VB_DECODE_STILL_H
