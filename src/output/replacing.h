// replacing.h - which file a result would replace, whatever it is called, and which files
// none may.
#ifndef VB_OUTPUT_REPLACING_H
#define VB_OUTPUT_REPLACING_H

#include "base/text.h"

#include <sys/types.h>

enum { VB_READ_ROLE = 48 };

// Files that a run reads: what a result must not replace.
typedef struct vb_read_file {
    dev_t device;
    ino_t inode;
    char role[VB_READ_ROLE]; // what it is: "an input", "read as --vocab"
} vb_read_file;

// All-zero is empty.
typedef struct vb_read_files {
    vb_read_file *items;
    size_t count, capacity;
    bool sorted;
    bool failed; // memory ran out
} vb_read_files;

// Adds the file at `path`. One that is not there, or is no regular file, cannot be
// replaced and is left out.
void vb_read_files_add(vb_read_files *files, const char *path, const char *role);
void vb_read_files_free(vb_read_files *files);

// Is there a file that a result at `path` would replace? A device, a pipe and a folder
// are none.
bool vb_file_is_replaceable(const char *path);

// Refuses `path`, called `label` ("-o FILE"), if it would replace one of the files.
vblip_status vb_read_files_refuse(vb_read_files *files, const char *label,
                                  const char *path, vblip_error *err);

// What is written to `path` and `other` ends up in one file exactly when this writes the
// same for both, also where nothing is there yet. False when memory runs out.
bool vb_file_key(vb_string *out, const char *path);

// The name `path`, however its folder is spelled: a link counts for itself.
bool vb_name_key(vb_string *out, const char *path);

#endif // VB_OUTPUT_REPLACING_H
