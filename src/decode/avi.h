// avi.h - what the index of an AVI knows of its packets.
#ifndef VB_DECODE_AVI_H
#define VB_DECODE_AVI_H

#include "decode/source.h"

bool vb_avi_is(const vb_source *source);

// libavformat counts the frames of an AVI as it comes upon them, also behind a hole, and
// looks up by that number which are key frames. Gives `packet` the time and the flag that
// the index has for it, where there is one.
void vb_avi_correct(const vb_source *source, AVPacket *packet);

// How many packets the index has between those at `from`, 0 for the start of the file, and
// `to`, INT64_MAX for its end; -1 when it does not know those, or cannot be true.
int64_t vb_avi_between(const vb_source *source, int64_t from, int64_t to);

// Whether a key packet of H.264 in an AVI is none that closes what is before it: pictures that are
// decoded behind it may be shown before it, and have no times that would say so.
bool vb_avi_is_open(const vb_source *source, const AVPacket *packet);

// Whether a packet of MPEG-4 in an AVI holds two pictures, of which one is shown later.
bool vb_avi_is_packed(const vb_source *source, const AVPacket *packet);

#endif // VB_DECODE_AVI_H
