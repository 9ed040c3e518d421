// hash.h - XXH3 in 64 bits: tells contents apart, and withstands no one who forges them.
#ifndef VB_BASE_HASH_H
#define VB_BASE_HASH_H

#include "base/error.h"

#include <stddef.h>

// Of `bytes`; `seed` is any number, such as the hash of what stands before them.
uint64_t vb_hash_bytes(uint64_t seed, const void *bytes, size_t size);

// Of what the file at `path` holds, which is read whole.
VB_CHECKED vblip_status vb_hash_file(uint64_t *out, const char *path, vblip_error *err);

#endif // VB_BASE_HASH_H
