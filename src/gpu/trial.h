// trial.h - a note that kernels are being tested, which outlives a driver that ends the
// program in the test.
//
// The note lies beside the cache file while a self-test runs, locked. One that is found
// and not locked is of a program that never came to the end of its test.
#ifndef VB_GPU_TRIAL_H
#define VB_GPU_TRIAL_H

#include "gpu/cache_file.h"

// All-zero: there is no note.
typedef struct vb_trial {
    char *path; // owned
    int descriptor;
} vb_trial;

// Leaves a note about `verdict` (vb_verdict_bit) in `path`. Returns the kernels of a note
// that was found there instead, which is gone then. Where none can be left, or another
// program tests, there is no note and nothing is found.
uint32_t vb_trial_begin(vb_trial *out, const char *path, const vb_cache_key *key,
                        uint32_t verdict);

// The test came to its end, whatever that was.
void vb_trial_end(vb_trial *trial);

#endif // VB_GPU_TRIAL_H
