// weight.h - a tensor as it lies in a file, whatever the format of the file.
#ifndef VB_FORMATS_WEIGHT_H
#define VB_FORMATS_WEIGHT_H

#include "base/dtype.h"

#include <stdbool.h>
#include <stddef.h>

enum { VB_MAX_RANK = 4 };

typedef struct vb_weight {
    const char *name;
    vb_dtype dtype;
    uint32_t rank; // 0 = a scalar
    uint64_t shape[VB_MAX_RANK];
    const struct vb_file *file; // that it lies in, row-major and packed
    size_t at;                  // byte of the file where it begins
    size_t size;                // bytes
    bool is_double; // F64 in the file: `dtype` and `size` are what reading makes of it
    bool strided;   // not packed in the file but as `strides`, in elements, say
    uint64_t strides[VB_MAX_RANK];
    const char
        *unreadable; // NULL, or why it cannot be read; all above but `file` is empty
    // The part of an archive that the data lies in, with its checksum; NULL = no archive.
    const struct vb_zip_entry *entry;
} vb_weight;

// Sorted by name (strcmp), each name once.
typedef struct vb_weight_list {
    const vb_weight *weights;
    size_t count;
} vb_weight_list;

// NULL when there is none of that name.
const vb_weight *vb_weight_find(const vb_weight_list *list, const char *name);

#endif // VB_FORMATS_WEIGHT_H
