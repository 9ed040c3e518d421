#include "terminal/spool.h"

#include "base/text.h"
#include "terminal/interrupt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static vblip_status open_nameless(int *fd, const char *folder, vblip_error *err)
{
    vb_string name = {0};
    vb_string_appendf(&name, "%s/vblip-stdin-XXXXXX", folder);
    *fd = name.failed ? -1 : mkstemp(name.bytes);
    vblip_status status = VBLIP_OK;
    if (*fd < 0)
        status = vb_fail_errno(err, folder, name.failed ? ENOMEM : errno);
    else
        unlink(name.bytes);
    vb_string_free(&name);
    return status;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
    while (size) {
        ssize_t done = write(fd, bytes, size);
        if (done < 0 && errno != EINTR)
            return false;
        if (done > 0) {
            bytes += done;
            size -= (size_t)done;
        }
    }
    return true;
}

static vblip_status copy_stdin(int fd, const char *folder, uint64_t most,
                               vblip_error *err)
{
    char bytes[1 << 14];
    uint64_t size = 0;
    while (!vb_interrupted()) {
        ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
        if (got == 0)
            return VBLIP_OK;
        if (got < 0 && errno != EINTR)
            return vb_fail_errno(err, "standard input", errno);
        if (got > 0 && !write_all(fd, bytes, (size_t)got))
            return vb_fail_errno(err, folder, errno);
        size += got > 0 ? (uint64_t)got : 0;
        if (size > most)
            return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                           "standard input: more than %" PRIu64
                           " MiB; save it to a file and name that",
                           most >> 20);
    }
    return vb_fail(err, VBLIP_ERR_CANCELLED, "interrupted");
}

vblip_status vb_spool_stdin(vb_spool *out, const char *folder, uint64_t most,
                            vblip_error *err)
{
    *out = (vb_spool){0};
    int fd;
    vblip_status status = open_nameless(&fd, folder, err);
    if (status != VBLIP_OK)
        return status;
    status = copy_stdin(fd, folder, most, err);
    if (status != VBLIP_OK) {
        close(fd);
        return status;
    }
    out->fd = fd;
    snprintf(out->path, sizeof out->path, "/proc/self/fd/%d", fd);
    return VBLIP_OK;
}

void vb_spool_close(vb_spool *spool)
{
    if (spool->path[0])
        close(spool->fd);
    *spool = (vb_spool){0};
}
