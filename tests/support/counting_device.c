#include "support/counting_device.h"

#include <stdlib.h>

static counting_device *of(vb_device *device)
{
    return (counting_device *)device;
}

static vblip_status count_op(vb_device *device, vblip_error *err)
{
    of(device)->ops++;
    if (of(device)->fail_ops)
        return vb_fail(err, VBLIP_ERR_DEVICE, "lost");
    return VBLIP_OK;
}

#define COUNT(name)                                                                    \
    static vblip_status name(vb_device *device, const vb_##name##_args *args,          \
                             vblip_error *err)                                         \
    {                                                                                  \
        (void)args;                                                                    \
        return count_op(device, err);                                                  \
    }
COUNT(linear)
COUNT(layernorm)
COUNT(attention)
COUNT(absorbed_attention)
COUNT(patchify)
COUNT(embed)
COUNT(add_rows)
COUNT(set_row)
COUNT(mean_rows)
COUNT(l2norm)
COUNT(topk)

static vblip_status upload(vb_device *device, vb_tensor y, const void *src,
                           vblip_error *err)
{
    (void)y, (void)src;
    return count_op(device, err);
}

static vblip_status download(vb_device *device, void *dst, vb_tensor x,
                             vblip_error *err)
{
    (void)dst, (void)x;
    return count_op(device, err);
}

static vblip_status copy(vb_device *device, vb_tensor y, vb_tensor x, vblip_error *err)
{
    (void)y, (void)x;
    return count_op(device, err);
}

static vblip_status submit(vb_device *device, vblip_error *err)
{
    of(device)->submits++;
    if (of(device)->fail_submit)
        return vb_fail(err, VBLIP_ERR_DEVICE, "hung");
    return VBLIP_OK;
}

static void discard(vb_device *device)
{
    of(device)->discards++;
}

static vblip_status buffer_make(vb_buffer **out, vb_device *device, uint64_t bytes,
                                const char *name, vblip_error *err)
{
    if (of(device)->fail_buffers)
        return vb_fail_memory(err, name);
    *out = calloc(1, sizeof **out);
    if (!*out)
        return vb_fail_memory(err, name);
    **out = (vb_buffer){.device = device, .size = bytes};
    of(device)->buffers++;
    of(device)->alive++;
    return VBLIP_OK;
}

static void buffer_free(vb_buffer *buffer)
{
    of(buffer->device)->alive--;
    free(buffer);
}

static const vb_device_table table = {
    .buffer_make = buffer_make,
    .buffer_free = buffer_free,
    .upload = upload,
    .download = download,
    .copy = copy,
    .linear = linear,
    .layernorm = layernorm,
    .attention = attention,
    .absorbed_attention = absorbed_attention,
    .patchify = patchify,
    .embed = embed,
    .add_rows = add_rows,
    .set_row = set_row,
    .mean_rows = mean_rows,
    .l2norm = l2norm,
    .topk = topk,
    .submit = submit,
    .discard = discard,
};

counting_device counting_device_make(void)
{
    return (counting_device){
        .base = {.table = &table,
                 .caps = {.name = "counting", .max_buffer_bytes = 64 << 20}}};
}
