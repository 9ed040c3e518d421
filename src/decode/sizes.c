#include "decode/sizes.h"

// Of groups of 250 frames of H.264 with cuts within, 49 of 50 have a packet so many tenths
// as large as the largest around it; of those without, one of six.
enum { STANDS_OUT = 17, RING = 2 * VB_SIZES_AROUND + 1 };

bool vb_sizes_add(vb_sizes *sizes, uint32_t bytes)
{
    sizes->last[sizes->count % RING] = bytes;
    sizes->count++;
    if (sizes->count <= VB_SIZES_AROUND)
        return false;
    const uint64_t at = (sizes->count - 1 - VB_SIZES_AROUND) % RING;
    uint64_t largest = 0;
    for (uint64_t i = 0; i < RING; i++)
        if (i != at && sizes->last[i] > largest)
            largest = sizes->last[i];
    return largest && UINT64_C(10) * sizes->last[at] >= STANDS_OUT * largest;
}
