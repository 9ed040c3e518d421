// missing.h - frames that holes swallowed, among those that are there.
#ifndef VB_DECODE_MISSING_H
#define VB_DECODE_MISSING_H

#include "decode/packets.h"

// Finds when those are shown that holes swallowed. Packets are in order of their times,
// but for what is missing, which is near. True when that is not the order any more.
bool vb_missing_place(vb_packets *p, int64_t frame_ticks);

// Counts what is lost. What is decoded behind a packet that is missing refers to it, up to
// the next key packet, and so does what is decoded behind that one and shown before it.
// Nor are the `reordered` packets in front of it known, where these may be shown behind it
// and have no times.
void vb_missing_lose(vb_packets *p, uint32_t reordered);

#endif // VB_DECODE_MISSING_H
