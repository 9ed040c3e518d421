// decoder.h - any frame of a stream by its index, exactly, at the least cost.
#ifndef VB_DECODE_DECODER_H
#define VB_DECODE_DECODER_H

#include "base/error.h"
#include "decode/packets.h"
#include "decode/source.h"

#include <libavcodec/avcodec.h>

// All-zero is closed.
typedef struct vb_decoder {
    vb_source source;
    vb_packets packets;
    AVCodecContext *codec;
    AVPacket *packet;
    bool has_packet;        // `packet` was read, but not decoded yet
    AVFrame *shown, *ahead; // the last frame that is not later than what was asked
                            // for, and the one after it
    uint64_t shown_index, ahead_index; // in presentation order
    bool has_shown, has_ahead, ended;
    bool from_start;   // decoding began at the first packet of the file
    uint64_t position; // of the next packet to read
    uint64_t outputs;  // frames that came out since decoding began
    uint32_t bad_run;  // packets that did not decode since the last frame that came out
    uint64_t wanted;   // the frame that is decoded for
    bool may_skip;     // pictures that no other refers to, far in front of `wanted`
    bool doubtful;     // since decoding began something was met that makes that unsafe
} vb_decoder;

// Opens `path` and reads its packet index.
VB_CHECKED vblip_status vb_decoder_open(vb_decoder *out, const char *path,
                                        uint32_t threads, uint64_t max_pixels,
                                        int64_t max_duration_us, vblip_error *err);
void vb_decoder_close(vb_decoder *decoder);

// Frame `index`, valid until the next call. Where the decoder has no frame of its own
// for a packet (a second field, a bad packet), the frame before it is still shown.
VB_CHECKED vblip_status vb_decoder_frame(vb_decoder *decoder, uint64_t index,
                                         const AVFrame **out, vblip_error *err);

#endif // VB_DECODE_DECODER_H
