// sizes.h - which packets are much larger than those around them in the file: most of such
// a picture refers to no other, as behind a cut where no key frame was put. Pure.
#ifndef VB_DECODE_SIZES_H
#define VB_DECODE_SIZES_H

#include <stdbool.h>
#include <stdint.h>

enum { VB_SIZES_AROUND = 8 }; // packets on either side that one is held against

// All-zero is empty.
typedef struct vb_sizes {
    uint32_t last[2 * VB_SIZES_AROUND + 1]; // a ring
    uint64_t count;
} vb_sizes;

// Adds the next packet, of `bytes`; 0 = not to be compared, a key packet. Says whether the
// one VB_SIZES_AROUND before it stands out.
bool vb_sizes_add(vb_sizes *sizes, uint32_t bytes);

#endif // VB_DECODE_SIZES_H
