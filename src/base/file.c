// madvise: posix_madvise(POSIX_MADV_DONTNEED) does nothing in glibc.
#define _DEFAULT_SOURCE
#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// Opens a regular file for reading and says how large it is, and more.
static vblip_status open_regular_file(int *fd, struct stat *info, const char *path,
                                      vblip_error *err)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC);
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

vblip_status vb_file_map(vb_mapping *out, const char *path, vblip_error *err)
{
    *out = (vb_mapping){0};
    int fd;
    struct stat info;
    VB_TRY(open_regular_file(&fd, &info, path, err));
    static const uint8_t nothing[1];
    const size_t size = (size_t)info.st_size;
    void *bytes = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    if (bytes == MAP_FAILED) {
        vblip_status status = vb_fail_errno(err, path, errno);
        close(fd);
        return status;
    }
    *out = (vb_mapping){.bytes = bytes ? bytes : nothing,
                        .size = size,
                        .file = fd,
                        .written_ns = written_ns(&info)};
    return VBLIP_OK;
}

void vb_file_unmap(vb_mapping *mapping)
{
    if (mapping->bytes)
        close(mapping->file);
    if (mapping->size)
        munmap((void *)(uintptr_t)mapping->bytes, mapping->size);
    *mapping = (vb_mapping){0};
}

void vb_file_release(const vb_mapping *mapping, const void *bytes, size_t size)
{
    const long page = sysconf(_SC_PAGESIZE);
    if (mapping->size == 0 || size == 0 || page <= 0)
        return;
    // Pages at the ends may be shared with neighbours, which read them again.
    const uintptr_t mask = (uintptr_t)page - 1;
    const uintptr_t first = (uintptr_t)bytes & ~mask;
    const uintptr_t end = ((uintptr_t)bytes + size + mask) & ~mask;
    madvise((void *)first, end - first, MADV_DONTNEED);
}

static vblip_status check_unchanged(const vb_mapping *mapping, const char *path,
                                    vblip_error *err)
{
    struct stat info;
    if (fstat(mapping->file, &info) != 0)
        return vb_fail_errno(err, path, errno);
    if ((size_t)info.st_size != mapping->size)
        return vb_fail(err, VBLIP_ERR_IO, "%s: %lld bytes, but %zu when it was opened",
                       path, (long long)info.st_size, mapping->size);
    if (written_ns(&info) != mapping->written_ns)
        return vb_fail(err, VBLIP_ERR_IO, "%s: written to since it was opened", path);
    return VBLIP_OK;
}

vblip_status vb_file_read_at(const vb_mapping *mapping, void *out, size_t at,
                             size_t size, const char *path, vblip_error *err)
{
    assert(at <= mapping->size && size <= mapping->size - at);
    size_t done = 0;
    while (done < size) {
        const ssize_t n =
            pread(mapping->file, (char *)out + done, size - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return vb_fail_errno(err, path, errno);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    VB_TRY(check_unchanged(mapping, path, err));
    if (done < size)
        return vb_fail(err, VBLIP_ERR_IO, "%s: ends at byte %zu", path, at + done);
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
    if (status != VBLIP_OK) {
        free(text);
        return status;
    }
    text[bytes] = '\0';
    *out = text;
    *size = bytes;
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
