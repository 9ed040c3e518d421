// timing.h - how long a piece of work takes, run again and again.
#ifndef VB_BASE_TIMING_H
#define VB_BASE_TIMING_H

#include "base/error.h"

typedef struct vb_timing {
    uint32_t runs;
    double min_s, median_s;
} vb_timing;

double vb_now_s(void); // of a clock that no one sets

// Runs `work` once, which is not counted (it compiles and allocates), and then until 0.6
// seconds are spent: at least 3 times, at most 25.
VB_CHECKED vblip_status vb_time(vb_timing *out,
                                vblip_status (*work)(void *user, vblip_error *err),
                                void *user, vblip_error *err);

// The same, by a clock of the caller's: what it says before and after a run.
VB_CHECKED vblip_status vb_time_by(vb_timing *out, double (*clock_s)(const void *user),
                                   vblip_status (*work)(void *user, vblip_error *err),
                                   void *user, vblip_error *err);

// What a run did in a second of the least time, given what all of them did, the first
// included.
double vb_timed_rate(const vb_timing *timing, double done);

#endif // VB_BASE_TIMING_H
