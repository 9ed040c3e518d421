#include "decode/live_clock.h"

static const int64_t second_us = 1000000;

// Whether the stream's own clock goes on.
static bool goes_on(const vb_live_clock *c, int64_t time_us, int64_t passed_us,
                    bool live)
{
    const int64_t most_us =
        live ? passed_us + 60 * second_us : c->last_us + 86400 * second_us;
    return time_us > c->last_us - second_us && time_us <= most_us;
}

// Times of streams are 64-bit counters, some of which hold anything.
static bool is_sane(int64_t time_us)
{
    return time_us > INT64_MIN / 4 && time_us < INT64_MAX / 4;
}

int64_t vb_live_clock_step(vb_live_clock *clock, const vb_live_tick *tick)
{
    vb_live_clock *c = clock;
    const bool live = tick->now_us != VB_NO_TIME;
    const bool says = is_sane(tick->says_us);
    if (live && !c->arrives)
        c->began_us = tick->now_us - c->last_us;
    c->arrives = c->arrives || live;
    const int64_t passed_us = live ? tick->now_us - c->began_us : 0;
    int64_t time_us = c->anchored && says ? tick->says_us + c->offset_us : 0;
    if (!c->anchored || !says || !goes_on(c, time_us, passed_us, live)) {
        time_us = c->started ? c->last_us + tick->span_us : 0;
        if (passed_us > time_us)
            time_us = passed_us;
        c->anchored = says;
        c->offset_us = says ? time_us - tick->says_us : 0;
    }
    if (time_us < c->last_us)
        time_us = c->last_us;
    c->started = true;
    return c->last_us = time_us;
}

void vb_live_clock_reconnect(vb_live_clock *clock)
{
    clock->anchored = false;
}
