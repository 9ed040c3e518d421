#include "compute/device.h"

#include <assert.h>
#include <string.h>

vb_dtype vb_device_activations(const vb_device *device)
{
    return device->caps.narrow_activations ? device->weights : VB_F32;
}

vb_dtype vb_device_activations_of(const vb_device *device, uint32_t cols)
{
    return cols % 8 == 0 ? vb_device_activations(device) : VB_F32;
}

vb_dtype vb_device_keys(const vb_device *device)
{
    return device->caps.narrow_keys ? vb_device_activations(device) : VB_F32;
}

bool vb_device_absorbs(const vb_device *device)
{
    return device->caps.absorbs & 1u << device->weights;
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

vblip_status vb_device_finish(vb_device *device, vblip_error *err)
{
    return device->table->finish ? device->table->finish(device, err) : VBLIP_OK;
}

const char *vb_device_variant(vb_device *device, uint32_t n, const char **op)
{
    return device->table->variant ? device->table->variant(device, n, op) : NULL;
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
    return (vb_matrix_block){
        .type = type, .rows = rows, .read = read_memory, .source = data};
}

// As it was kept; NULL when it was not.
static vblip_status take_matrix(vb_matrix **out, vb_device *device,
                                const vb_matrix_block *blocks, uint32_t count,
                                uint32_t cols, uint32_t uses, const char *name,
                                vblip_error *err)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < count; i++)
        rows += blocks[i].rows;
    return device->table->matrix_take && rows <= UINT32_MAX
               ? device->table->matrix_take(out, device, (uint32_t)rows, cols, uses,
                                            name, err)
               : VBLIP_OK;
}

vblip_status vb_matrix_make(vb_matrix **out, vb_device *device,
                            const vb_matrix_block *blocks, uint32_t count,
                            uint32_t cols, uint32_t uses, const char *name,
                            vblip_error *err)
{
    *out = NULL;
    assert(count && cols && uses);
    VB_TRY(take_matrix(out, device, blocks, count, cols, uses, name, err));
    if (*out)
        return VBLIP_OK;
    for (uint32_t i = 0; i < count; i++)
        if (blocks[i].prepare)
            VB_TRY(blocks[i].prepare(blocks[i].source, err));
    return device->table->matrix_make(out, device, blocks, count, cols, uses, name,
                                      err);
}

void vb_matrix_free(vb_matrix **matrix)
{
    if (*matrix)
        (*matrix)->device->table->matrix_free(*matrix);
    *matrix = NULL;
}

void vb_weights_begin(vb_device *device, vb_weights_origin origin)
{
    if (device->table->weights_begin)
        device->table->weights_begin(device, origin);
}

void vb_weights_end(vb_device *device, bool whole)
{
    if (device->table->weights_end)
        device->table->weights_end(device, whole);
}
