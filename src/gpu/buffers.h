// buffers.h - vb_buffer of this device: made, freed and filled in order with what is
// recorded.
#ifndef VB_GPU_BUFFERS_H
#define VB_GPU_BUFFERS_H

#include "gpu/memory.h"

// vb_device_table functions.
vblip_status vb_gpu_buffer_make(vb_buffer **out, vb_device *device, uint64_t bytes,
                                const char *name, vblip_error *err);
void vb_gpu_buffer_free(vb_buffer *buffer);

// Writes a buffer that no recorded command uses. May run what was recorded.
VB_CHECKED vblip_status vb_gpu_buffer_write(vb_gpu_buffer *buffer, uint64_t offset,
                                            const void *src, uint64_t bytes,
                                            vblip_error *err);

#endif // VB_GPU_BUFFERS_H
