#include "base/file.h"

#include "base/hash.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Opens a regular file for reading and says how large it is, and more. A pipe is not waited
// for.
static vblip_status open_regular_file(int *fd, struct stat *info, const char *path,
                                      vblip_error *err)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0)
        return vb_fail_errno(err, path, errno);
    vblip_status status = VBLIP_OK;
    if (fstat(*fd, info) != 0)
        status = vb_fail_errno(err, path, errno);
    else if (!S_ISREG(info->st_mode))
        status = vb_fail(err, VBLIP_ERR_IO, "%s: not a regular file", path);
    if (status != VBLIP_OK)
        close(*fd);
    return status;
}

static int64_t written_ns(const struct stat *info)
{
    return (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec;
}

static uint64_t identity_of(const struct stat *info)
{
    const int64_t changed_ns =
        (int64_t)info->st_ctim.tv_sec * 1000000000 + info->st_ctim.tv_nsec;
    const uint64_t facts[] = {(uint64_t)info->st_dev, (uint64_t)info->st_ino,
                              (uint64_t)info->st_size, (uint64_t)written_ns(info),
                              (uint64_t)changed_ns};
    return vb_hash_bytes(0, facts, sizeof facts) | 1;
}

vblip_status vb_file_open(vb_file *out, const char *path, vblip_error *err)
{
    *out = (vb_file){0};
    int fd;
    struct stat info;
    VB_TRY(open_regular_file(&fd, &info, path, err));
    *out = (vb_file){.size = (size_t)info.st_size,
                     .open = true,
                     .descriptor = fd,
                     .written_ns = written_ns(&info),
                     .identity = identity_of(&info)};
    return VBLIP_OK;
}

void vb_file_close(vb_file *file)
{
    if (file->open)
        close(file->descriptor);
    *file = (vb_file){0};
}

vb_file vb_file_in_memory(const void *bytes, size_t size)
{
    static const uint8_t nothing[1];
    return (vb_file){.size = size, .bytes = bytes ? bytes : nothing};
}

static vblip_status check_unchanged(const vb_file *file, vblip_error *err)
{
    struct stat info;
    if (fstat(file->descriptor, &info) != 0)
        return vb_fail_errno(err, NULL, errno);
    if ((size_t)info.st_size != file->size)
        return vb_fail(err, VBLIP_ERR_IO, "%lld bytes, but %zu when it was opened",
                       (long long)info.st_size, file->size);
    if (written_ns(&info) != file->written_ns)
        return vb_fail(err, VBLIP_ERR_IO, "written to since it was opened");
    return VBLIP_OK;
}

vblip_status vb_file_read_at(const vb_file *file, void *out, size_t at, size_t size,
                             vblip_error *err)
{
    assert(at <= file->size && size <= file->size - at);
    if (file->bytes) {
        memcpy(out, file->bytes + at, size);
        return VBLIP_OK;
    }
    size_t done = 0;
    while (done < size) {
        const ssize_t n = pread(file->descriptor, (char *)out + done, size - done,
                                (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vb_fail_errno(err, NULL, errno);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    VB_TRY(check_unchanged(file, err));
    if (done < size)
        return vb_fail(err, VBLIP_ERR_IO, "ends at byte %zu", at + done);
    return VBLIP_OK;
}

static vblip_status read_to_end(int fd, char *bytes, size_t size, const char *path,
                                vblip_error *err)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, bytes + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vb_fail_errno(err, path, errno);
        if (n == 0)
            return vb_fail(err, VBLIP_ERR_IO, "%s: ends after %zu of %zu bytes", path,
                           done, size);
        done += (size_t)n;
    }
    return VBLIP_OK;
}

const char *vb_file_instead(const void *head, size_t size)
{
    static const char page[] = "an HTML page, not the file: download the file itself";
    static const struct {
        const char *bytes, *what;
    } kinds[] = {
        {"version https://git-lfs",
         "a Git LFS pointer, not the file: git lfs pull, or hf download"},
        {"<!DOCTYPE", page},
        {"<!doctype", page},
        {"<html", page},
        {"<?xml", "an XML page, not the file: download the file itself"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const size_t length = strlen(kinds[i].bytes);
        if (size >= length && memcmp(head, kinds[i].bytes, length) == 0)
            return kinds[i].what;
    }
    return NULL;
}

static vblip_status refuse_instead(const char *text, size_t size, const char *path,
                                   vblip_error *err)
{
    const char *what = vb_file_instead(text, size);
    return what ? vb_fail(err, VBLIP_ERR_FORMAT, "%s: %s", path, what) : VBLIP_OK;
}

vblip_status vb_file_read(char **out, size_t *size, const char *path, size_t limit,
                          vblip_error *err)
{
    *out = NULL;
    *size = 0;
    int fd;
    struct stat info;
    VB_TRY(open_regular_file(&fd, &info, path, err));
    const size_t bytes = (size_t)info.st_size;
    vblip_status status = VBLIP_OK;
    char *text = NULL;
    if (bytes > limit)
        status = vb_fail(err, VBLIP_ERR_FORMAT, "%s: %zu bytes, at most %zu expected",
                         path, bytes, limit);
    else if (!(text = malloc(bytes + 1)))
        status = vb_fail_memory(err, path);
    else
        status = read_to_end(fd, text, bytes, path, err);
    close(fd);
    if (status == VBLIP_OK)
        status = refuse_instead(text, bytes, path, err);
    if (status != VBLIP_OK) {
        free(text);
        return status;
    }
    text[bytes] = '\0';
    *out = text;
    *size = bytes;
    return VBLIP_OK;
}

vblip_status vb_file_look(vb_file_facts *out, const char *path, vblip_error *err)
{
    struct stat st;
    *out = (vb_file_facts){0};
    if (stat(path, &st) != 0) {
        out->missing = errno == ENOENT || errno == ENOTDIR;
        return vb_fail_errno(err, path, errno);
    }
    if (!S_ISREG(st.st_mode))
        return vb_fail(err, VBLIP_ERR_IO, "%s: not a regular file", path);
    const int64_t most_s = INT64_MAX / 1000000000 - 1; // in the year 2262
    int64_t seconds = (int64_t)st.st_mtim.tv_sec;
    seconds = seconds > most_s ? most_s : seconds < -most_s ? -most_s : seconds;
    out->size = (uint64_t)st.st_size;
    out->modified_ns = seconds * 1000000000 + (int64_t)st.st_mtim.tv_nsec;
    return VBLIP_OK;
}

vblip_status vb_make_folders(const char *path, vblip_error *err)
{
    char step[PATH_MAX];
    size_t size = strlen(path);
    if (size >= sizeof step)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "%s: path too long", path);
    for (size_t i = 1; i <= size; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(step, path, i);
        step[i] = '\0';
        if (mkdir(step, 0777) != 0 && errno != EEXIST)
            return vb_fail_errno(err, step, errno);
    }
    return VBLIP_OK;
}
