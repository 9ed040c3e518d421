#include "support/metrics.h"

#include <stdlib.h>
#include <string.h>

uint32_t rank_of(const float *scores, uint32_t count, uint32_t truth)
{
    uint32_t rank = 0;
    for (uint32_t i = 0; i < count; i++)
        rank += scores[i] > scores[truth] || (scores[i] == scores[truth] && i < truth);
    return rank;
}

double recall_at(const uint32_t *ranks, uint32_t count, uint32_t k)
{
    uint32_t hits = 0;
    for (uint32_t i = 0; i < count; i++)
        hits += ranks[i] < k;
    return 100.0 * hits / count;
}

static int compare(const void *left, const void *right)
{
    const uint32_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

double median_rank(const uint32_t *ranks, uint32_t count)
{
    uint32_t sorted[64];
    if (count == 0 || count > 64)
        abort();
    memcpy(sorted, ranks, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare);
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2.0 + 1.0;
}
