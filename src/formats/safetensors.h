// safetensors.h - the index of a safetensors file: names, types, shapes, bytes.
#ifndef VB_FORMATS_SAFETENSORS_H
#define VB_FORMATS_SAFETENSORS_H

#include "base/arena.h"
#include "base/file.h"
#include "formats/weight.h"

typedef struct vb_safetensors {
    vb_weight_list list;
    // The strings of __metadata__, in file order.
    const char *const *metadata_keys, *const *metadata_values;
    size_t metadata_count;
} vb_safetensors;

// Parses the header of `file`, which must outlive `st`; all else is in `arena`. What
// the format forbids, and what no reader should accept (names or keys given twice,
// overlaps, gaps, offsets out of range), is VBLIP_ERR_FORMAT.
VB_CHECKED vblip_status vb_safetensors_parse(vb_safetensors *st, vb_arena *arena,
                                             const vb_file *file, vblip_error *err);

#endif // VB_FORMATS_SAFETENSORS_H
