// targets.h - the files that a run writes: none replaces another, nor one that is read.
#ifndef VB_OUTPUT_TARGETS_H
#define VB_OUTPUT_TARGETS_H

#include "output/replacing.h"

enum { VB_MOST_TARGETS = 8 };

typedef struct vb_target {
    vb_string path, label; // label: "-o FILE"
} vb_target;

// All-zero is empty.
typedef struct vb_targets {
    vb_target items[VB_MOST_TARGETS];
    uint32_t count;
    bool failed; // memory ran out
} vb_targets;

// `option` is how it was asked for, "-o"; NULL when it was not.
void vb_targets_add(vb_targets *targets, const char *option, const char *path);
void vb_targets_free(vb_targets *targets);

// Refuses two results in one file.
vblip_status vb_targets_check_apart(const vb_targets *targets, vblip_error *err);

// Would any of them replace a file?
bool vb_targets_replace(const vb_targets *targets);

// Refuses a target that would replace one of the files that are read. `media` is a folder
// of videos and images whose names are not known yet, or NULL: a file in it or below
// counts as read unless its extension is one of results.
vblip_status vb_targets_check(const vb_targets *targets, vb_read_files *read,
                              const char *media, vblip_error *err);

#endif // VB_OUTPUT_TARGETS_H
