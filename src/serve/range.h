// range.h - the part of a file that a player asks for (RFC 9110, 14).
#ifndef VB_SERVE_RANGE_H
#define VB_SERVE_RANGE_H

#include <stdint.h>

typedef enum vb_range_kind {
    VB_RANGE_WHOLE,  // none is asked for, or what is no range, or several
    VB_RANGE_PART,   // `count` bytes from `first`
    VB_RANGE_BEYOND, // it begins behind the end
} vb_range_kind;

typedef struct vb_range {
    vb_range_kind kind;
    uint64_t first, count;
} vb_range;

// `header` is the value of Range, NULL without one; `size` is that of the file.
vb_range vb_range_read(const char *header, uint64_t size);

#endif // VB_SERVE_RANGE_H
