// file.h - whole files in.
#ifndef VB_BASE_FILE_H
#define VB_BASE_FILE_H

#include "base/error.h"

#include <stddef.h>

// A file's bytes, memory-mapped. All-zero is none.
typedef struct vb_mapping {
    const uint8_t *bytes; // never NULL on success, also for an empty file
    size_t size;
} vb_mapping;

VB_CHECKED vblip_status vb_file_map(vb_mapping *out, const char *path,
                                    vblip_error *err);
void vb_file_unmap(vb_mapping *mapping);

// Gives back the memory that reading `size` bytes at `bytes` took. They can still be
// read, from the disk cache again.
void vb_file_release(const vb_mapping *mapping, const void *bytes, size_t size);

// Reads `path` whole into malloc'd, NUL-terminated memory. More than `limit` bytes is
// VBLIP_ERR_FORMAT.
VB_CHECKED vblip_status vb_file_read(char **out, size_t *size, const char *path,
                                     size_t limit, vblip_error *err);

bool vb_file_exists(const char *path);

// Makes `path` and its parents where they do not exist.
VB_CHECKED vblip_status vb_make_folders(const char *path, vblip_error *err);

#endif // VB_BASE_FILE_H
