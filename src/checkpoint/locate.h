// locate.h - from what a user calls a model to the folders or the file that hold it.
#ifndef VB_CHECKPOINT_LOCATE_H
#define VB_CHECKPOINT_LOCATE_H

#include "base/arena.h"
#include "base/error.h"

#include <stddef.h>

enum { VB_MAX_CANDIDATES = 4 };

typedef struct vb_candidate {
    const char *path; // a folder with a config.json, or a file of weights
    bool is_file;
    uint32_t
        task; // that a member of a model set is named after; 0 = a checkpoint by itself
} vb_candidate;

typedef struct vb_candidates {
    vb_candidate items[VB_MAX_CANDIDATES];
    size_t count;
} vb_candidates;

// A checkpoint folder, a model set (subfolders retrieval, caption, vqa, nlvr), the hub
// name of either or its folder in a cache, or a file that vb_weight_files_open_file takes.
VB_CHECKED vblip_status vb_locate(vb_candidates *out, vb_arena *arena, const char *path,
                                  const char *hub_dir, vblip_error *err);

#endif // VB_CHECKPOINT_LOCATE_H
