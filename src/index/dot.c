// dot.c - VB_DOT names the function. Sums are taken in sixteen lanes whatever the
// instructions are, so that every processor has the same scores to a rounding of products.
#include "index/dot.h"

#include <stddef.h>
#include <string.h>

#ifdef __F16C__
#include <immintrin.h>
#endif

typedef float lanes __attribute__((vector_size(64)));
typedef uint32_t words __attribute__((vector_size(64)));
typedef uint16_t halves __attribute__((vector_size(32)));

#define INLINE static inline __attribute__((always_inline))

// Sixteen values, subnormal ones and zero included. What is 65520 or more is no vector's.
INLINE lanes widen_halves(const uint16_t *p)
{
#if defined(__AVX512F__)
    return (lanes)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
#elif defined(__F16C__)
    const __m256 low =
        _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
    const __m256 high =
        _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(p + 8)));
    lanes v;
    memcpy(&v, &low, sizeof low);
    memcpy((char *)&v + sizeof low, &high, sizeof high);
    return v;
#else
    halves bits;
    memcpy(&bits, p, sizeof bits);
    const words wide = __builtin_convertvector(bits, words);
    const words sign = (wide & 0x8000u) << 16, rest = (wide & 0x7fffu) << 13;
    // The exponent of a half is 112 less than a float's: a product with 2^112 mends that,
    // and makes subnormal halves what they are.
    const lanes value = (lanes)rest * 0x1p112F;
    return (lanes)((words)value | sign);
#endif
}

typedef float lanes8 __attribute__((vector_size(32)));
typedef float lanes4 __attribute__((vector_size(16)));

// Each step adds the upper half of what is left to the lower one.
INLINE float sum_lanes(lanes v)
{
    const lanes8 eight = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
                         __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
    const lanes4 four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) +
                        __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
    const lanes4 two = four + __builtin_shufflevector(four, four, 2, 3, 2, 3);
    return two[0] + two[1];
}

INLINE void dot_some(float *scores, const float *queries, uint32_t query_count,
                     const uint16_t *vectors, uint32_t count, uint32_t dims)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint16_t *vector = vectors + (size_t)i * dims;
        lanes sums[VB_DOT_QUERIES] = {{0}};
        for (uint32_t d = 0; d < dims; d += 16) {
            const lanes v = widen_halves(vector + d);
            for (uint32_t q = 0; q < query_count; q++) {
                lanes of_query;
                memcpy(&of_query, queries + (size_t)q * dims + d, sizeof of_query);
                sums[q] += v * of_query;
            }
        }
        for (uint32_t q = 0; q < query_count; q++)
            scores[(size_t)q * count + i] = sum_lanes(sums[q]);
    }
}

// Counts are constants, so that sums stay in registers.
void VB_DOT(float *scores, const float *queries, uint32_t query_count,
            const uint16_t *vectors, uint32_t count, uint32_t dims)
{
    switch (query_count) {
    case 1:
        dot_some(scores, queries, 1, vectors, count, dims);
        break;
    case 2:
        dot_some(scores, queries, 2, vectors, count, dims);
        break;
    case 3:
        dot_some(scores, queries, 3, vectors, count, dims);
        break;
    default:
        dot_some(scores, queries, VB_DOT_QUERIES, vectors, count, dims);
        break;
    }
}
