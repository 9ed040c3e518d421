// clip_names.h - names of files that are cut: of which recording, and from when to when.
#ifndef VB_OUTPUT_CLIP_NAMES_H
#define VB_OUTPUT_CLIP_NAMES_H

#include "base/set.h"
#include "base/text.h"

#include <stdint.h>

typedef struct vb_clip_label {
    const char *folder;    // without '/' at its end
    const char *path;      // of the recording
    const char *extension; // ".mp4"
    int64_t start_us, end_us;
} vb_clip_label;

// Appends FOLDER/film_00m12s-00m18s.mp4, with the hour from the first on, and -2, -3, ...
// where `names`, to which it is added, has that already. False when memory runs out.
bool vb_clip_name(vb_string *out, vb_set *names, const vb_clip_label *label);

#endif // VB_OUTPUT_CLIP_NAMES_H
