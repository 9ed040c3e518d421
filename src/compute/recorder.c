#include "compute/recorder.h"

#include <stdarg.h>
#include <stdio.h>

vb_recorder vb_recorder_begin(vb_device *device)
{
    return (vb_recorder){.device = device};
}

void vb_recorder_fail(vb_recorder *rec, vblip_status status, const char *format, ...)
{
    if (rec->status != VBLIP_OK)
        return;
    char message[sizeof rec->error.message];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    rec->status = vb_fail(&rec->error, status, "%s", message);
}

void vb_recorder_check(vb_recorder *rec, vblip_status status, const vblip_error *why)
{
    if (status != VBLIP_OK)
        vb_recorder_fail(rec, status, "%s", why->message);
}

vblip_status vb_recorder_submit(vb_recorder *rec, vblip_error *err)
{
    vb_device *device = rec->device;
    vblip_status status = rec->status;
    if (status == VBLIP_OK) {
        status = device->table->submit(device, err);
    } else {
        device->table->discard(device);
        vb_fail(err, status, "%s", rec->error.message);
    }
    *rec = vb_recorder_begin(device);
    return status;
}
