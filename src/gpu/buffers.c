#include "gpu/buffers.h"

#include "gpu/context.h"

vblip_status vb_gpu_buffer_make(vb_buffer **out, vb_device *device, uint64_t bytes,
                                const char *name, vblip_error *err)
{
    vb_gpu_buffer *buffer;
    VB_TRY(vb_wait_check(vb_gpu_of(device), err));
    VB_TRY(vb_memory_make(&buffer, vb_gpu_of(device), bytes, name, err));
    *out = &buffer->base;
    return VBLIP_OK;
}

void vb_gpu_buffer_free(vb_buffer *base)
{
    vb_gpu_buffer *buffer = vb_gpu_buffer_of(base);
    vb_commands_settle(vb_gpu_of(base->device), buffer->used);
    vb_memory_destroy(buffer);
}
