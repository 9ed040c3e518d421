// pace.h - how much is submitted at once: about a quarter of a second of work, be it many
// dispatches or a piece of one. Host code only.
//
// Between two submits the caller may be asked whether to go on, and drivers of some GPUs give
// up on a submit of seconds. How fast a device is follows from how long the last ones took, so
// on a fast one a whole forward pass is one submit.
#ifndef VB_GPU_PACE_H
#define VB_GPU_PACE_H

#include <stdbool.h>
#include <stdint.h>

// Work is counted in multiply-adds, and what only moves data as so many as take the time:
// about the same for every kernel.
typedef struct vb_pace_load {
    uint64_t work;
    uint32_t submits; // it is the work of so many
    bool full;        // more was wanted than one may have
} vb_pace_load;

typedef struct vb_pace {
    uint64_t most;         // work of one submit; 0 = nothing is known yet
    vb_pace_load recorded; // of the next one
    bool held; // `most` stays as it is: for tests, whatever the machine does
} vb_pace;

// How many of `count` things, each of so much work, go to the next submit, and counts
// them: all; 0, when what is recorded has to be submitted before; or the first of them,
// when all are more than one submit and nothing is recorded. Then the others are asked for
// again.
uint32_t vb_pace_take(vb_pace *pace, uint32_t count, uint64_t work);

// What was recorded is submitted, or dropped: nothing is recorded. Returns it.
vb_pace_load vb_pace_next(vb_pace *pace);

void vb_pace_add(vb_pace_load *sum, vb_pace_load load);

// A load ran, and took so long; or, when it was not seen to end but found to have ended, at
// most so long.
void vb_pace_ran(vb_pace *pace, vb_pace_load load, double seconds, bool seen);

#endif // VB_GPU_PACE_H
