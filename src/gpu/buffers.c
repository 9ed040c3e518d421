#include "gpu/buffers.h"

#include "gpu/context.h"

#include <string.h>

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
    vb_commands_settle(vb_gpu_of(base->device)); // a recorded command may name it
    vb_memory_destroy(vb_gpu_buffer_of(base));
}

vblip_status vb_gpu_buffer_write(vb_gpu_buffer *buffer, uint64_t offset,
                                 const void *src, uint64_t bytes, vblip_error *err)
{
    if (!buffer->mapped)
        return vb_transfer_upload(vb_gpu_of(buffer->base.device), buffer, offset, src,
                                  bytes, err);
    memcpy(buffer->mapped + offset, src, (size_t)bytes);
    return VBLIP_OK;
}
