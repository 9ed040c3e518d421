// hash.h - FNV-1a in 64 bits: tells contents apart, and withstands no one who forges them.
#ifndef VB_BASE_HASH_H
#define VB_BASE_HASH_H

#include "base/error.h"

#include <stddef.h>

#define VB_HASH_START UINT64_C(0xcbf29ce484222325)

// The hash of what `hash` is of, VB_HASH_START of nothing, and then `bytes`.
uint64_t vb_hash_bytes(uint64_t hash, const void *bytes, size_t size);

// Adds what the file at `path` holds, and its size, so that what comes after it counts
// as another file.
VB_CHECKED vblip_status vb_hash_file(uint64_t *hash, const char *path,
                                     vblip_error *err);

#endif // VB_BASE_HASH_H
