// upsample.h - chroma planes at the size of the picture, as libjpeg and libwebp make them.
#ifndef VB_DECODE_UPSAMPLE_H
#define VB_DECODE_UPSAMPLE_H

#include "base/error.h"

#include <libavutil/frame.h>

// Whether `format` is 8-bit planar YUV with chroma at half the size at least one way.
bool vb_upsample_can(int format);

// Writes the picture of `src` into `dst` (empty) as 8-bit 4:4:4. Where two pixels share a
// chroma sample, each takes 3/4 of its own and 1/4 of the nearest other one.
VB_CHECKED vblip_status vb_upsample_chroma(AVFrame *dst, const AVFrame *src,
                                           vblip_error *err);

#endif // VB_DECODE_UPSAMPLE_H
