// logits.h - what generation does to the scores of the next token (blip-spec 8.1). Pure.
#ifndef VB_BLIP_LOGITS_H
#define VB_BLIP_LOGITS_H

#include <stdint.h>

// Replaces logits by log-probabilities.
void vb_log_softmax_row(float *scores, uint32_t count);

// x * penalty if x < 0, else x / penalty, once for each distinct id of `ids`.
void vb_penalise_repetition(float *scores, const int32_t *ids, uint32_t count,
                            float penalty);

// Index of the largest score, the first of equals.
uint32_t vb_argmax(const float *scores, uint32_t count);

#endif // VB_BLIP_LOGITS_H
