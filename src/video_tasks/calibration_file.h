// calibration_file.h - calibration.json, as text.
#ifndef VB_VIDEO_TASKS_CALIBRATION_FILE_H
#define VB_VIDEO_TASKS_CALIBRATION_FILE_H

#include "base/text.h"
#include "vblip_lab.h"

// Fills all but `path` from `size` bytes. VBLIP_ERR_FORMAT for what vb_calibration_write
// does not write, VBLIP_ERR_UNSUPPORTED for a newer version; `subject` first.
VB_CHECKED vblip_status vb_calibration_parse(vblip_calibration *out, const char *text,
                                             size_t size, const char *subject,
                                             vblip_error *err);

void vb_calibration_write(vb_string *out, const vblip_calibration *calibration);

#endif // VB_VIDEO_TASKS_CALIBRATION_FILE_H
