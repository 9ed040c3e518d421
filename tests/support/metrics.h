// metrics.h - R@k and MdR of a score matrix, as train_retrieval.py:itm_eval (6.1).
#ifndef SUPPORT_METRICS_H
#define SUPPORT_METRICS_H

#include <stdint.h>

// Position of `truth` when `scores` are sorted, best first; ties to the earlier.
uint32_t rank_of(const float *scores, uint32_t count, uint32_t truth);

// Percent of `ranks` below `k`.
double recall_at(const uint32_t *ranks, uint32_t count, uint32_t k);

// Median of rank + 1; at most 64 ranks.
double median_rank(const uint32_t *ranks, uint32_t count);

#endif // SUPPORT_METRICS_H
