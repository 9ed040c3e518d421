#include "output/replacing.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// ------------------------------------------------------------------- files that are read

// Fills `info` of a file that a result at `path` would replace.
static bool stat_replaceable(struct stat *info, const char *path)
{
    return strncmp(path, "/dev/", 5) != 0 && strncmp(path, "/proc/", 6) != 0 &&
           stat(path, info) == 0 && S_ISREG(info->st_mode);
}

bool vb_file_is_replaceable(const char *path)
{
    struct stat info;
    return stat_replaceable(&info, path);
}

void vb_read_files_add(vb_read_files *files, const char *path, const char *role)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return;
    if (files->count == files->capacity) {
        size_t capacity = files->capacity ? 2 * files->capacity : 16;
        vb_read_file *items = realloc(files->items, capacity * sizeof *items);
        if (!items) {
            files->failed = true;
            return;
        }
        files->items = items;
        files->capacity = capacity;
    }
    vb_read_file *added = &files->items[files->count++];
    *added = (vb_read_file){.device = info.st_dev, .inode = info.st_ino};
    snprintf(added->role, sizeof added->role, "%s", role);
    files->sorted = false;
}

void vb_read_files_free(vb_read_files *files)
{
    free(files->items);
    *files = (vb_read_files){0};
}

static int compare_files(const void *left, const void *right)
{
    const vb_read_file *a = left, *b = right;
    if (a->device != b->device)
        return a->device < b->device ? -1 : 1;
    return (a->inode > b->inode) - (a->inode < b->inode);
}

// Which of the files `path` would replace; NULL = none.
static const vb_read_file *find_replaced(vb_read_files *files, const char *path)
{
    struct stat info;
    if (!files->count || !stat_replaceable(&info, path))
        return NULL;
    if (!files->sorted)
        qsort(files->items, files->count, sizeof *files->items, compare_files);
    files->sorted = true;
    const vb_read_file wanted = {.device = info.st_dev, .inode = info.st_ino};
    return bsearch(&wanted, files->items, files->count, sizeof *files->items,
                   compare_files);
}

vblip_status vb_read_files_refuse(vb_read_files *files, const char *label,
                                  const char *path, vblip_error *err)
{
    const vb_read_file *file = find_replaced(files, path);
    return file ? vb_fail(err, VBLIP_ERR_ARGUMENT, "%.400s: is %s", label, file->role)
                : VBLIP_OK;
}

// -------------------------------------------------------------------------------- names

static size_t folder_size(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

bool vb_name_key(vb_string *out, const char *path)
{
    const size_t size = folder_size(path);
    struct stat info;
    vb_string folder = {0};
    vb_string_append(&folder, path, size);
    vb_string_puts(&folder, size ? "" : ".");
    const bool found = !folder.failed && stat(folder.bytes, &info) == 0;
    out->failed = out->failed || folder.failed;
    vb_string_free(&folder);
    if (!found)
        return vb_string_puts(out, path);
    return vb_string_appendf(out, "%llu:%llu/%s", (unsigned long long)info.st_dev,
                             (unsigned long long)info.st_ino, path + size);
}

// Replaces the name of a link by what it leads to. False when `path` is no link.
static bool files_follow_link(vb_string *path)
{
    char to[PATH_MAX];
    const ssize_t got = path->failed ? -1 : readlink(path->bytes, to, sizeof to);
    if (got <= 0 || (size_t)got == sizeof to)
        return false;
    path->size = to[0] == '/' ? 0 : folder_size(path->bytes);
    return vb_string_append(path, to, (size_t)got);
}

bool vb_file_key(vb_string *out, const char *path)
{
    enum { MOST_LINKS = 40 };
    struct stat info;
    if (stat(path, &info) == 0) {
        if (!stat_replaceable(&info, path))
            return vb_string_puts(out, path); // a device: nothing is replaced
        return vb_string_appendf(out, "%llu:%llu", (unsigned long long)info.st_dev,
                                 (unsigned long long)info.st_ino);
    }
    vb_string target = {0};
    vb_string_puts(&target, path);
    for (int links = 0; links < MOST_LINKS && files_follow_link(&target); links++)
        continue;
    if (target.failed)
        out->failed = true;
    else
        vb_name_key(out, target.bytes);
    vb_string_free(&target);
    return !out->failed;
}
