#include "compute/device.h"

#include <assert.h>
#include <string.h>

vb_dtype vb_device_activations(const vb_device *device)
{
    return device->caps.narrow_activations ? device->weights : VB_F32;
}

void vb_device_close(vb_device **device)
{
    if (*device)
        (*device)->table->close(*device);
    *device = NULL;
}

const vblip_device_info *vb_device_describe(const vb_device *device)
{
    return device->table->describe(device);
}

vblip_status vb_device_profile(vb_device *device, vblip_op_time_fn fn, void *user,
                               vblip_error *err)
{
    return device->table->profile(device, fn, user, err);
}

double vb_device_peak(vb_device *device)
{
    return device->table->peak ? device->table->peak(device) : 0;
}

const char *vb_precision_name(vb_dtype weights)
{
    return weights == VB_F16 ? "f16" : weights == VB_BF16 ? "bf16" : "f32";
}

vblip_status vb_buffer_make(vb_buffer **out, vb_device *device, uint64_t bytes,
                            const char *name, vblip_error *err)
{
    *out = NULL;
    if (bytes > device->caps.max_buffer_bytes)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "%s: %s: %llu bytes, a buffer holds at most %llu",
                       device->caps.name, name, (unsigned long long)bytes,
                       (unsigned long long)device->caps.max_buffer_bytes);
    return device->table->buffer_make(out, device, bytes, name, err);
}

void vb_buffer_free(vb_buffer **buffer)
{
    if (*buffer)
        (*buffer)->device->table->buffer_free(*buffer);
    *buffer = NULL;
}

static vblip_status read_memory(const void *source, void *out, size_t at, size_t size,
                                vblip_error *err)
{
    (void)err;
    memcpy(out, (const char *)source + at, size);
    return VBLIP_OK;
}

vb_matrix_block vb_matrix_in_memory(const void *data, vb_dtype type, uint32_t rows)
{
    return (vb_matrix_block){type, rows, read_memory, data};
}

vblip_status vb_matrix_make(vb_matrix **out, vb_device *device,
                            const vb_matrix_block *blocks, uint32_t count,
                            uint32_t cols, uint32_t uses, const char *name,
                            vblip_error *err)
{
    *out = NULL;
    assert(count && cols && uses);
    return device->table->matrix_make(out, device, blocks, count, cols, uses, name,
                                      err);
}

void vb_matrix_free(vb_matrix **matrix)
{
    if (*matrix)
        (*matrix)->device->table->matrix_free(*matrix);
    *matrix = NULL;
}
