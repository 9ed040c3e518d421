// spool.h - standard input as a file that can be read more than once.
#ifndef CLI_SPOOL_H
#define CLI_SPOOL_H

#include "vblip.h"

#include <stddef.h>

// All-zero is none. The file has no name of its own, so that nothing is left behind
// however the program ends.
typedef struct cli_spool {
    int fd;        // valid when path is not empty
    char path[48]; // a name that opens it: /proc/self/fd/N
} cli_spool;

// Copies standard input to a temporary file in `folder`. VBLIP_ERR_CANCELLED when
// interrupted.
vblip_status cli_spool_stdin(cli_spool *out, const char *folder, vblip_error *err);
void cli_spool_close(cli_spool *spool);

#endif // CLI_SPOOL_H
