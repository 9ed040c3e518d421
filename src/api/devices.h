// devices.h - which device an engine runs on: those of Vulkan, and the processor.
#ifndef VB_API_DEVICES_H
#define VB_API_DEVICES_H

#include "compute/device.h"

// Every device in the order in which "auto" tries them: GPUs, the processor, software
// Vulkan. None at all is VBLIP_ERR_DEVICE.
VB_CHECKED vblip_status vb_devices_list(vblip_device_fn fn, void *user,
                                        vblip_error *err);

// Whether Vulkan has any; VBLIP_ERR_DEVICE says why not.
VB_CHECKED vblip_status vb_devices_vulkan(vblip_error *err);

// Opens the one that the options name: an index of the list, a part of a name, "cpu" for
// the processor; "auto" or NULL is the first that is usable and can do what is asked.
// `index` is that of the list.
VB_CHECKED vblip_status vb_devices_open(vb_device **out, uint32_t *index,
                                        const vblip_engine_options *options,
                                        vblip_error *err);

#endif // VB_API_DEVICES_H
