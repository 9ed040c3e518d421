// media.h - what those who play or edit a recording want to know of it.
#ifndef VB_EXPORT_MEDIA_H
#define VB_EXPORT_MEDIA_H

#include "base/error.h"

#include "vblip_export.h"

// Lists the packets of `path`, as vb_video_open does; nothing is decoded.
VB_CHECKED vblip_status vb_media_look(vblip_media *out, const char *path,
                                      vblip_error *err);

#endif // VB_EXPORT_MEDIA_H
