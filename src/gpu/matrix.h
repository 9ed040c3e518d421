// matrix.h - weights in the layouts and the type that kernels read.
#ifndef VB_GPU_MATRIX_H
#define VB_GPU_MATRIX_H

#include "compute/device.h"

// Rows as they are in the checkpoint, panels for linear_lavapipe.comp (see matrix.c).
typedef struct vb_gpu_matrix {
    vb_matrix base;      // first
    vb_dtype type;       // of the stored elements: VB_F32 or VB_F16
    vb_buffer *row_data; // [rows, cols]; NULL when nothing reads rows
    vb_buffer *panels;   // NULL when nothing reads panels
} vb_gpu_matrix;

// vb_device_table functions.
vblip_status vb_gpu_matrix_make(vb_matrix **out, vb_device *device,
                                const vb_matrix_block *blocks, uint32_t count,
                                uint32_t cols, uint32_t uses, const char *name,
                                vblip_error *err);
void vb_gpu_matrix_free(vb_matrix *matrix);

// Between these, threads convert matrices together, and what is staged waits for the submit.
void vb_gpu_weights_begin(vb_device *device, vb_weights_origin origin);
void vb_gpu_weights_end(vb_device *device, bool whole);

#endif // VB_GPU_MATRIX_H
