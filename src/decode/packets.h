// packets.h - when each frame of a stream is shown, and where decoding can start.
#ifndef VB_DECODE_PACKETS_H
#define VB_DECODE_PACKETS_H

#include "base/error.h"
#include "decode/source.h"

typedef struct vb_packet {
    int64_t time;      // in the stream's time base, on one clock for the whole file
    uint32_t position; // in the file, counted in packets that are shown
    uint32_t key  : 1; // decoding can start here
    uint32_t lost : 1; // it is known to be damaged, or to refer to what is
    uint32_t
        silent : 1; // it is known to be whole and to hold no picture of its own: the
                    // one before is shown
    uint32_t missing : 1;  // a hole of the file swallowed it: it is lost
    uint32_t unsure  : 1;  // it decodes, but a hole keeps from knowing when it is shown
    uint32_t large   : 1;  // than those around it, by far: sizes.h
    uint32_t part    : 26; // of the file, whose clock begins anew: clock.h
} vb_packet;

static inline bool vb_packet_is_bad(const vb_packet *packet)
{
    return packet->lost || packet->unsure;
}

#define VB_NO_BYTE INT64_MIN

// By what a packet is known again.
typedef struct vb_packet_mark {
    int64_t byte; // where it begins in the file; VB_NO_BYTE when it is missing
    int64_t pts;  // as the file has it
} vb_packet_mark;

// What the codec is told from the packet at `position` on: its extradata.
typedef struct vb_codec_header {
    uint8_t *bytes;
    size_t size;
    uint64_t position;
} vb_codec_header;

#define VB_NO_FRAME UINT32_MAX

enum { VB_REORDERED = 4 }; // packets in front of another that may be shown behind it

// All-zero is empty.
typedef struct vb_packets {
    vb_packet *items;         // [count], by time: the frames
    uint64_t count;           // less than UINT32_MAX
    uint64_t readable;        // frames that the file does not end in front of
    uint64_t lost;            // of these, known to be before anything was decoded
    vb_packet_mark *marks;    // [positions]
    uint32_t *frames;         // [positions], indices of items, or VB_NO_FRAME
    uint64_t positions;       // packets in front of the file's end, missing ones too
    vb_codec_header *headers; // [header_count], by position: where they are not those
    size_t header_count;      // that the stream begins with
    bool one_clock;           // time stamps tell where in the file a packet lies
    bool through_table;       // `key` is what the container says, not the packets
    bool by_order;      // the file has no presentation times: the n-th frame that comes
                        // out of the decoder is frame n
    int64_t end;        // of the last frame
    int64_t reordering; // largest presentation minus decoding time
    // Of the first packet in the file, shown or not.
    int64_t first_pts, first_dts, first_byte;
    AVRational time_base;
} vb_packets;

// Lists the packets of a `source` that was just opened: through the container's table
// where it has one (table.h), else by reading the file to its end. More than
// `max_duration_us` is refused. Where reading goes on afterwards is not said: seek.
VB_CHECKED vblip_status vb_packets_list(vb_packets *out, vb_source *source,
                                        int64_t max_duration_us, vblip_error *err);

// The same, never through a table. A table may know of fewer key packets.
VB_CHECKED vblip_status vb_packets_read(vb_packets *out, vb_source *source,
                                        int64_t max_duration_us, vblip_error *err);
void vb_packets_free(vb_packets *packets);

// The failure of a file that holds `decoded` of its `count` frames.
VB_CHECKED vblip_status vb_packets_fail_truncated(uint64_t decoded, uint64_t count,
                                                  vblip_error *err);

// Microseconds from the first frame.
int64_t vb_packets_time_us(const vb_packets *packets, uint64_t index);
int64_t vb_packets_end_us(const vb_packets *packets); // end of the last frame

// Microseconds to the first frame from where the file begins: `start_us`, on its own
// clock, AV_NOPTS_VALUE where it does not say. Sound may begin before the picture.
int64_t vb_packets_lead_us(const vb_packets *packets, int64_t start_us);

#endif // VB_DECODE_PACKETS_H
