// absent.c - the processor as a device, in a build without oneDNN.
#include "cpu/cpu.h"

vblip_status vb_cpu_open(vb_device **out, const vb_cpu_options *options,
                         vblip_error *err)
{
    (void)options;
    *out = NULL;
    return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                   "the processor: this build has no oneDNN, which computes there");
}

bool vb_cpu_describe(vblip_device_info *out, vb_cpu_texts *texts)
{
    (void)texts;
    *out = (vblip_device_info){0};
    return false;
}

uint64_t vb_cpu_allocations(const vb_device *device)
{
    (void)device;
    return 0;
}
