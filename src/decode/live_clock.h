// live_clock.h - times of the pictures of a stream that goes on for days: one clock, whatever
// the stream says.
#ifndef VB_DECODE_LIVE_CLOCK_H
#define VB_DECODE_LIVE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define VB_NO_TIME INT64_MIN

// All-zero is one that has not begun. Goes on when a stream is connected to anew.
typedef struct vb_live_clock {
    bool started;
    bool anchored;     // offset_us is that of this connection
    int64_t offset_us; // what is added to what the stream says
    bool arrives;      // it is known when pictures come
    int64_t began_us;  // then: when time 0 was
    int64_t last_us;   // of the picture before
} vb_live_clock;

// A picture, as it comes.
typedef struct vb_live_tick {
    int64_t says_us; // the stream, of when it is shown; VB_NO_TIME = nothing
    int64_t now_us; // when it came, on any clock that no one sets; VB_NO_TIME: not live
    int64_t span_us; // how long one is shown, about; at least 1
} vb_live_tick;

// The time of the picture: 0 of the first, and never less than that of the one before. While
// the stream's own clock goes on it is that; where that falls back by a second and more, or
// leaps (a live stream's by more than a minute ahead of what has passed, else by more than a
// day), and where it says nothing, the time is that at which the picture came, or of what is
// not live one picture behind the one before.
int64_t vb_live_clock_step(vb_live_clock *clock, const vb_live_tick *tick);

// The stream is connected to anew: what it says now may be of another clock.
void vb_live_clock_reconnect(vb_live_clock *clock);

#endif // VB_DECODE_LIVE_CLOCK_H
