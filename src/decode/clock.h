// clock.h - one running clock from what a stream's packets say, in the order of the file.
#ifndef VB_DECODE_CLOCK_H
#define VB_DECODE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/mathematics.h>

// Times beyond this are noise, and sums of two such times still fit.
#define VB_TIME_LIMIT (INT64_C(1) << 61)

static inline bool vb_is_time(int64_t time)
{
    return time > -VB_TIME_LIMIT && time < VB_TIME_LIMIT; // AV_NOPTS_VALUE is not
}

// Recordings are joined, devices set their clocks, counters of few bits begin again.
// Where the times of a stream fall back, or leap by more than `leap`, a new part begins,
// and its times go on where those of the part before ended.
typedef struct vb_clock {
    int64_t frame; // ticks from one packet to the next, at least 1
    int64_t fall;  // ticks that times may fall back by within a part
    int64_t leap;  // ticks that they may leap forward by
    int wrap_bits; // of the counter; 63 and more: it does not begin again
    bool started;
    uint32_t part;      // of the packet seen last
    int64_t last, kept; // times of the packets seen last and before, as they say
    int64_t now, then;  // the same on the running clock
} vb_clock;

// What is to be said of a packet.
typedef struct vb_clock_tick {
    int64_t time;     // on the running clock
    bool wild_before; // the packet before had a time that fits nothing: it belongs one
                      // frame behind the one before it
} vb_clock_tick;

// Goes on to a packet of that decoding time.
vb_clock_tick vb_clock_step(vb_clock *clock, int64_t time);

// `a` - `b`, of a counter that may have begun again between the two.
int64_t vb_clock_distance(const vb_clock *clock, int64_t a, int64_t b);

#endif // VB_DECODE_CLOCK_H
