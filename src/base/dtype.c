#include "base/dtype.h"

#include <assert.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [VB_F32] = {"F32", 4}, [VB_F16] = {"F16", 2}, [VB_BF16] = {"BF16", 2},
    [VB_I32] = {"I32", 4}, [VB_I64] = {"I64", 8}, [VB_U8] = {"U8", 1},
};

size_t vb_dtype_size(vb_dtype type)
{
    return types[type].size;
}

const char *vb_dtype_name(vb_dtype type)
{
    return types[type].name;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float vb_f16_to_f32(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16;
    uint32_t exponent = (bits >> 10) & 31u;
    uint32_t fraction = bits & 1023u;
    if (exponent == 31) // infinity, NaN
        return float_of(sign | 0x7f800000u | fraction << 13);
    if (exponent) // normal
        return float_of(sign | (exponent + 112u) << 23 | fraction << 13);
    float value = (float)fraction * 0x1p-24f; // subnormal or zero: exact
    return sign ? -value : value;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

uint16_t vb_f32_to_f16(float value)
{
    const uint32_t sign = bits_of(value) >> 16 & 0x8000u;
    uint32_t size = bits_of(value) & 0x7fffffffu, half;
    if (size > 0x7f800000u)
        half = 0x7e00u; // NaN
    else if (size >= 0x477ff000u)
        half = 0x7c00u;
    else if (size < 0x38800000u) // subnormal or zero: 0.5f has steps of 2^-24, as they
        half = bits_of(float_of(size) + 0.5f) - bits_of(0.5f);
    else
        half = (size - 0x38000000u + 0xfffu + (size >> 13 & 1u)) >> 13;
    return (uint16_t)(sign | half);
}

float vb_bf16_to_f32(uint16_t bits)
{
    return float_of((uint32_t)bits << 16);
}

void vb_widen(float *dst, const void *src, vb_dtype type, size_t count)
{
    assert(type == VB_F32 || type == VB_F16 || type == VB_BF16);
    if (type == VB_F32) {
        memcpy(dst, src, count * sizeof *dst);
        return;
    }
    const unsigned char *bytes = src;
    for (size_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, bytes + 2 * i, sizeof bits);
        dst[i] = type == VB_F16 ? vb_f16_to_f32(bits) : vb_bf16_to_f32(bits);
    }
}
