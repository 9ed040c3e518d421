// counted.h - films whose frames carry their number: counted_* of make_media.py.
#ifndef VB_TESTS_COUNTED_H
#define VB_TESTS_COUNTED_H

#include "decode/decode.h"

enum { COUNTED_FRAMES = 60, COUNTED_FRAME_US = 40000 };

// Opens the file at `path`; fails the test when that fails.
vb_video *counted_open(const char *path);

// The number that frame `index` carries; -1 when it cannot be read, and why in `err`.
int counted_read(vb_video *video, uint64_t index, vblip_error *err);

#endif // VB_TESTS_COUNTED_H
