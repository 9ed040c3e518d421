// averror.h - what FFmpeg has to say: its error codes as ours, its log kept quiet.
#ifndef VB_DECODE_AVERROR_H
#define VB_DECODE_AVERROR_H

#include "base/error.h"

// Fails with "what: FFmpeg's words for `code`" and the status that fits the code.
VB_CHECKED vblip_status vb_fail_av(vblip_error *err, int code, const char *what);

// FFmpeg's log level is one int for the whole process, and its default prints to stderr.
// This silences it while it is still that default: an application that set a level of
// its own keeps it. The log callback is left alone.
void vb_av_silence(void);

#endif // VB_DECODE_AVERROR_H
