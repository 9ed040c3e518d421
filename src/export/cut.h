// cut.h - moments of recordings, cut into a file: copied from key frames, or exact.
#ifndef VB_EXPORT_CUT_H
#define VB_EXPORT_CUT_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

// A file that moments are written to, one after another.
typedef struct vb_cut vb_cut;

typedef struct vb_cut_plan {
    bool exact;                 // the picture is encoded anew, from the frame asked for
    int (*stopped)(void *user); // asked for each packet; may be NULL
    void *stopped_user;
} vb_cut_plan;

// What a moment came to.
typedef struct vb_cut_done {
    int64_t start_us, end_us; // of the recording, from its first frame
    uint32_t left_out;        // tracks that the container does not take
} vb_cut_done;

// `path` names the container by its extension: vb_muxer_open. Nothing is there, or what was
// there stands, until vb_cut_finish.
VB_CHECKED vblip_status vb_cut_open(vb_cut **out, const char *path,
                                    const vb_cut_plan *plan, vblip_error *err);

// Adds what is shown of `path` from `start_us` to `end_us`. A copy begins at the key frame
// before, and its picture must be as that of the first moment.
VB_CHECKED vblip_status vb_cut_add(vb_cut *cut, const char *path, int64_t start_us,
                                   int64_t end_us, vb_cut_done *done, vblip_error *err);

// Puts the file in its place and frees `cut`.
VB_CHECKED vblip_status vb_cut_finish(vb_cut **cut, vblip_error *err);

// Frees `cut` and leaves nothing behind.
void vb_cut_discard(vb_cut **cut);

#endif // VB_EXPORT_CUT_H
