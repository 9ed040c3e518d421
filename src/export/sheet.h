// sheet.h - pictures of hits in a grid, with rank, P(match), time and name: a PNG.
#ifndef VB_EXPORT_SHEET_H
#define VB_EXPORT_SHEET_H

#include "base/error.h"
#include "vblip_export.h"

enum { VB_MOST_TILES = 400 };

// Writes the sheet to `path`, which appears whole. A tile that cannot be read is reported
// to options->failed, and its place is empty.
VB_CHECKED vblip_status vb_sheet_write(const char *path, const vblip_tile *tiles,
                                       uint32_t count,
                                       const vblip_sheet_options *options,
                                       vblip_error *err);

#endif // VB_EXPORT_SHEET_H
