// candidates.h - what queries may be answered with: segments of all indexes of a search by
// their ITC scores, best first.
#ifndef VB_VIDEO_TASKS_CANDIDATES_H
#define VB_VIDEO_TASKS_CANDIDATES_H

#include "video_tasks/indexing.h"
#include "video_tasks/rerank.h"

// A segment.
typedef struct vb_moment {
    uint32_t shelf, input; // input: of the task
    vb_index_hit hit;
} vb_moment;

// One, or two that follow each other in a recording.
typedef struct vb_candidate {
    vb_moment moments[2];
    uint32_t count;          // of moments
    float score;             // the sum of their ITC
    bool asked;              // ITM is
    const vb_pair *pairs[2]; // what it said; NULL: nothing
} vb_candidate;

// All-zero is empty.
typedef struct vb_candidates {
    vb_candidate
        *items; // [count], best first; equal ones in the order of the inputs, then
                // of time
    uint32_t count, capacity;
    bool all; // there are no others
} vb_candidates;

// Finds the best `need` at least, where there are as many, of each query: vectors [count,
// projection]. Replaces what out [count] holds. Only recordings that are inputs are found.
VB_CHECKED vblip_status vb_candidates_find(vb_candidates *out, const vb_indexing *in,
                                           const float *vectors, uint32_t count,
                                           uint32_t need, vblip_error *err);

// Every candidate of `first` that one of `then` follows, in the same recording and begun
// at most `within_us` after its end, with the best of those: the best `need` at least, where
// there are as many. Both hold all there are, and are in another order then. Replaces what
// `out` holds.
VB_CHECKED vblip_status vb_candidates_join(vb_candidates *out, vb_candidates *first,
                                           vb_candidates *then, int64_t within_us,
                                           uint32_t need, vblip_error *err);

void vb_candidates_free(vb_candidates *candidates);

// For qsort.
int vb_by_candidate_score(const void *left, const void *right);

#endif // VB_VIDEO_TASKS_CANDIDATES_H
