// verify.h - holds the tensors of a file against the schema.
#ifndef VB_BLIP_VERIFY_H
#define VB_BLIP_VERIFY_H

#include "blip/stored.h"
#include "blip/survey.h"

typedef struct vb_verdict {
    uint32_t whole;                // tasks of the survey whose tensors are all right
    const char *dtype;             // of the weights in use: "F32", ..., "mixed"
    uint64_t parameters;           // elements of the weights in use
    const char *const *missing;    // NULL-terminated, as the files would call them
    const char *const *unexpected; // NULL-terminated; what training leaves is not
} vb_verdict;

// Checks every tensor that a task of `survey` needs; lists and names are in `arena`. A
// tensor of a `wanted` task that is missing (unless `lenient`), misshapen or of a type
// that is no weight's is VBLIP_ERR_FORMAT, the first of them named after its file.
VB_CHECKED vblip_status vb_verify(vb_verdict *out, vb_arena *arena,
                                  const vb_stored *stored, const vb_survey *survey,
                                  uint32_t wanted, bool lenient, vblip_error *err);

#endif // VB_BLIP_VERIFY_H
