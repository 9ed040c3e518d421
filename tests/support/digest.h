// digest.h - SHA-256, as the golden files note it.
#ifndef SUPPORT_DIGEST_H
#define SUPPORT_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

// Writes the SHA-256 of `size` bytes as lower-case hex.
void sha256_hex(char out[65], const void *bytes, size_t size);

#endif // SUPPORT_DIGEST_H
