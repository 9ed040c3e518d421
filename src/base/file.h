// file.h - files in: whole, mapped, or read here and there.
#ifndef VB_BASE_FILE_H
#define VB_BASE_FILE_H

#include "base/error.h"

#include <stddef.h>

// A file's bytes, memory-mapped, and the file itself, open. All-zero is none.
//
// Where another program cuts a file short, touching the mapping behind the new end ends
// the process. So only what is read right after mapping is read through it; the rest is
// for vb_file_read_at.
typedef struct vb_mapping {
    const uint8_t *bytes; // never NULL on success, also for an empty file
    size_t size;
    int file;           // its descriptor
    int64_t written_ns; // when it was last written to, before it was mapped
} vb_mapping;

VB_CHECKED vblip_status vb_file_map(vb_mapping *out, const char *path,
                                    vblip_error *err);
void vb_file_unmap(vb_mapping *mapping);

// Gives back the memory that reading `size` bytes at `bytes` took. They can still be
// read, from the disk cache again.
void vb_file_release(const vb_mapping *mapping, const void *bytes, size_t size);

// Copies `size` bytes from byte `at` of the file, all within the mapping. A file that is
// not as it was when it was mapped, shorter or written to, is VBLIP_ERR_IO. `path` names
// it in messages.
VB_CHECKED vblip_status vb_file_read_at(const vb_mapping *mapping, void *out, size_t at,
                                        size_t size, const char *path,
                                        vblip_error *err);

// Reads `path` whole into malloc'd, NUL-terminated memory. More than `limit` bytes is
// VBLIP_ERR_FORMAT.
VB_CHECKED vblip_status vb_file_read(char **out, size_t *size, const char *path,
                                     size_t limit, vblip_error *err);

// Makes `path` and its parents where they do not exist.
VB_CHECKED vblip_status vb_make_folders(const char *path, vblip_error *err);

#endif // VB_BASE_FILE_H
