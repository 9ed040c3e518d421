// hash.h - XXH3 in 64 bits: tells contents apart, and withstands no one who forges them.
#ifndef VB_BASE_HASH_H
#define VB_BASE_HASH_H

#include "base/error.h"

#include <stddef.h>

// Of `bytes`; `seed` is any number, such as the hash of what stands before them.
uint64_t vb_hash_bytes(uint64_t seed, const void *bytes, size_t size);

// Of bytes that come one part behind the other: the same as of all of them, with seed 0.
typedef struct XXH3_state_s vb_hash_state;
VB_CHECKED vblip_status vb_hash_begin(vb_hash_state **out, vblip_error *err);
void vb_hash_add(vb_hash_state *state, const void *bytes, size_t size);
uint64_t vb_hash_value(const vb_hash_state *state);
void vb_hash_end(vb_hash_state **state);

// Of what the regular file at `path` holds, which is read whole. `stopped` (NULL = never) is
// asked for each MiB: non-zero is VBLIP_ERR_CANCELLED.
VB_CHECKED vblip_status vb_hash_file(uint64_t *out, const char *path,
                                     int (*stopped)(void *user), void *user,
                                     vblip_error *err);

#endif // VB_BASE_HASH_H
