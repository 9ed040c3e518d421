// declared.h - how large a file should be by what its first bytes say.
#ifndef VB_DECODE_DECLARED_H
#define VB_DECODE_DECLARED_H

#include <stddef.h>
#include <stdint.h>

enum { VB_DECLARED_HEAD = 128 }; // bytes that are enough to tell

// Size in bytes of the AVI, Matroska or WebM file that begins with `head`; 0 when that
// is not known. Less than the real size where more is appended (AVI beyond 1 GiB).
uint64_t vb_declared_size(const uint8_t *head, size_t size);

#endif // VB_DECODE_DECLARED_H
