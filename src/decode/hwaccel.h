// hwaccel.h - devices that decode in place of the processor, through libavcodec.
//
// What H.264, HEVC, VP9 and AV1 decode to is fixed to the bit, and pictures that come back
// from a device are laid out as the processor's decoders lay them out: the same pixels. What
// devices do not tell is damage.
#ifndef VB_DECODE_HWACCEL_H
#define VB_DECODE_HWACCEL_H

#include "base/error.h"

#include <stdbool.h>

// A device that is open. May be shared by threads.
typedef struct vb_hwaccel vb_hwaccel;

// Opens the device called `name`, as libavutil calls it. NULL is left in `out` for NULL or
// "none", and for "auto" where no device opens. An unknown name is VBLIP_ERR_ARGUMENT and
// says which there are, one without a device VBLIP_ERR_DEVICE.
VB_CHECKED vblip_status vb_hwaccel_open(vb_hwaccel **out, const char *name,
                                        vblip_error *err);
void vb_hwaccel_close(vb_hwaccel **hwaccel);

// Calls `fn` with every kind of device that this FFmpeg decodes with, the first that "auto"
// tries first, and whether one opens. Non-zero of `fn` ends it.
void vb_hwaccel_list(int (*fn)(void *user, const char *name, bool opens), void *user);

#endif // VB_DECODE_HWACCEL_H
