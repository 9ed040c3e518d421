// safetensors.h - the index of a safetensors file: names, types, shapes, bytes.
#ifndef VB_BLIP_SAFETENSORS_H
#define VB_BLIP_SAFETENSORS_H

#include "base/arena.h"
#include "base/dtype.h"
#include "base/error.h"

#include <stddef.h>

enum { VB_MAX_RANK = 4 };

typedef struct vb_weight {
    const char *name;
    vb_dtype dtype;
    uint32_t rank; // 0 = a scalar
    uint64_t shape[VB_MAX_RANK];
    const uint8_t *data; // into the parsed bytes, any alignment
    size_t size;         // bytes
} vb_weight;

typedef struct vb_safetensors {
    const vb_weight *weights; // sorted by name
    size_t count;
    // The strings of __metadata__, in file order.
    const char *const *metadata_keys, *const *metadata_values;
    size_t metadata_count;
} vb_safetensors;

// Parses `size` bytes at `bytes`, which must outlive `st`; all else is in `arena`. What
// the format forbids, and what no reader should accept (names or keys given twice,
// overlaps, gaps, offsets out of range), is VBLIP_ERR_FORMAT.
VB_CHECKED vblip_status vb_safetensors_parse(vb_safetensors *st, vb_arena *arena,
                                             const uint8_t *bytes, size_t size,
                                             vblip_error *err);

const vb_weight *vb_safetensors_find(const vb_safetensors *st, const char *name);

#endif // VB_BLIP_SAFETENSORS_H
