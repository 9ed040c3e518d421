// holes.h - what holes of a file swallowed: found where its chain (chain.h) breaks, counted
// by times and indices.
#ifndef VB_DECODE_HOLES_H
#define VB_DECODE_HOLES_H

#include "decode/reading.h"

// Adds what is missing in front of `packet`, which is about to be added, with its times on
// the running clock.
VB_CHECKED vblip_status vb_holes_before(vb_reading *r, const vb_source *source,
                                        const AVPacket *packet, int64_t pts,
                                        int64_t dts, vblip_error *err);

// Adds what else is missing, when all packets were read: also in front of the first and
// behind the last, where the file says what it has.
VB_CHECKED vblip_status vb_holes_settle(vb_reading *r, const vb_source *source,
                                        vblip_error *err);

#endif // VB_DECODE_HOLES_H
