// packed.h - weights as products read them, in a file that is kept from one start to the
// next and mapped: a file of this machine alone, which vblip makes whole and never changes.
//
//     offset  bytes
//     0       8      "vblipPKW"
//     8       8      version, 1; in the machine's own order, as all numbers here
//     16      8      key: what the weights, and all that shapes them, hash to
//     24      8      bytes of the file
//     32      8      matrices
//     40      8      XXH3 over what is before this and all of the list
//     48      56 * matrices, the list: vb_packed_matrix up to `at`
//     ...            the weights of each matrix, at multiples of 4096
#ifndef VB_CPU_PACKED_H
#define VB_CPU_PACKED_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

// One matrix, laid out.
typedef struct vb_packed_matrix {
    uint64_t name;             // XXH3 of its tensors' names
    uint64_t layout;           // of what tells how its values lie
    uint64_t checksum;         // of the bytes, as vb_packed_checksum has it
    uint32_t rows, cols, uses; // vb_matrix
    uint32_t type;             // vb_dtype
    uint64_t size, at;         // bytes, and the first of them in the file
    const uint8_t *bytes;      // not in the file
} vb_packed_matrix;

// A file that was mapped. It is unmapped when all who hold it have let go of it.
typedef struct vb_packed vb_packed;

// VBLIP_ERR_IO: there is none, or it cannot be read. VBLIP_ERR_FORMAT: damaged.
// VBLIP_ERR_UNSUPPORTED: whole, and of another key. The weights themselves are not looked
// at: their checksums are for whoever takes them.
VB_CHECKED vblip_status vb_packed_open(vb_packed **out, const char *path, uint64_t key,
                                       vblip_error *err);
vb_packed *vb_packed_hold(vb_packed *file);
void vb_packed_release(vb_packed **file);

// The matrix that is as `wanted` is but for `checksum`, `at` and `bytes`; NULL when there is
// none. It is there while the file is held.
const vb_packed_matrix *vb_packed_find(const vb_packed *file,
                                       const vb_packed_matrix *wanted);

// Writes, or replaces, the file whole. `at` of the list is set.
VB_CHECKED vblip_status vb_packed_write(const char *path, uint64_t key,
                                        vb_packed_matrix *list, size_t count,
                                        vblip_error *err);

#endif // VB_CPU_PACKED_H
