// outfile.h - where results go: standard output, a file that appears whole, a device.
#ifndef CLI_OUTFILE_H
#define CLI_OUTFILE_H

#include "cli/bytes.h"
#include "vblip.h"

#include <stdio.h>

// All-zero is closed.
typedef struct cli_outfile {
    FILE *stream;
    char *name;   // for messages
    char *target; // of a regular file: renamed to this at the end
    char *temp;   // what is written until then
    int error;    // errno of the first failure; 0 = none
} cli_outfile;

// `path` NULL or "-" is standard output. A regular file or a new name is written beside
// itself; a device, pipe or other special file is opened and written directly.
vblip_status cli_outfile_open(cli_outfile *out, const char *path, vblip_error *err);

// False once anything failed; `error` says why.
bool cli_outfile_write(cli_outfile *out, const char *data, size_t size);
bool cli_outfile_flush(cli_outfile *out);

// Back to the first byte; false where the file cannot be sought, which is no failure.
bool cli_outfile_rewind(cli_outfile *out);

// Syncs, closes and renames. False when that, or anything before, failed; then nothing
// is left behind and the old file stands.
bool cli_outfile_finish(cli_outfile *out, vblip_error *err);

// Closes; the old file stands.
void cli_outfile_discard(cli_outfile *out);

#endif // CLI_OUTFILE_H
