// nal.h - what the NAL units of H.264 and HEVC say of the picture they make up.
#ifndef VB_DECODE_NAL_H
#define VB_DECODE_NAL_H

#include <stdbool.h>

#include <libavcodec/codec_par.h>
#include <libavcodec/packet.h>

typedef enum vb_nal_use {
    VB_NAL_NEEDED,    // other pictures may refer to it, or that cannot be told
    VB_NAL_DROPPABLE, // none does: decoded without the packet, they are the same
    VB_NAL_LAYERED,   // needed, and may refer to pictures that are else droppable
} vb_nal_use;

// What the picture in `packet` is to others; of a codec without NAL units it is needed.
vb_nal_use vb_nal_use_of(const AVCodecParameters *codec, const AVPacket *packet);

#endif // VB_DECODE_NAL_H
