// lock.c - who writes an index: a lock on a file beside it, which ends with the process
// however that ends.
#include "index/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_PATIENCE_MS = 5000, LOCK_STEP_MS = 50 };

static vblip_status fail_locked(const char *path, int descriptor, vblip_error *err)
{
    struct flock who = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(descriptor, F_GETLK, &who) != 0 || who.l_type == F_UNLCK)
        return vb_fail(err, VBLIP_ERR_IO, "%s: another vblip writes it", path);
    return vb_fail(err, VBLIP_ERR_IO,
                   "%s: another vblip writes it (process %ld); wait for it, or stop it",
                   path, (long)who.l_pid);
}

static vblip_status lock_descriptor(int descriptor, const char *path, bool patient,
                                    vblip_error *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    for (int waited_ms = 0; fcntl(descriptor, F_SETLK, &lock) != 0;
         waited_ms += LOCK_STEP_MS) {
        if (errno != EACCES && errno != EAGAIN)
            return vb_fail_errno(err, path, errno);
        if (!patient || waited_ms >= LOCK_PATIENCE_MS)
            return fail_locked(path, descriptor, err);
        nanosleep(&(struct timespec){.tv_nsec = LOCK_STEP_MS * 1000000L}, NULL);
    }
    return VBLIP_OK;
}

// A file that whoever had the lock before removed keeps nobody out.
static bool is_removed(int descriptor)
{
    struct stat info;
    return fstat(descriptor, &info) == 0 && info.st_nlink == 0;
}

vblip_status vb_lock_take(int *out, const char *path, bool patient, vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    vb_string name = {0};
    *out = -1;
    vb_string_appendf(&name, "%s.lock", path);
    if (name.failed)
        status = vb_fail_memory(err, path);
    while (status == VBLIP_OK && *out < 0) {
        const int descriptor = open(name.bytes, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        status = descriptor < 0 ? vb_fail_errno(err, path, errno)
                                : lock_descriptor(descriptor, path, patient, err);
        if (status == VBLIP_OK && !is_removed(descriptor))
            *out = descriptor;
        else if (descriptor >= 0)
            close(descriptor);
    }
    vb_string_free(&name);
    return status;
}

vblip_status vb_index_hold(vb_index *index, vblip_error *err)
{
    if (index->in_memory || index->lock >= 0)
        return VBLIP_OK;
    return vb_lock_take(&index->lock, index->path, index->patient, err);
}

void vb_index_release(vb_index *index)
{
    if (index->lock >= 0)
        close(index->lock);
    index->lock = -1;
}
