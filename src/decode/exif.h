// exif.h - which way up a picture was taken.
#ifndef VB_DECODE_EXIF_H
#define VB_DECODE_EXIF_H

#include <stddef.h>
#include <stdint.h>

// The EXIF orientation (1..8) of a JPEG, PNG or WebP file in memory; 1 when it has none
// or what it has is broken.
uint32_t vb_exif_orientation(const uint8_t *file, size_t size);

#endif // VB_DECODE_EXIF_H
