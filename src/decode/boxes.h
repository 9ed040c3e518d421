// boxes.h - whether the sample tables of an mp4 can be true, before they are read.
#ifndef VB_DECODE_BOXES_H
#define VB_DECODE_BOXES_H

#include "base/error.h"

#include <stdbool.h>

#include <libavformat/avio.h>

// Refuses a file of boxes whose tables list millions of samples, and more than it has
// bytes: for what a few bytes declare libavformat makes room. `io` is anywhere
// afterwards. `second` is where another such file begins that was joined to it, -1 for
// none: libavformat reads one.
VB_CHECKED vblip_status vb_boxes_check(int64_t *second, AVIOContext *io, int64_t size,
                                       vblip_error *err);

// Whether a file may begin with a box of that type.
bool vb_box_begins_file(const char type[4]);

#endif // VB_DECODE_BOXES_H
