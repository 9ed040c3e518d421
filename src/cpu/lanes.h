// lanes.h - vectors of VB_LANES floats, and what kernels make of them. They are GCC's and
// clang's own type, so that one text serves every processor.
#ifndef VB_CPU_LANES_H
#define VB_CPU_LANES_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __AVX512F__
#include <immintrin.h>
#endif

typedef float lanes __attribute__((vector_size(VB_LANES * 4)));
typedef int32_t ints __attribute__((vector_size(VB_LANES * 4)));
typedef uint32_t words __attribute__((vector_size(VB_LANES * 4)));
typedef uint16_t halves __attribute__((vector_size(VB_LANES * 2)));
typedef float quad __attribute__((vector_size(16)));

#define INLINE static inline __attribute__((always_inline))

INLINE lanes load(const float *p)
{
    lanes v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store(float *p, lanes v)
{
    memcpy(p, &v, sizeof v);
}

// The first `count` values, zeros behind them.
INLINE lanes load_some(const float *p, size_t count)
{
    lanes v = {0};
    memcpy(&v, p, count * sizeof *p);
    return v;
}

INLINE void store_some(float *p, lanes v, size_t count)
{
    memcpy(p, &v, count * sizeof *p);
}

INLINE lanes larger(lanes a, lanes b)
{
#ifdef __AVX512F__ // one instruction, where compilers make four of the below
    return (lanes)_mm512_max_ps((__m512)a, (__m512)b);
#else
    const ints mask = a > b;
    return (lanes)((mask & (ints)a) | (~mask & (ints)b));
#endif
}

INLINE lanes all(float value)
{
    return (lanes){0} + value;
}

// Lanes exchanged with those that are 8, 4, 2 or 1 away.
#if VB_LANES == 16
#define EXCHANGE_8(v)                                                                  \
    __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7)
#define EXCHANGE_4(v)                                                                  \
    __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11)
#define EXCHANGE_2(v)                                                                  \
    __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13)
#define EXCHANGE_1(v)                                                                  \
    __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14)
#elif VB_LANES == 8
#define EXCHANGE_4(v) __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3)
#define EXCHANGE_2(v) __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5)
#define EXCHANGE_1(v) __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6)
#else
#define EXCHANGE_2(v) __builtin_shufflevector(v, v, 2, 3, 0, 1)
#define EXCHANGE_1(v) __builtin_shufflevector(v, v, 1, 0, 3, 2)
#endif

INLINE float sum_of(lanes v)
{
#if VB_LANES >= 16
    v += EXCHANGE_8(v);
#endif
#if VB_LANES >= 8
    v += EXCHANGE_4(v);
#endif
    v += EXCHANGE_2(v);
    v += EXCHANGE_1(v);
    return v[0];
}

INLINE float largest_of(lanes v)
{
#if VB_LANES >= 16
    v = larger(v, EXCHANGE_8(v));
#endif
#if VB_LANES >= 8
    v = larger(v, EXCHANGE_4(v));
#endif
    v = larger(v, EXCHANGE_2(v));
    v = larger(v, EXCHANGE_1(v));
    return v[0];
}

// Of two vectors one: where bit DISTANCE of a lane's number is not set, the sum of two lanes
// of `a`, else of `b`.
#if VB_LANES == 16
#define JOIN_8(a, b)                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, \
                             31) +                                                     \
     __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,   \
                             21, 22, 23))
#define JOIN_4(a, b)                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 2, 3, 20, 21, 22, 23, 8, 9, 10, 11, 28, 29,   \
                             30, 31) +                                                 \
     __builtin_shufflevector(a, b, 4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15, 24, 25, \
                             26, 27))
#define JOIN_2(a, b)                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 18, 19, 4, 5, 22, 23, 8, 9, 26, 27, 12, 13,   \
                             30, 31) +                                                 \
     __builtin_shufflevector(a, b, 2, 3, 16, 17, 6, 7, 20, 21, 10, 11, 24, 25, 14, 15, \
                             28, 29))
#define JOIN_1(a, b)                                                                   \
    (__builtin_shufflevector(a, b, 0, 17, 2, 19, 4, 21, 6, 23, 8, 25, 10, 27, 12, 29,  \
                             14, 31) +                                                 \
     __builtin_shufflevector(a, b, 1, 16, 3, 18, 5, 20, 7, 22, 9, 24, 11, 26, 13, 28,  \
                             15, 30))
#elif VB_LANES == 8
#define JOIN_4(a, b)                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 2, 3, 12, 13, 14, 15) +                       \
     __builtin_shufflevector(a, b, 4, 5, 6, 7, 8, 9, 10, 11))
#define JOIN_2(a, b)                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 10, 11, 4, 5, 14, 15) +                       \
     __builtin_shufflevector(a, b, 2, 3, 8, 9, 6, 7, 12, 13))
#define JOIN_1(a, b)                                                                   \
    (__builtin_shufflevector(a, b, 0, 9, 2, 11, 4, 13, 6, 15) +                        \
     __builtin_shufflevector(a, b, 1, 8, 3, 10, 5, 12, 7, 14))
#else
#define JOIN_2(a, b)                                                                   \
    (__builtin_shufflevector(a, b, 0, 1, 6, 7) +                                       \
     __builtin_shufflevector(a, b, 2, 3, 4, 5))
#define JOIN_1(a, b)                                                                   \
    (__builtin_shufflevector(a, b, 0, 5, 2, 7) +                                       \
     __builtin_shufflevector(a, b, 1, 4, 3, 6))
#endif

// Lane i: the sum of the lanes of v[i]. `v` is spent.
INLINE lanes sums_of(lanes v[VB_LANES])
{
#if VB_LANES >= 16
    for (int i = 0; i < 8; i++)
        v[i] = JOIN_8(v[i], v[i + 8]);
#endif
#if VB_LANES >= 8
    for (int i = 0; i < 4; i++)
        v[i] = JOIN_4(v[i], v[i + 4]);
#endif
    for (int i = 0; i < 2; i++)
        v[i] = JOIN_2(v[i], v[i + 2]);
    return JOIN_1(v[0], v[1]);
}

// e^x for x <= 0, from -87 down e^-87, which no sum of ours is moved by: 2^n e^r with
// |r| <= ln 2 / 2, and Taylor's polynomial, whose error there is 1e-8.
INLINE lanes exponential(lanes x)
{
    const float shift = 12582912.0F; // 1.5 * 2^23: the fraction is shifted out
    x = larger(x, all(-87.0F));
    const lanes whole = x * 1.44269504F + shift;
    const lanes n = whole - shift;
    const lanes r = (x - n * 0.693145752F) - n * 1.42860677e-6F;
    lanes p = r * (1.0F / 5040) + 1.0F / 720;
    p = p * r + 1.0F / 120;
    p = p * r + 1.0F / 24;
    p = p * r + 1.0F / 6;
    p = p * r + 0.5F;
    p = p * r + 1.0F;
    p = p * r + 1.0F;
    return (lanes)((ints)p + ((ints)whole << 23));
}

// The same, off by 5e-5 of itself at most: for what is kept in bf16, whose steps are 4e-3.
INLINE lanes short_exponential(lanes x)
{
    const float shift = 12582912.0F;
    x = larger(x, all(-87.0F));
    const lanes whole = x * 1.44269504F + shift;
    const lanes r = x - (whole - shift) * 0.693147181F;
    lanes p = r * (1.0F / 24) + 1.0F / 6;
    p = p * r + 0.5F;
    p = p * r + 1.0F;
    p = p * r + 1.0F;
    return (lanes)((ints)p + ((ints)whole << 23));
}

// p / q for q >= 1: what a reciprocal of 14 bits and one step of Newton's give is off by
// 1e-7 of itself, and keeps no divider busy.
INLINE lanes quotient(lanes p, lanes q)
{
#ifdef __AVX512F__
    const lanes r = (lanes)_mm512_rcp14_ps((__m512)q);
    return p * (r + r * (1.0F - q * r));
#else
    return p / q;
#endif
}

// erf(x) = x P(x^2) / Q(x^2) up to 3.92, beyond which it is 1 to the last bit of a float:
// fitted for the least relative error, 1.9e-8.
INLINE lanes error_function(lanes x)
{
    const float most = 3.92F;
    x = -larger(-larger(x, all(-most)), all(-most)); // -3.92 to 3.92
    const lanes u = x * x;
    lanes p = u * 2.0501167361e-6F + 2.8488234394e-4F;
    p = p * u + 3.7655436730e-3F;
    p = p * u + 5.2748495161e-2F;
    p = p * u + 1.9040457764e-1F;
    p = p * u + 1.1283791462F;
    lanes q = u * 3.8092004670e-5F + 1.1625202611e-3F;
    q = q * u + 1.4969066594e-2F;
    q = q * u + 1.1410835113e-1F;
    q = q * u + 5.0207440451e-1F;
    q = q * u + 1.0F;
    return quotient(x * p, q);
}

#endif // VB_CPU_LANES_H
