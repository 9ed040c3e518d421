#define _XOPEN_SOURCE 700 // realpath

#include "cli/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static vblip_status fail(vblip_error *err, const char *name, int error)
{
    if (err && err->status == VBLIP_OK) {
        snprintf(err->message, sizeof err->message, "%s: %s", name, strerror(error));
        err->status = VBLIP_ERR_IO;
    }
    return VBLIP_ERR_IO;
}

// "folder/.name.PID.tmp" beside `target`.
static char *temp_name(const char *target)
{
    const char *slash = strrchr(target, '/');
    int folder = slash ? (int)(slash - target) + 1 : 0;
    cli_bytes name = {0};
    cli_bytes_printf(&name, "%.*s.%s.%ld.tmp", folder, target, target + folder,
                     (long)getpid());
    if (name.failed) {
        cli_bytes_free(&name);
        return NULL;
    }
    return name.data;
}

// Opens the file to write for `out->target`; -1 with errno set on failure.
static int open_temp(cli_outfile *out, const struct stat *old)
{
    if (old && access(out->target, W_OK) != 0)
        return -1; // renaming over it would get round its protection
    out->temp = temp_name(out->target);
    if (!out->temp) {
        errno = ENOMEM;
        return -1;
    }
    int fd = open(out->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        free(out->temp);
        out->temp = NULL;
    } else if (old)
        (void)!fchmod(fd, old->st_mode & 07777);
    return fd;
}

static bool is_special(const char *path, const struct stat *info)
{
    return !S_ISREG(info->st_mode) || strncmp(path, "/dev/", 5) == 0 ||
           strncmp(path, "/proc/", 6) == 0;
}

static int open_path(cli_outfile *out, const char *path)
{
    struct stat info;
    bool there = stat(path, &info) == 0;
    if (!there && errno != ENOENT)
        return -1;
    if (there && is_special(path, &info))
        return open(path, O_WRONLY | O_CLOEXEC);
    out->target = there ? realpath(path, NULL) : strdup(path); // links stay links
    if (!out->target)
        return -1;
    return open_temp(out, there ? &info : NULL);
}

static void forget(cli_outfile *out)
{
    free(out->name);
    free(out->target);
    free(out->temp);
    *out = (cli_outfile){0};
}

vblip_status cli_outfile_open(cli_outfile *out, const char *path, vblip_error *err)
{
    *out = (cli_outfile){0};
    if (!path || strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0) {
        out->name = strdup("standard output");
        out->stream = stdout;
        return out->name ? VBLIP_OK : fail(err, "standard output", ENOMEM);
    }
    out->name = strdup(path);
    int fd = out->name ? open_path(out, path) : -1;
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
    fail(err, path, error);
    forget(out);
    return VBLIP_ERR_IO;
}

static void note_error(cli_outfile *out)
{
    if (!out->error)
        out->error = errno ? errno : EIO;
}

bool cli_outfile_write(cli_outfile *out, const char *data, size_t size)
{
    if (out->error)
        return false;
    errno = 0;
    if (size && fwrite(data, 1, size, out->stream) != size)
        note_error(out);
    return !out->error;
}

bool cli_outfile_flush(cli_outfile *out)
{
    if (out->error)
        return false;
    errno = 0;
    if (fflush(out->stream) != 0)
        note_error(out);
    return !out->error;
}

bool cli_outfile_rewind(cli_outfile *out)
{
    return cli_outfile_flush(out) && fseek(out->stream, 0, SEEK_SET) == 0;
}

static void close_stream(cli_outfile *out)
{
    errno = 0;
    if (out->stream != stdout && fclose(out->stream) != 0)
        note_error(out);
    out->stream = NULL;
}

bool cli_outfile_finish(cli_outfile *out, vblip_error *err)
{
    if (!out->stream)
        return true;
    cli_outfile_flush(out);
    errno = 0;
    if (!out->error && out->temp && fsync(fileno(out->stream)) != 0)
        note_error(out);
    close_stream(out);
    errno = 0;
    if (!out->error && out->temp && rename(out->temp, out->target) != 0)
        note_error(out);
    bool ok = !out->error;
    if (!ok) {
        fail(err, out->name, out->error);
        if (out->temp)
            unlink(out->temp);
    }
    forget(out);
    return ok;
}

void cli_outfile_discard(cli_outfile *out)
{
    if (out->stream)
        close_stream(out);
    if (out->temp)
        unlink(out->temp);
    forget(out);
}
