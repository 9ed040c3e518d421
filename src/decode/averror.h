// averror.h - FFmpeg's error codes as ours.
#ifndef VB_DECODE_AVERROR_H
#define VB_DECODE_AVERROR_H

#include "base/error.h"

// Fails with "what: FFmpeg's words for `code`" and the status that fits the code.
VB_CHECKED vblip_status vb_fail_av(vblip_error *err, int code, const char *what);

#endif // VB_DECODE_AVERROR_H
