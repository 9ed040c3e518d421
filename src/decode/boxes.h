// boxes.h - whether the sample tables of an mp4 can be true, before they are read.
#ifndef VB_DECODE_BOXES_H
#define VB_DECODE_BOXES_H

#include "base/error.h"

#include <libavformat/avio.h>

// Refuses a file of boxes whose tables list millions of samples, and more than it has
// bytes: for what a few bytes promise libavformat makes room. `io` is anywhere
// afterwards.
VB_CHECKED vblip_status vb_boxes_check(AVIOContext *io, int64_t size, vblip_error *err);

#endif // VB_DECODE_BOXES_H
