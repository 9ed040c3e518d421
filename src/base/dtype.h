// dtype.h - element types of tensors, on disk and on the device.
#ifndef VB_BASE_DTYPE_H
#define VB_BASE_DTYPE_H

#include <stddef.h>
#include <stdint.h>

typedef enum vb_dtype { VB_F32, VB_F16, VB_BF16, VB_I32, VB_I64, VB_U8 } vb_dtype;

size_t vb_dtype_size(vb_dtype type);      // bytes of one element
const char *vb_dtype_name(vb_dtype type); // "F32", as safetensors writes it

float vb_f16_to_f32(uint16_t bits);
float vb_bf16_to_f32(uint16_t bits);

// To the nearest, ties to even; 65520 and more in size is infinity.
uint16_t vb_f32_to_f16(float value);

// Widens `count` elements of type VB_F32, VB_F16 or VB_BF16 at `src` (any alignment).
void vb_widen(float *dst, const void *src, vb_dtype type, size_t count);

#endif // VB_BASE_DTYPE_H
