// mux.h - a recording with one more track: texts with their times. Nothing is decoded.
#ifndef VB_EXPORT_MUX_H
#define VB_EXPORT_MUX_H

#include "base/error.h"
#include "vblip_export.h"

// See vblip_mux; messages about the recording do not name it.
VB_CHECKED vblip_status vb_mux(const char *out, const char *path, const vblip_cue *cues,
                               uint32_t count, const vblip_mux_options *options,
                               uint32_t *left_out, vblip_error *err);

#endif // VB_EXPORT_MUX_H
