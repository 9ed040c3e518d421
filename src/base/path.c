#define _XOPEN_SOURCE 700 // realpath
#include "base/path.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *vb_path_join(vb_arena *arena, const char *folder, const char *name)
{
    size_t size = strlen(folder), more = strlen(name);
    while (size > 1 && folder[size - 1] == '/')
        size--;
    char *path = vb_arena_alloc(arena, size + more + 2, 1);
    if (!path)
        return NULL;
    memcpy(path, folder, size);
    path[size] = '/';
    memcpy(path + size + 1, name, more);
    return path;
}

char *vb_path_folder(vb_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return vb_arena_string(arena, ".", 1);
    return vb_arena_string(arena, path, slash > path ? (size_t)(slash - path) : 1);
}

vblip_status vb_path_absolute(const char **out, vb_arena *arena, const char *path,
                              vblip_error *err)
{
    char *real = realpath(path, NULL);
    *out = real ? vb_arena_string(arena, real, strlen(real)) : NULL;
    vblip_status status = VBLIP_OK;
    if (!real)
        status = vb_fail_errno(err, path, errno);
    else if (!*out)
        status = vb_fail_memory(err, path);
    free(real);
    return status;
}

const char *vb_path_below(const char *root, const char *path)
{
    const size_t size = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(path, root, size) != 0)
        return NULL;
    if (path[size] == '\0')
        return path + size;
    return path[size] == '/' ? path + size + 1 : NULL;
}

vblip_status vb_path_look_up(vb_path_kind *out, const char *path, vblip_error *err)
{
    struct stat st;
    *out = VB_PATH_MISSING;
    if (stat(path, &st) == 0) {
        *out = S_ISDIR(st.st_mode) ? VB_PATH_FOLDER : VB_PATH_FILE;
        return VBLIP_OK;
    }
    if (errno == ENOENT || errno == ENOTDIR)
        return VBLIP_OK;
    return vb_fail_errno(err, path, errno);
}

bool vb_folder_is_empty(const char *path)
{
    DIR *directory = opendir(path);
    bool empty = directory != NULL;
    const struct dirent *entry;
    while (empty && (entry = readdir(directory)))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (directory)
        closedir(directory);
    return empty;
}

vblip_status vb_path_exists(bool *out, const char *path, vblip_error *err)
{
    vb_path_kind kind;
    vblip_status status = vb_path_look_up(&kind, path, err);
    *out = kind != VB_PATH_MISSING;
    return status;
}
