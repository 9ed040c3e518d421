// seek.h - to a packet of a file by its position, whatever the container can do.
#ifndef VB_DECODE_SEEK_H
#define VB_DECODE_SEEK_H

#include "decode/packets.h"
#include "decode/source.h"

// Reads up to the key packet at `position` or one before it, and leaves it in `packet`,
// its position in `out`. VB_NO_FRAME when the packet at `position` turns out to be no key
// packet, which `packets` tells from then on.
VB_CHECKED vblip_status vb_seek_key(uint32_t *out, vb_source *source,
                                    vb_packets *packets, uint32_t position,
                                    AVPacket *packet, vblip_error *err);

// Goes back to the first packet of the file, shown or not, and leaves it in `packet`: by
// seeking, or by opening the file again where that does not lead there.
VB_CHECKED vblip_status vb_seek_start(vb_source *source, const vb_packets *packets,
                                      AVPacket *packet, vblip_error *err);

// The position of `packet`, which is not behind `last`; VB_NO_FRAME when it is none that
// was listed.
uint32_t vb_seek_position(const vb_packets *packets, const AVPacket *packet,
                          uint64_t last);

// `position`, or the one behind it that is not missing.
uint32_t vb_seek_first(const vb_packets *packets, uint32_t position);

#endif // VB_DECODE_SEEK_H
