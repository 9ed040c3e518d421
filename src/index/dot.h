// dot.h - dot products with vectors in f16, compiled for each set of vector instructions.
#ifndef VB_INDEX_DOT_H
#define VB_INDEX_DOT_H

#include <stdint.h>

enum { VB_DOT_QUERIES = 4 }; // at most, of one call

// scores [queries, count] of queries [queries, dims] and vectors [count, dims].
typedef void (*vb_dot_fn)(float *scores, const float *queries, uint32_t query_count,
                          const uint16_t *vectors, uint32_t count, uint32_t dims);

void vb_dot_base(float *scores, const float *queries, uint32_t query_count,
                 const uint16_t *vectors, uint32_t count, uint32_t dims);
void vb_dot_f16c(float *scores, const float *queries, uint32_t query_count,
                 const uint16_t *vectors, uint32_t count, uint32_t dims);
void vb_dot_avx512(float *scores, const float *queries, uint32_t query_count,
                   const uint16_t *vectors, uint32_t count, uint32_t dims);

// The fastest that this processor runs.
vb_dot_fn vb_dot_choose(void);

#endif // VB_INDEX_DOT_H
