// spool.h - standard input as a file that can be read more than once.
#ifndef VB_TERMINAL_SPOOL_H
#define VB_TERMINAL_SPOOL_H

#include "vblip.h"

#include <stddef.h>
#include <stdint.h>

// All-zero is none. The file has no name of its own, so that nothing is left behind
// however the program ends.
typedef struct vb_spool {
    int fd;        // valid when path is not empty
    char path[48]; // a name that opens it: /proc/self/fd/N
} vb_spool;

// Copies standard input to a temporary file in `folder`. VBLIP_ERR_CANCELLED when
// interrupted; VBLIP_ERR_UNSUPPORTED when there are more than `most` bytes.
vblip_status vb_spool_stdin(vb_spool *out, const char *folder, uint64_t most,
                            vblip_error *err);
void vb_spool_close(vb_spool *spool);

#endif // VB_TERMINAL_SPOOL_H
