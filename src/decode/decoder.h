// decoder.h - any frame of a stream by its index, exactly, at the least cost.
#ifndef VB_DECODE_DECODER_H
#define VB_DECODE_DECODER_H

#include "base/error.h"
#include "decode/held.h"
#include "decode/hwaccel.h"
#include "decode/packets.h"
#include "decode/source.h"

#include <libavcodec/avcodec.h>

// All-zero is closed.
typedef struct vb_decoder {
    vb_source source;
    vb_packets packets;
    AVCodecParameters *parameters; // of the stream as it begins
    AVCodecContext *codec;
    bool used; // packets were given to `codec` since it was opened
    uint32_t threads;
    vb_hwaccel *hwaccel; // NULL = none
    AVPacket *packet;
    bool has_packet;        // `packet` was read, but not decoded yet
    AVFrame *shown, *ahead; // the last frame that is not later than what was asked
                            // for, and the one after it
    uint64_t shown_index, ahead_index; // in presentation order
    vb_held held;                      // what came out behind `ahead`
    bool has_shown, has_ahead, ended;
    uint64_t position; // of the next packet to read
    uint64_t begun;    // position of the key packet that decoding began at
    uint64_t sure;     // from that position on, all that pictures refer to was decoded
    uint64_t outputs;  // frames that came out since decoding began
    uint64_t wanted;   // the frame that is decoded for
    // Damage. Several threads conceal it now this way, now that, and what was passed over
    // on the way may be what it shows in: where there is any, one thread decodes all.
    bool careful;      // so it is from now on
    bool restart;      // damage was met when it was not so
    bool passing;      // packets are passed over up to the next key packet
    bool draining;     // it was found, and what is before it is still coming out
    uint64_t bad_from; // position of the last damage since decoding began
    uint64_t bad_to;   // of the key packet behind it, VB_NO_FRAME before it is found
    uint64_t resumed;  // position of the key packet that decoding went on with behind
                       // damage, VB_NO_FRAME for none
    // Pictures in front of `wanted` that no other refers to.
    bool may_skip; // them
    bool skipped;  // some, perhaps, since decoding began
    bool unskip;   // `restart` is for what may have been needed of them
    bool counted;  // every packet was decoded: all that are lost are known
} vb_decoder;

// Opens `path` and reads its packet index. No option is 0 for "the usual" here.
VB_CHECKED vblip_status vb_decoder_open(vb_decoder *out, const char *path,
                                        const vb_decode_options *options,
                                        vblip_error *err);
void vb_decoder_close(vb_decoder *decoder);

// How many frames are decoded for frame `index` behind frame `last`, which may be the one
// it begins with: UINT64_MAX.
uint64_t vb_decoder_cost(const vb_decoder *decoder, uint64_t last, uint64_t index);

// Goes on with so many threads; where damage was met it stays one.
VB_CHECKED vblip_status vb_decoder_use_threads(vb_decoder *decoder, uint32_t threads,
                                               vblip_error *err);

// Position in presentation order of the first key packet at or behind frame `index`; the
// count of frames when there is none.
uint64_t vb_decoder_next_key(const vb_decoder *decoder, uint64_t index);

// Where in the file frame `index` lies; 0 when that is not known.
uint64_t vb_decoder_place(const vb_decoder *decoder, uint64_t index);

// Whether one of the frames from .. end - 1 is larger than those around it, by far.
bool vb_decoder_has_large(const vb_decoder *decoder, uint64_t from, uint64_t end);

// Frame `index`, valid until the next call. Where the decoder has no frame of its own
// for a packet that is whole (a second field, a repeat), the frame before it is still
// shown. Where it is damaged, or refers to what is damaged or missing, the failure is
// VBLIP_ERR_IO and says how many frames of the file decode, which is found out by
// decoding all of it, once.
VB_CHECKED vblip_status vb_decoder_frame(vb_decoder *decoder, uint64_t index,
                                         const AVFrame **out, vblip_error *err);

// The same. A frame that decoding can begin at is decoded alone, without those behind it
// that a decoder may want before it hands one out: faster when most others are left out.
VB_CHECKED vblip_status vb_decoder_lone_frame(vb_decoder *decoder, uint64_t index,
                                              const AVFrame **out, vblip_error *err);

#endif // VB_DECODE_DECODER_H
