// beside.h - the subtitle file beside each input: its name, and whether it may be written.
#ifndef VB_OUTPUT_BESIDE_H
#define VB_OUTPUT_BESIDE_H

#include "output/replacing.h"

#include <stdbool.h>

// All-zero is none.
typedef struct vb_beside {
    char **names; // by input; NULL for one that is known to have failed
    bool *there;  // by input, with skip_existing: a file has that name
    uint32_t count;
} vb_beside;

typedef struct vb_beside_options {
    const char *standard_input; // the path that stands for it; NULL = none
    const char *extension;      // "srt"
    // Or of each path: clip.captions.mp4 for clip.mp4 where it is ".mp4".
    const char *(*copy_extension)(const char *path);
    bool overwrite;      // files that exist may be replaced
    bool skip_existing;  // they are noted
    vb_read_files *read; // these may not
} vb_beside_options;

// Names a file for each of `count` paths of inputs (NULL: known to have failed): clip.srt
// for clip.mp4, and clip.mkv.srt for a clip.mkv that comes after it; standard output for
// standard input.
//
// Refused with VBLIP_ERR_ARGUMENT: an input that is given twice, a name that a file has
// already, unless `overwrite` or `skip_existing`, and one of a file that is read.
vblip_status vb_beside_plan(vb_beside *out, const char *const *paths, uint32_t count,
                            const vb_beside_options *options, vblip_error *err);
void vb_beside_free(vb_beside *beside);

// Leaves out the inputs of which `keep` is false; those behind move up.
void vb_beside_keep(vb_beside *beside, const bool *keep);

// Whether `path` is called as a copy of a recording is that has subtitles.
#define VB_COPY_MARK ".captions"
bool vb_beside_is_copy(const char *path);

// Whether the extension of `path` is that of a picture, which has no times.
bool vb_beside_is_image(const char *path);

// Refuses `name` when a file has it. Standard output never has.
vblip_status vb_beside_check_free(const char *name, vblip_error *err);

#endif // VB_OUTPUT_BESIDE_H
