// scale.h - decoded frames to square RGB as FFmpeg's scale filter does (blip-spec 5.3).
#ifndef VB_DECODE_SCALE_H
#define VB_DECODE_SCALE_H

#include "base/error.h"

#include <libavutil/frame.h>
#include <libswscale/swscale.h>

// All-zero is empty. Keeps what it can from frame to frame.
typedef struct vb_scaler {
    struct SwsContext *sws, *sws_bottom;
    int width, height, format; // of the frames that `sws` was made for
    AVFrame *turned, *scaled, *scaled_bottom;
} vb_scaler;

// Turns `frame` upright and squashes it into `rgb` [side, side, 3] in one bilinear pass:
// without a copy where `rgb` and `side` are multiples of 16.
VB_CHECKED vblip_status vb_scaler_run(vb_scaler *scaler, uint8_t *rgb, uint32_t side,
                                      const AVFrame *frame, uint32_t orientation,
                                      vblip_error *err);
void vb_scaler_free(vb_scaler *scaler);

#endif // VB_DECODE_SCALE_H
