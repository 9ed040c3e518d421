// buffers.h - vb_buffer of this device: made and freed in order with what is
// recorded.
#ifndef VB_GPU_BUFFERS_H
#define VB_GPU_BUFFERS_H

#include "gpu/memory.h"

// vb_device_table functions.
vblip_status vb_gpu_buffer_make(vb_buffer **out, vb_device *device, uint64_t bytes,
                                const char *name, vblip_error *err);
void vb_gpu_buffer_free(vb_buffer *buffer);

#endif // VB_GPU_BUFFERS_H
