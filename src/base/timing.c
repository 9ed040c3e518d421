#include "base/timing.h"

#include <stdlib.h>
#include <time.h>

enum { MIN_RUNS = 3, MAX_RUNS = 25 };
static const double enough_s = 0.6;

double vb_now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int times_ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

vblip_status vb_time_by(vb_timing *out, double (*clock_s)(const void *user),
                        vblip_status (*work)(void *user, vblip_error *err), void *user,
                        vblip_error *err)
{
    double times[MAX_RUNS], spent = 0;
    uint32_t runs = 0;
    *out = (vb_timing){0};
    VB_TRY(work(user, err));
    while (runs < MAX_RUNS && (runs < MIN_RUNS || spent < enough_s)) {
        const double start = clock_s(user);
        VB_TRY(work(user, err));
        times[runs] = clock_s(user) - start;
        spent += times[runs++];
    }
    qsort(times, runs, sizeof *times, times_ascending);
    *out = (vb_timing){runs, times[0], times[runs / 2]};
    return VBLIP_OK;
}

static double wall_clock(const void *user)
{
    (void)user;
    return vb_now_s();
}

vblip_status vb_time(vb_timing *out, vblip_status (*work)(void *user, vblip_error *err),
                     void *user, vblip_error *err)
{
    return vb_time_by(out, wall_clock, work, user, err);
}

double vb_timed_rate(const vb_timing *timing, double done)
{
    return done / (timing->runs + 1) / timing->min_s;
}
