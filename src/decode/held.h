// held.h - frames that came out of a decoder, until it is known whether what they refer to
// is whole. Frames come out in the order they are shown, and what is wrong with one is told
// with it: a B-frame comes out before the P-frame behind it that it refers to.
#ifndef VB_DECODE_HELD_H
#define VB_DECODE_HELD_H

#include "base/error.h"
#include "decode/packets.h"

#include <libavutil/frame.h>

// As many as a decoder of H.264 or HEVC may reorder, and the one they wait for.
enum { VB_HELD = 17 };

// All-zero is empty.
typedef struct vb_held {
    AVFrame *frames[VB_HELD];  // allocated when first needed
    uint64_t indices[VB_HELD]; // of the frames, in presentation order
    uint32_t first, count;     // a ring
} vb_held;

void vb_held_clear(vb_held *held);
void vb_held_free(vb_held *held);

// Moves `frame`, which is `index`, in. There must be room: vb_held_is_full.
VB_CHECKED vblip_status vb_held_put(vb_held *held, AVFrame *frame, uint64_t index,
                                    vblip_error *err);

bool vb_held_is_full(const vb_held *held);

// Whether the first frame need not wait any more: it refers to no frame that is shown
// behind the last one that came out. Decoding began at `begun`.
bool vb_held_is_settled(const vb_held *held, const vb_packets *packets, uint64_t begun);

// Moves the first frame out. There must be one.
void vb_held_take(vb_held *held, AVFrame *frame, uint64_t *index);

#endif // VB_DECODE_HELD_H
