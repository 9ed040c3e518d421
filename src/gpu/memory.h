// memory.h - buffers, weights, and the host memory through which both are filled.
#ifndef VB_GPU_MEMORY_H
#define VB_GPU_MEMORY_H

#include "compute/device.h"
#include "gpu/vk.h"

typedef struct vb_gpu vb_gpu;

typedef struct vb_gpu_buffer {
    vb_buffer base; // first; base.size is what was asked for
    VkBuffer handle;
    VkDeviceMemory memory;
    VkBufferView texels; // the whole as rgba32f; none when the kernels read no texels
    VkBufferView halves; // the whole as rgba32ui; only of panels of halves
    uint8_t *mapped;     // NULL when the host cannot write it
} vb_gpu_buffer;

// Weights: rows as they are, panels for linear_lavapipe.comp (see matrix.c).
typedef struct vb_gpu_matrix {
    vb_matrix base;      // first
    vb_dtype type;       // of the elements: VB_F32 or VB_F16
    vb_buffer *row_data; // [rows, cols]; NULL when nothing reads rows
    vb_buffer *panels;   // NULL when nothing reads panels
} vb_gpu_matrix;

typedef struct vb_memory {
    uint64_t allocations; // of device memory, ever; a test watches it stand still
    bool mapped_buffers;  // device buffers are host-visible where the driver can
} vb_memory;

// vb_device_table functions.
vblip_status vb_gpu_buffer_make(vb_buffer **out, vb_device *device, uint64_t bytes,
                                const char *name, vblip_error *err);
void vb_gpu_buffer_free(vb_buffer *buffer);
vblip_status vb_gpu_matrix_make(vb_matrix **out, vb_device *device,
                                const vb_matrix_block *blocks, uint32_t count,
                                uint32_t cols, uint32_t uses, const char *name,
                                vblip_error *err);
void vb_gpu_matrix_free(vb_matrix *matrix);

// Lets kernels read a buffer as texels of eight halves.
VB_CHECKED vblip_status vb_gpu_buffer_view_halves(vb_gpu_buffer *buffer,
                                                  vblip_error *err);

// Host memory that the device copies from and to. Not zeroed.
VB_CHECKED vblip_status vb_staging_buffer_make(vb_gpu_buffer **out, vb_gpu *gpu,
                                               uint64_t bytes, vblip_error *err);

// Writes a buffer that no recorded command uses. May run what was recorded.
VB_CHECKED vblip_status vb_gpu_buffer_write(vb_gpu_buffer *buffer, uint64_t offset,
                                            const void *src, uint64_t bytes,
                                            vblip_error *err);

static inline vb_gpu_buffer *vb_gpu_buffer_of(vb_buffer *buffer)
{
    return (vb_gpu_buffer *)buffer;
}

#endif // VB_GPU_MEMORY_H
