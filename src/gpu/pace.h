// pace.h - how much is submitted at once: about a quarter of a second of work. Host code only.
//
// Between two submits the caller may be asked whether to go on, and drivers of some GPUs give
// up on a submit of seconds. How fast a device is follows from how long the last ones took, so
// on a fast one a whole forward pass is one submit.
#ifndef VB_GPU_PACE_H
#define VB_GPU_PACE_H

#include <stdbool.h>
#include <stdint.h>

// Work is counted in iterations of all invocations' loops: the same unit for every kernel, and
// nearly the same time.
typedef struct vb_pace {
    uint64_t most;     // work of one submit; 0 = nothing is known yet
    uint64_t recorded; // work of the next one
    bool full;         // more was wanted than `most`
} vb_pace;

// Counts `work` to the next submit, or returns false: what is recorded has to run before.
bool vb_pace_take(vb_pace *pace, uint64_t work);

// What was recorded ran, and took so long.
void vb_pace_ran(vb_pace *pace, double seconds);

// What was recorded never ran.
void vb_pace_dropped(vb_pace *pace);

#endif // VB_GPU_PACE_H
