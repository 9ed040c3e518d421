// packets.h - when each frame of a stream is shown, and where decoding can start.
#ifndef VB_DECODE_PACKETS_H
#define VB_DECODE_PACKETS_H

#include "base/error.h"
#include "decode/source.h"

typedef struct vb_packet {
    int64_t time;      // in the stream's time base
    uint32_t position; // in the file, counted in packets that are shown
    uint32_t key;      // decoding can start here
} vb_packet;

// All-zero is empty.
typedef struct vb_packets {
    vb_packet *items;   // [count], by time
    uint64_t count;     // at most UINT32_MAX
    uint64_t readable;  // packets that are whole in the file; the rest was cut off
    bool through_table; // `key` is what the container says, not the packets
    bool by_order;      // the file has no presentation times: the n-th frame that comes
                        // out of the decoder is frame n
    int64_t end;        // of the last frame
    int64_t reordering; // largest presentation minus decoding time
    int64_t first_pts, first_dts; // of the first packet in the file, shown or not
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

// Index of the last packet that is not later than `time`; 0 when all are.
uint64_t vb_packets_find(const vb_packets *packets, int64_t time);

// Microseconds from the first frame.
int64_t vb_packets_time_us(const vb_packets *packets, uint64_t index);
int64_t vb_packets_end_us(const vb_packets *packets); // end of the last frame

#endif // VB_DECODE_PACKETS_H
