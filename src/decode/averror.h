// averror.h - what FFmpeg has to say: its error codes as ours, its log kept quiet.
#ifndef VB_DECODE_AVERROR_H
#define VB_DECODE_AVERROR_H

#include "base/error.h"

// Fails with "what: FFmpeg's words for `code`" and the status that fits the code.
VB_CHECKED vblip_status vb_fail_av(vblip_error *err, int code, const char *what);

// The log_level_offset of what we open: so large that it is silent, or 0 where the
// application has changed FFmpeg's log level, which the whole process shares.
int vb_av_log_offset(void);

#endif // VB_DECODE_AVERROR_H
