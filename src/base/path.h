// path.h - paths as text, and what is there.
#ifndef VB_BASE_PATH_H
#define VB_BASE_PATH_H

#include "base/arena.h"
#include "base/error.h"
#include "base/list.h"

// FOLDER/NAME; NULL when memory runs out.
char *vb_path_join(vb_arena *arena, const char *folder, const char *name);

// The folder of the file `path`; NULL when memory runs out.
char *vb_path_folder(vb_arena *arena, const char *path);

// The path from the root of the file system to what `path` names, without links.
VB_CHECKED vblip_status vb_path_absolute(const char **out, vb_arena *arena,
                                         const char *path, vblip_error *err);

// As strcmp, in the order of a walk through folders whose names are sorted: '/' comes before
// any other character.
int vb_path_order(const char *left, const char *right);

// `path` as seen from the folder `root`, both absolute: "" for itself; NULL when it does
// not lie in it.
const char *vb_path_below(const char *root, const char *path);

// Shortens `folder` to the one that also holds `path`, both absolute.
void vb_path_widen(char *folder, const char *path);

// Adds the absolute paths that `path` may stand for; nothing need be there. The first is
// as it is written, in the others the links of more and more of its folders are followed,
// in the last all of them and its own.
VB_CHECKED vblip_status vb_path_spellings(vb_list *out, const char *path,
                                          vblip_error *err);

typedef enum vb_path_kind {
    VB_PATH_MISSING,
    VB_PATH_FOLDER,
    VB_PATH_FILE, // anything that is not a folder
} vb_path_kind;

// What `path` is, links followed. A reason other than its absence is VBLIP_ERR_IO.
VB_CHECKED vblip_status vb_path_look_up(vb_path_kind *out, const char *path,
                                        vblip_error *err);

// Whether it is a folder that can be listed and holds nothing.
bool vb_folder_is_empty(const char *path);

// Whether anything is there, likewise.
VB_CHECKED vblip_status vb_path_exists(bool *out, const char *path, vblip_error *err);

#endif // VB_BASE_PATH_H
