// ranking.h - best first, and what a pair of logits means.
#ifndef VB_VIDEO_TASKS_RANKING_H
#define VB_VIDEO_TASKS_RANKING_H

#include "vblip_lab.h"

typedef struct vb_scored {
    float score;
    uint32_t index; // of the input
} vb_scored;

// Sorts by score, best first; equal scores keep the order of their indices, NaN is last.
void vb_rank(vb_scored *items, uint32_t count);

// Cosine of two vectors of length one.
float vb_dot(const float *a, const float *b, uint32_t count);

// What a clip is to the text that fits it best: the largest cosine with texts [texts, count].
float vb_best_dot(const float *texts, uint32_t text_count, const float *clip,
                  uint32_t count);

// P(match) of the ITM logits (unmatched, matched): by the calibration, or where it is NULL
// softmax, second entry.
float vb_match_probability(const vblip_calibration *calibration, const float logits[2]);

#endif // VB_VIDEO_TASKS_RANKING_H
