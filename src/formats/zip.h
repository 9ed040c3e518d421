// zip.h - the entries of a zip archive, where they lie.
#ifndef VB_FORMATS_ZIP_H
#define VB_FORMATS_ZIP_H

#include "base/arena.h"
#include "base/file.h"

#include <stddef.h>

typedef struct vb_zip_entry {
    const char *name; // UTF-8 without control characters, never empty
    size_t begin;     // byte of the archive where its local header lies
    size_t at;        // and where its data does, `size` bytes
    size_t size;
    uint32_t crc;    // CRC-32 of the data unpacked, as the directory says
    bool unchecked;  // the archive was written without checksums
    uint32_t method; // how they are compressed; 0 = not
} vb_zip_entry;

// Sorted by name (strcmp), each name once.
typedef struct vb_zip {
    const vb_zip_entry *entries;
    size_t count;
} vb_zip;

// Lists what `file` holds; names and list are in `arena`. ZIP64 is understood. Only the directory and the local headers are read, no
// data: nothing is unpacked, and checksums are for vb_zip_check. What the format forbids, and
// what readers disagree on (names given twice, overlaps, a local header that differs
// from the directory, bytes around the directory that belong to nothing), is
// VBLIP_ERR_FORMAT; encrypted entries are VBLIP_ERR_UNSUPPORTED.
VB_CHECKED vblip_status vb_zip_parse(vb_zip *zip, vb_arena *arena, const vb_file *file,
                                     vblip_error *err);

// NULL when there is none of that name.
const vb_zip_entry *vb_zip_find(const vb_zip *zip, const char *name);

// The CRC-32 of what `crc` is that of (0 of nothing) with `size` bytes behind it.
uint32_t vb_zip_crc(uint32_t crc, const void *bytes, size_t size);

// VBLIP_ERR_FORMAT when `crc`, that of the data of an entry stored as it is, is not what
// the directory says. An archive in which every checksum is 0 has none: torch writes such
// ones after set_crc32_options(False).
VB_CHECKED vblip_status vb_zip_check(const vb_zip_entry *entry, uint32_t crc,
                                     vblip_error *err);

#endif // VB_FORMATS_ZIP_H
