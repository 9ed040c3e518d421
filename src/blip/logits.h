// logits.h - what generation does to the scores of the next token (blip-spec 8.1). Pure.
#ifndef VB_BLIP_LOGITS_H
#define VB_BLIP_LOGITS_H

#include <stdint.h>

// The best of a row of logits, and what a softmax over all comes to: see vb_topk.
typedef struct vb_top_logits {
    const float *values;  // [count], the largest first
    const float *columns; // [count], ids; of equal values the lower first
    uint32_t count;
    float log_sum; // of e^(logit - values[0]), over the row
} vb_top_logits;

// `row` as vb_topk writes it, for `k`.
vb_top_logits vb_top_logits_of(const float *row, uint32_t k);

// The log-probability of a logit of that row.
float vb_log_probability(const vb_top_logits *top, float logit);

// Replaces logits by log-probabilities.
void vb_log_softmax_row(float *scores, uint32_t count);

// x * penalty if x < 0, else x / penalty.
float vb_penalised(float x, float penalty);

// The same once for each distinct id of `ids`.
void vb_penalise_repetition(float *scores, const int32_t *ids, uint32_t count,
                            float penalty);

// Index of the largest score, the first of equals.
uint32_t vb_argmax(const float *scores, uint32_t count);

#endif // VB_BLIP_LOGITS_H
