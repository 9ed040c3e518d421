#include "blip/finite.h"

#include <string.h>

// The bits of the exponent, all set in NaN and infinity only. Comparing bits instead of
// calling isfinite() lets the compiler check eight values at a time.
static const uint32_t exponent = 0x7F800000u;

static bool all_finite(const float *values, uint64_t count)
{
    uint32_t bad = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        bad |= (bits & exponent) == exponent;
    }
    return !bad;
}

vblip_status vb_check_finite(const float *values, uint64_t count, const char *model,
                             const char *what, vblip_error *err)
{
    if (all_finite(values, count))
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                   "%.300s: %s: NaN or infinity: too large for halves, which "
                   "--precision f32 mends, or a damaged checkpoint",
                   model, what);
}
