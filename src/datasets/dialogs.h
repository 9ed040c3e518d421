// dialogs.h - files of dialogs (docs/dialog.md).
#ifndef VB_DATASETS_DIALOGS_H
#define VB_DATASETS_DIALOGS_H

#include "base/arena.h"
#include "base/dialog.h"
#include "base/error.h"

typedef struct vb_dialogs {
    vb_dialog *items; // at least 1
    uint32_t count;
} vb_dialogs;

// Parses `size` bytes: one JSON object, a list of them, or one object a line. Everything
// in `out` lives in `arena`; `subject` names the text in messages.
VB_CHECKED vblip_status vb_dialogs_parse(vb_dialogs *out, vb_arena *arena,
                                         const char *text, size_t size,
                                         const char *subject, vblip_error *err);

#endif // VB_DATASETS_DIALOGS_H
