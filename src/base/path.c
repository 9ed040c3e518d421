#define _XOPEN_SOURCE 700 // realpath
#include "base/path.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

void vb_path_widen(char *folder, const char *path)
{
    while (!vb_path_below(folder, path)) {
        char *slash = strrchr(folder, '/');
        slash[slash == folder] = '\0';
    }
}

// From the root of the file system, without "." and "..": "/films/2024".
static vblip_status write_lexical(vb_string *out, const char *path, vblip_error *err)
{
    char current[PATH_MAX] = "";
    if (!*path || (*path != '/' && !getcwd(current, sizeof current)))
        return vb_fail_errno(err, path, *path ? errno : ENOENT);
    vb_string whole = {0};
    vb_string_appendf(&whole, "%s/%s", current, path);
    vb_string_puts(out, "");
    for (const char *at = whole.bytes; at && *at && !out->failed;) {
        const size_t size = strcspn(at, "/");
        if (size == 2 && strncmp(at, "..", 2) == 0) {
            while (out->size && out->bytes[--out->size] != '/')
                ;
            out->bytes[out->size] = '\0';
        } else if (size && !(size == 1 && *at == '.')) {
            vb_string_putc(out, '/');
            vb_string_append(out, at, size);
        }
        at += size + (at[size] == '/');
    }
    const bool failed = whole.failed || out->failed;
    vb_string_free(&whole);
    return failed ? vb_fail_memory(err, path) : VBLIP_OK;
}

// The first `size` bytes of `path` with their links followed, and the rest, unless that is
// what was added last. Nothing where the first part is not there.
static bool add_spelling(vb_list *out, const char *path, size_t size)
{
    vb_string spelling = {0};
    vb_string_append(&spelling, path, size);
    char *real = spelling.failed ? NULL : realpath(size ? spelling.bytes : "/", NULL);
    bool ok = !spelling.failed;
    if (real) {
        vb_string_clear(&spelling);
        vb_string_puts(&spelling, strcmp(real, "/") == 0 ? "" : real);
        vb_string_puts(&spelling, path + size);
        if (!spelling.size)
            vb_string_puts(&spelling, "/");
        ok = !spelling.failed &&
             ((out->count && strcmp(out->items[out->count - 1], spelling.bytes) == 0) ||
              vb_list_add(out, spelling.bytes, spelling.size));
    }
    free(real);
    vb_string_free(&spelling);
    return ok;
}

vblip_status vb_path_spellings(vb_list *out, const char *path, vblip_error *err)
{
    vb_string lexical = {0};
    vblip_status status = write_lexical(&lexical, path, err);
    for (size_t i = 0; status == VBLIP_OK && i <= lexical.size; i++)
        if ((i == lexical.size || lexical.bytes[i] == '/') &&
            !add_spelling(out, lexical.bytes, i))
            status = vb_fail_memory(err, path);
    vb_string_free(&lexical);
    return status;
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

int vb_path_order(const char *left, const char *right)
{
    while (*left && *left == *right) {
        left++;
        right++;
    }
    const int a = *left == '/' ? 1 : *left ? (unsigned char)*left + 1 : 0;
    const int b = *right == '/' ? 1 : *right ? (unsigned char)*right + 1 : 0;
    return (a > b) - (a < b);
}
