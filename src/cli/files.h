// files.h - which files are one and the same, whatever they are called.
#ifndef CLI_FILES_H
#define CLI_FILES_H

#include "base/text.h"
#include "cli/options.h"

#include <sys/types.h>

// Files that a run reads: what a result must not replace.
typedef struct cli_read_file {
    dev_t device;
    ino_t inode;
    const char *role;         // "an input"; NULL = what `option` names
    const cli_option *option; // the option that names the file, else NULL
} cli_read_file;

// All-zero is empty.
typedef struct cli_read_files {
    cli_read_file *items;
    size_t count, capacity;
    bool sorted;
    bool failed; // memory ran out
} cli_read_files;

// Adds the file at `path`. One that is not there, or is no regular file, cannot be
// replaced and is left out. Strings are not copied.
void cli_read_files_add(cli_read_files *files, const char *path, const char *role,
                        const cli_option *option);
void cli_read_files_free(cli_read_files *files);

// Is there a file that a result at `path` would replace? A device, a pipe and a folder
// are none.
bool cli_file_is_replaceable(const char *path);

// Refuses a file that an option names to be read, and that cannot be: before a model is
// loaded for it.
vblip_status cli_options_check_readable(const cli_args *args, vblip_error *err);

// Which of the files `path` would replace; NULL = none.
const cli_read_file *cli_read_files_find(cli_read_files *files, const char *path);

// What is written to `path` and `other` ends up in one file exactly when this writes the
// same for both, also where nothing is there yet. False when memory runs out.
bool cli_file_key(vb_string *out, const char *path);

// The name `path`, however its folder is spelled: a link counts for itself.
bool cli_name_key(vb_string *out, const char *path);

#endif // CLI_FILES_H
