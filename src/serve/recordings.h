// recordings.h - the files that an index holds, by the names that a page knows them under.
//
// A recording is named by a hash of its path in the index: only what is in the index can be
// asked for, and a name stays the same while the file stays where it is.
#ifndef VB_SERVE_RECORDINGS_H
#define VB_SERVE_RECORDINGS_H

#include "base/error.h"
#include "base/text.h"

enum { VB_RECORDING_ID = 17 }; // 16 digits and NUL

// Safe for several threads.
typedef struct vb_recordings vb_recordings;

VB_CHECKED vblip_status vb_recordings_open(vb_recordings **out, vblip_error *err);
void vb_recordings_close(vb_recordings **recordings);

// Reads what the index at `index` holds now, whose paths are relative to `root`.
VB_CHECKED vblip_status vb_recordings_read(vb_recordings *recordings, const char *index,
                                           const char *root, vblip_error *err);

void vb_recording_id(char out[VB_RECORDING_ID], const char *path);

// Appends the path of the file that `id` names. False where there is none.
bool vb_recordings_path(vb_recordings *recordings, vb_string *out, const char *id);

// What `path`, of a file in the root, is in the index: a part of it.
const char *vb_recordings_below(vb_recordings *recordings, const char *path);

// Appends {"total": n, "recordings": [...]} of `limit` from `offset` on, by path.
void vb_recordings_list(vb_recordings *recordings, vb_string *out, uint32_t offset,
                        uint32_t limit);

#endif // VB_SERVE_RECORDINGS_H
