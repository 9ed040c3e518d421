// verify.h - holds the tensors of a file against the schema.
#ifndef VB_CHECKPOINT_VERIFY_H
#define VB_CHECKPOINT_VERIFY_H

#include "checkpoint/layout.h"
#include "checkpoint/weight_files.h"

typedef struct vb_verdict {
    uint32_t whole;                // tasks of the layout whose tensors are all right
    const char *dtype;             // of the weights in use: "F32", ..., "mixed"
    uint64_t parameters;           // elements of the weights in use
    const char *const *missing;    // NULL-terminated, as the files would call them
    const char *const *unexpected; // NULL-terminated; what training leaves is not
} vb_verdict;

// Checks every tensor that a task of `layout` needs; lists and names are in `arena`. A
// tensor of a `wanted` task that is missing (unless `list_missing`), misshapen or of a type
// that is no weight's is VBLIP_ERR_FORMAT, the first of them named after its file.
VB_CHECKED vblip_status vb_verify(vb_verdict *out, vb_arena *arena,
                                  const vb_weight_files *weights,
                                  const vb_layout *layout, uint32_t wanted,
                                  bool list_missing, vblip_error *err);

#endif // VB_CHECKPOINT_VERIFY_H
