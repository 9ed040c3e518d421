#define _XOPEN_SOURCE 700 // realpath

#include "base/outfile.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_LINKS = 40, MAX_TEMPS = 100 };

// ---------------------------------------------------------------------------- opening

// "folder/.vblip-PID-N.tmp" beside `target`.
static char *temp_name(const char *target, int n)
{
    const char *slash = strrchr(target, '/');
    vb_string name = {0};
    vb_string_append(&name, target, slash ? (size_t)(slash - target) + 1 : 0);
    vb_string_appendf(&name, ".vblip-%ld-%d.tmp", (long)getpid(), n);
    if (name.failed)
        vb_string_free(&name);
    return name.bytes;
}

// Opens a new file beside `out->target`; -1 with errno set on failure.
static int open_temp(vb_outfile *out)
{
    int fd = -1;
    for (int n = 0; n < MAX_TEMPS && fd < 0; n++) {
        free(out->temp);
        out->temp = temp_name(out->target, n);
        if (!out->temp) {
            errno = ENOMEM;
            return -1;
        }
        fd = open(out->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0) {
        free(out->temp);
        out->temp = NULL;
    }
    return fd;
}

static bool is_special(const char *path, const struct stat *info)
{
    return !S_ISREG(info->st_mode) || strncmp(path, "/dev/", 5) == 0 ||
           strncmp(path, "/proc/", 6) == 0;
}

// What the link `path` leads to, which need not exist: one step. NULL with errno set.
static char *follow_link(const char *path)
{
    char to[PATH_MAX];
    const ssize_t size = readlink(path, to, sizeof to);
    if (size < 0 || (size_t)size >= sizeof to) {
        errno = size < 0 ? errno : ENAMETOOLONG;
        return NULL;
    }
    const char *slash = to[0] == '/' ? NULL : strrchr(path, '/');
    vb_string target = {0};
    vb_string_append(&target, path, slash ? (size_t)(slash - path) + 1 : 0);
    vb_string_append(&target, to, (size_t)size);
    if (target.failed)
        vb_string_free(&target);
    errno = ENOMEM;
    return target.bytes;
}

static char *copy_of(const char *path)
{
    char *copy = strdup(path);
    if (!copy)
        errno = ENOMEM;
    return copy;
}

// The file that `path` names, links followed. NULL with errno set.
static char *old_target(const char *path)
{
    char real[PATH_MAX];
    return realpath(path, real) ? copy_of(real) : NULL;
}

// The name to create for a `path` at which nothing is, or a link to nothing. NULL with
// errno set.
static char *new_target(const char *path)
{
    char *target = copy_of(path);
    struct stat info;
    int links = 0;
    while (target && lstat(target, &info) == 0 && S_ISLNK(info.st_mode)) {
        char *next = follow_link(target);
        free(target);
        target = next;
        if (target && ++links > MAX_LINKS) {
            free(target);
            errno = ELOOP;
            return NULL;
        }
    }
    return target;
}

static int open_path(vb_outfile *out, const char *path)
{
    struct stat info;
    bool there = stat(path, &info) == 0;
    if (!there && errno != ENOENT)
        return -1;
    if (there && is_special(path, &info))
        return open(path, O_WRONLY | O_CLOEXEC);
    out->target = there ? old_target(path) : new_target(path);
    if (!out->target)
        return -1;
    if (there && access(out->target, W_OK) != 0)
        return -1; // renaming over it would get round its protection
    int fd = open_temp(out);
    if (there && fd >= 0)
        (void)!fchmod(fd, info.st_mode & 07777);
    return fd;
}

static void outfile_forget(vb_outfile *out)
{
    free(out->name);
    free(out->target);
    free(out->temp);
    *out = (vb_outfile){0};
}

vblip_status vb_outfile_open(vb_outfile *out, const char *path, vblip_error *err)
{
    const bool standard =
        !path || strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0;
    *out = (vb_outfile){.name = strdup(standard ? "standard output" : path)};
    if (!out->name)
        return vb_fail_memory(err, "output");
    if (standard) {
        out->stream = stdout;
        return VBLIP_OK;
    }
    int fd = open_path(out, path);
    int error = errno;
    out->stream = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out->stream)
        return VBLIP_OK;
    if (fd >= 0) {
        error = errno;
        close(fd);
        if (out->temp)
            unlink(out->temp);
    }
    outfile_forget(out);
    return vb_fail_errno(err, path, error);
}

// ---------------------------------------------------------------------------- writing

static void note_error(vb_outfile *out)
{
    if (!out->error)
        out->error = errno ? errno : EIO;
}

bool vb_outfile_write(vb_outfile *out, const void *bytes, size_t size)
{
    if (out->error)
        return false;
    errno = 0;
    if (size && fwrite(bytes, 1, size, out->stream) != size)
        note_error(out);
    return !out->error;
}

bool vb_outfile_flush(vb_outfile *out)
{
    if (out->error)
        return false;
    errno = 0;
    if (fflush(out->stream) != 0)
        note_error(out);
    return !out->error;
}

bool vb_outfile_rewind(vb_outfile *out)
{
    return vb_outfile_flush(out) && fseek(out->stream, 0, SEEK_SET) == 0;
}

// ---------------------------------------------------------------------------- closing

static void close_stream(vb_outfile *out)
{
    errno = 0;
    if (out->stream != stdout && fclose(out->stream) != 0)
        note_error(out);
    out->stream = NULL;
}

vblip_status vb_outfile_finish(vb_outfile *out, vblip_error *err)
{
    if (!out->stream)
        return VBLIP_OK;
    vb_outfile_flush(out);
    errno = 0;
    if (!out->error && out->temp && fsync(fileno(out->stream)) != 0)
        note_error(out);
    close_stream(out);
    errno = 0;
    if (!out->error && out->temp && rename(out->temp, out->target) != 0)
        note_error(out);
    vblip_status status = VBLIP_OK;
    if (out->error) {
        status = vb_fail_errno(err, out->name, out->error);
        if (out->temp)
            unlink(out->temp);
    }
    outfile_forget(out);
    return status;
}

void vb_outfile_discard(vb_outfile *out)
{
    if (out->stream)
        close_stream(out);
    if (out->temp)
        unlink(out->temp);
    outfile_forget(out);
}

vblip_status vb_file_replace(const char *path, const void *bytes, size_t size,
                             vblip_error *err)
{
    vb_outfile out;
    VB_TRY(vb_outfile_open(&out, path, err));
    vb_outfile_write(&out, bytes, size);
    return vb_outfile_finish(&out, err);
}
