#include "video_tasks/ranking.h"

#include <math.h>
#include <stdlib.h>

static int better_first(const void *left, const void *right)
{
    const vb_scored *a = left, *b = right;
    if (isnan(a->score) != isnan(b->score))
        return isnan(a->score) ? 1 : -1;
    if (a->score > b->score)
        return -1;
    if (a->score < b->score)
        return 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

void vb_rank(vb_scored *items, uint32_t count)
{
    if (count > 1)
        qsort(items, count, sizeof *items, better_first);
}

float vb_dot(const float *a, const float *b, uint32_t count)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < count; i++)
        sum += (double)a[i] * (double)b[i];
    return (float)sum;
}

float vb_best_dot(const float *texts, uint32_t text_count, const float *clip,
                  uint32_t count)
{
    float best = -INFINITY;
    for (uint32_t t = 0; t < text_count; t++)
        best = fmaxf(best, vb_dot(texts + (size_t)t * count, clip, count));
    return best;
}

float vb_match_probability(const vblip_calibration *calibration, const float logits[2])
{
    double logit = (double)logits[1] - (double)logits[0];
    if (calibration)
        logit = logit / (double)calibration->temperature + (double)calibration->bias;
    return (float)(1.0 / (1.0 + exp(-logit)));
}
