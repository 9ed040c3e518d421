// outfile.h - where results go: standard output, a file that appears whole, a device.
#ifndef VB_BASE_OUTFILE_H
#define VB_BASE_OUTFILE_H

#include "base/error.h"

#include <stddef.h>
#include <stdio.h>

// All-zero is closed.
typedef struct vb_outfile {
    FILE *stream;
    char *name;   // for messages
    char *target; // of a regular file: renamed to this at the end
    char *temp;   // what is written until then
    int error;    // errno of the first failure; 0 = none
} vb_outfile;

// `path` NULL, "-" and "/dev/stdout" are standard output. A regular file or a new name is
// written beside itself, with the mode that an old file has; a link is followed, also to a
// file that is not there yet; a device, pipe or other special file is opened and written
// directly.
VB_CHECKED vblip_status vb_outfile_open(vb_outfile *out, const char *path,
                                        vblip_error *err);

// False once anything failed; `error` says why.
bool vb_outfile_write(vb_outfile *out, const void *bytes, size_t size);
bool vb_outfile_flush(vb_outfile *out);

// Back to the first byte; false where the file cannot be sought, which is no failure.
bool vb_outfile_rewind(vb_outfile *out);

// Syncs, closes and renames. When that, or anything before, failed, nothing is left
// behind and the old file stands. A closed one is fine.
VB_CHECKED vblip_status vb_outfile_finish(vb_outfile *out, vblip_error *err);

// Closes; the old file stands.
void vb_outfile_discard(vb_outfile *out);

// Replaces `path` by `bytes`, as above. On failure the old file stands and nothing is left
// behind.
VB_CHECKED vblip_status vb_file_replace(const char *path, const void *bytes,
                                        size_t size, vblip_error *err);

#endif // VB_BASE_OUTFILE_H
