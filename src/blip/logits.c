#include "blip/logits.h"

#include "compute/ops.h"

#include <math.h>

vb_top_logits vb_top_logits_of(const float *row, uint32_t k)
{
    return (vb_top_logits){.values = row + VB_TOPK_VALUES,
                           .columns = row + VB_TOPK_VALUES + k,
                           .count = k,
                           .log_sum = (float)log((double)row[VB_TOPK_SUM])};
}

// In the order of vb_log_softmax_row.
float vb_log_probability(const vb_top_logits *top, float logit)
{
    return logit - top->values[0] - top->log_sum;
}

// torch subtracts the largest logit, then the logarithm of the sum, both in fp32. The
// sum itself is rounded differently by every vector width, so it is taken in double and
// rounded once: as close to any fp32 order as they are to each other (1e-6 here).
void vb_log_softmax_row(float *scores, uint32_t count)
{
    const float largest = scores[vb_argmax(scores, count)];
    double sum = 0.0;
    for (uint32_t i = 0; i < count; i++) {
        scores[i] -= largest;
        sum += (double)expf(scores[i]);
    }
    const float log_sum = (float)log(sum);
    for (uint32_t i = 0; i < count; i++)
        scores[i] -= log_sum;
}

float vb_penalised(float x, float penalty)
{
    return x < 0.0f ? x * penalty : x / penalty;
}

void vb_penalise_repetition(float *scores, const int32_t *ids, uint32_t count,
                            float penalty)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t seen = 0;
        while (ids[seen] != ids[i])
            seen++;
        if (seen < i)
            continue;
        scores[ids[i]] = vb_penalised(scores[ids[i]], penalty);
    }
}

uint32_t vb_argmax(const float *scores, uint32_t count)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < count; i++)
        if (scores[i] > scores[best])
            best = i;
    return best;
}
