// safetensors_out.h - matrices of floats into a safetensors file.
#ifndef VB_BLIP_SAFETENSORS_OUT_H
#define VB_BLIP_SAFETENSORS_OUT_H

#include "base/error.h"

typedef struct vb_matrix_out {
    const char *name;    // letters, digits, '_' and '.'
    const float *values; // [rows, cols]
    uint32_t rows, cols;
} vb_matrix_out;

// Replaces the file at `path` by one that holds the matrices, in their order, as F32.
VB_CHECKED vblip_status vb_safetensors_write(const char *path,
                                             const vb_matrix_out *matrices,
                                             uint32_t count, vblip_error *err);

#endif // VB_BLIP_SAFETENSORS_OUT_H
