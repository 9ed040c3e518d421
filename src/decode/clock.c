#include "decode/clock.h"

enum { NEAR_FRAMES = 250 }; // a packet goes on behind one that is not further away

int64_t vb_clock_distance(const vb_clock *clock, int64_t a, int64_t b)
{
    int64_t distance = a - b;
    if (clock->wrap_bits >= 63)
        return distance;
    const int64_t turn = INT64_C(1) << clock->wrap_bits;
    distance %= turn;
    if (distance >= turn / 2)
        return distance - turn;
    return distance < -turn / 2 ? distance + turn : distance;
}

// Whether the packet before leapt away from a clock that this one goes on with.
static bool was_wild(const vb_clock *c, int64_t time, int64_t step)
{
    const int64_t near = c->frame * NEAR_FRAMES;
    const int64_t over = vb_clock_distance(c, time, c->kept);
    return c->now - c->then > near && step < -near && over > 0 && over <= near;
}

vb_clock_tick vb_clock_step(vb_clock *clock, int64_t time)
{
    vb_clock *c = clock;
    vb_clock_tick tick = {.time = time};
    if (c->started) {
        int64_t step = vb_clock_distance(c, time, c->last);
        tick.time = c->now + step;
        if (was_wild(c, time, step)) {
            tick.wild_before = true;
            tick.time = c->then + vb_clock_distance(c, time, c->kept);
            c->now = c->then + c->frame < tick.time ? c->then + c->frame : c->then;
        } else if (step < -c->fall || step > c->leap) {
            c->part++;
            tick.time = c->now + c->frame;
        }
    }
    if (!vb_is_time(tick.time)) // only noise leads there
        tick.time = c->now;
    c->then = c->started ? c->now : tick.time;
    c->kept = c->started && !tick.wild_before ? c->last : time;
    c->last = time;
    c->now = tick.time;
    c->started = true;
    return tick;
}
