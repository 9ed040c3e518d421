// hwdecode.h - a decoder's side of hwaccel.h.
#ifndef VB_DECODE_HWDECODE_H
#define VB_DECODE_HWDECODE_H

#include "decode/hwaccel.h"
#include "decode/image.h"

#include <libavcodec/avcodec.h>

// Has `codec`, not open yet, decode on the device where that can. What it cannot decode
// after all the processor does.
VB_CHECKED vblip_status vb_hwdecode_use(AVCodecContext *codec, vb_hwaccel *hwaccel,
                                        vblip_error *err);

// Says in `note` that the processor decoded `frame`, once of all that the device was to.
void vb_hwdecode_note(char note[VB_WARNING], vb_hwaccel *hwaccel, const AVFrame *frame);

// Puts a frame that is on a device into `*copy`, made when first needed, as the processor
// would have decoded it, and `*frame` is that; one that is not stays.
VB_CHECKED vblip_status vb_hwdecode_fetch(AVFrame **copy, const AVFrame **frame,
                                          vblip_error *err);

#endif // VB_DECODE_HWDECODE_H
