// file.h - files in: whole, or read here and there.
#ifndef VB_BASE_FILE_H
#define VB_BASE_FILE_H

#include "base/error.h"

#include <stddef.h>

// A file open for reading, or bytes in memory that are read like one. All-zero is neither.
// What is looked at is always a copy: a mapping would end the process where another
// program cuts the file short.
typedef struct vb_file {
    size_t size;
    const uint8_t *bytes; // of memory; NULL of a file
    bool open;
    int descriptor;
    int64_t written_ns; // when it was last written to, before it was opened
    uint64_t identity;  // another once the file is replaced or written to; 0 of memory
} vb_file;

VB_CHECKED vblip_status vb_file_open(vb_file *out, const char *path, vblip_error *err);
void vb_file_close(vb_file *file);

// `bytes` must outlive it. There is nothing to close.
vb_file vb_file_in_memory(const void *bytes, size_t size);

// Copies `size` bytes from byte `at`, all within the file. A file that is not as it was
// when it was opened, shorter or written to, is VBLIP_ERR_IO. Messages leave the file's
// name to the caller.
VB_CHECKED vblip_status vb_file_read_at(const vb_file *file, void *out, size_t at,
                                        size_t size, vblip_error *err);

// What a file that begins with these bytes is in place of the one that was meant, and what
// to do: a Git LFS pointer, a page of a web server. NULL for anything else.
const char *vb_file_instead(const void *head, size_t size);

// Reads `path` whole into malloc'd, NUL-terminated memory. More than `limit` bytes is
// VBLIP_ERR_FORMAT, and so is what stands for a file that is not there: vb_file_instead.
VB_CHECKED vblip_status vb_file_read(char **out, size_t *size, const char *path,
                                     size_t limit, vblip_error *err);

// What tells whether a file changed.
typedef struct vb_file_facts {
    bool missing; // there is nothing of that name
    uint64_t size;
    int64_t modified_ns; // since 1970
} vb_file_facts;
// VBLIP_ERR_IO for what is not there, or no regular file.
VB_CHECKED vblip_status vb_file_look(vb_file_facts *out, const char *path,
                                     vblip_error *err);

// Makes `path` and its parents where they do not exist.
VB_CHECKED vblip_status vb_make_folders(const char *path, vblip_error *err);

#endif // VB_BASE_FILE_H
