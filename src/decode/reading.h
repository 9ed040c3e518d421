// reading.h - what is collected of a stream while its packets are read, in file order.
#ifndef VB_DECODE_READING_H
#define VB_DECODE_READING_H

#include "decode/clock.h"
#include "decode/packets.h"
#include "decode/sizes.h"

enum {
    VB_AROUND = 16,     // frames that may lie out of order around a hole
    VB_PART = 0x3FFFFFF // bits of a packet's part
};

#define VB_UNTIMED INT64_MIN // a packet without a time of its own

// What is collected while the file is read, in file order.
typedef struct vb_reading {
    vb_packets *packets;
    int64_t *decode_times; // [packets->count]
    size_t capacity;
    vb_clock clock;
    int64_t frame_ticks; // nominal length of a frame, at least 1
    int64_t first_time;  // of the first packet that has one
    // Of the packet that is shown last so far.
    int64_t last_time, last_decode_time, last_span;
    int64_t limit_ticks;
    vb_sizes sizes;
    uint64_t untimed, untimed_keys; // packets without a presentation time
    int64_t last_byte; // of the last packet whose place is known, -1 before
    uint64_t hole;     // position of the packet behind one not settled yet, 0 for none
    bool keyed;        // a key packet was seen
    bool packed;       // some packets hold two pictures
    bool edited;       // some packets are decoded, but never shown
    bool cut;          // the packet read last is not complete
} vb_reading;

// Makes room for `more` packets.
VB_CHECKED vblip_status vb_reading_make_room(vb_reading *r, uint64_t more,
                                             vblip_error *err);

#endif // VB_DECODE_READING_H
