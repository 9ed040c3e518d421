// verify.h - holds the tensors of a file against the schema.
#ifndef VB_BLIP_VERIFY_H
#define VB_BLIP_VERIFY_H

#include "base/arena.h"
#include "blip/survey.h"
#include "blip/weight.h"

typedef struct vb_verdict {
    uint32_t whole;                // tasks of the survey whose tensors are all right
    const char *dtype;             // of the weights in use: "F32", ..., "mixed"
    uint64_t parameters;           // elements of the weights in use
    const char *const *missing;    // NULL-terminated
    const char *const *unexpected; // NULL-terminated; what training leaves is not
} vb_verdict;

// Checks every tensor that a task of `survey` needs; lists and names are in `arena`. A
// tensor of a `wanted` task that is missing (unless `lenient`), misshapen or of a type
// that is no weight's is VBLIP_ERR_FORMAT, the first of them named after `path`.
VB_CHECKED vblip_status vb_verify(vb_verdict *out, vb_arena *arena,
                                  const vb_weight_list *list, const vb_survey *survey,
                                  uint32_t wanted, bool lenient, const char *path,
                                  vblip_error *err);

#endif // VB_BLIP_VERIFY_H
