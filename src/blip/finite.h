// finite.h - numbers that cannot be results. Halves overflow at 65504, and a damaged
// checkpoint holds anything: what comes of either is refused, never reported.
#ifndef VB_BLIP_FINITE_H
#define VB_BLIP_FINITE_H

#include "base/error.h"

// VBLIP_ERR_UNSUPPORTED when one of `count` values is NaN or infinite. `model` is the
// path of the checkpoint, `what` the values: "ITM logits".
VB_CHECKED vblip_status vb_check_finite(const float *values, uint64_t count,
                                        const char *model, const char *what,
                                        vblip_error *err);

#endif // VB_BLIP_FINITE_H
