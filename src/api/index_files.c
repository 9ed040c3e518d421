// index_files.c - the exported functions about indexes, which need no model.
#include "vblip_library.h"

#include "api/objects.h"
#include "base/list.h"
#include "base/path.h"
#include "index/index.h"
#include "video_tasks/job.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static vblip_status open_any(vb_index **out, const char *path, vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(path != NULL, "path", err));
    return vb_index_open(out, &(vb_index_options){.path = path}, err);
}

vblip_status vb_index_root(char **out, vb_arena *arena, vb_index *index,
                           vblip_error *err)
{
    const char *root;
    VB_TRY(vb_index_fact_named(&root, index, "root", err));
    if (!root || root[0] != '/')
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: damaged: it has no root",
                       vb_index_path(index));
    *out = vb_arena_string(arena, root, strlen(root));
    return *out ? VBLIP_OK : vb_fail_memory(err, vb_index_path(index));
}

vblip_status vb_describe_index(vb_index *index, const char *path,
                               vblip_index_info_fn fn, void *user, vblip_error *err)
{
    vb_index_totals totals;
    vblip_index_info info = {.path = path};
    VB_TRY(vb_index_count(&totals, index, err));
    VB_TRY(vb_index_fact_named(&info.root, index, "root", err));
    info.recordings = totals.recordings;
    info.failed = totals.failed;
    info.segments = totals.segments;
    info.bytes = totals.bytes;
    return fn(user, &info) ? vb_fail_cancelled(err) : VBLIP_OK;
}

vblip_status vblip_index_describe(const char *path, vblip_index_info_fn fn, void *user,
                                  vblip_error *err)
{
    vb_index *index;
    VB_TRY(open_any(&index, path, err));
    vblip_status status = vb_need(fn != NULL, "fn", err);
    if (status == VBLIP_OK)
        status = vb_describe_index(index, path, fn, user, err);
    vb_index_close(&index);
    return status;
}

typedef struct index_listing {
    vblip_index_recording_fn fn;
    void *user;
} index_listing;

static vblip_status list_recording(void *user, const vb_recording *recording,
                                   vblip_error *err)
{
    const index_listing *listing = user;
    const vblip_index_recording told = {
        .path = recording->path, .size = recording->size, .error = recording->error};
    return listing->fn(listing->user, &told) ? vb_fail_cancelled(err) : VBLIP_OK;
}

vblip_status vblip_index_list(const char *path, vblip_index_recording_fn fn, void *user,
                              vblip_error *err)
{
    index_listing listing = {fn, user};
    vb_index *index;
    VB_TRY(open_any(&index, path, err));
    vblip_status status = vb_need(fn != NULL, "fn", err);
    if (status == VBLIP_OK)
        status = vb_index_each(index, list_recording, &listing, err);
    vb_index_close(&index);
    return status;
}

vblip_status vblip_index_verify(const char *path, vblip_error *err)
{
    vb_index *index;
    VB_TRY(open_any(&index, path, err));
    const vblip_status status = vb_index_verify(index, err);
    vb_index_close(&index);
    return status;
}

// -------------------------------------------------------------------------- folders of them

static bool is_index_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return name[0] != '.' && dot && strcmp(dot, ".index") == 0;
}

static int by_name_of_index(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

// The paths of all indexes in a folder, sorted.
static vblip_status list_indexes(vb_list *out, vb_arena *arena, const char *folder,
                                 vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    DIR *directory = opendir(folder);
    if (!directory) // nothing was ever indexed
        return errno == ENOENT ? VBLIP_OK : vb_fail_errno(err, folder, errno);
    const struct dirent *entry;
    while (status == VBLIP_OK && (entry = readdir(directory))) {
        const char *path = is_index_name(entry->d_name)
                               ? vb_path_join(arena, folder, entry->d_name)
                               : "";
        if (!path || (*path && !vb_list_add(out, path, strlen(path))))
            status = vb_fail_memory(err, folder);
    }
    closedir(directory);
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, by_name_of_index);
    return status;
}

// Whether the index is about `path`. One that cannot be opened may be.
static bool is_about(const char *index_path, const char *path)
{
    vb_index *index;
    const char *root = NULL;
    vblip_error ignored = {0};
    if (!path || open_any(&index, index_path, &ignored) != VBLIP_OK)
        return true;
    if (vb_index_fact_named(&root, index, "root", &ignored) != VBLIP_OK)
        root = NULL;
    const bool about = !root || vb_path_below(root, path) || vb_path_below(path, root);
    vb_index_close(&index);
    return about;
}

static vblip_status each_index(vb_arena *arena, vb_list *list, const char *data_dir,
                               const char *path, vblip_index_path_fn fn, void *user,
                               vblip_error *err)
{
    const char *absolute = NULL;
    if (path)
        VB_TRY(vb_path_absolute(&absolute, arena, path, err));
    VB_TRY(list_indexes(list, arena, data_dir, err));
    for (uint32_t i = 0; i < list->count; i++)
        if (is_about(list->items[i], absolute) && fn(user, list->items[i]))
            return vb_fail_cancelled(err);
    return VBLIP_OK;
}

vblip_status vblip_index_each(const char *data_dir, const char *path,
                              vblip_index_path_fn fn, void *user, vblip_error *err)
{
    vb_arena arena = {0};
    vb_list list = {0};
    vb_error_reset(err);
    VB_TRY(vb_need(data_dir != NULL, "data_dir", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    const vblip_status status =
        each_index(&arena, &list, data_dir, path, fn, user, err);
    vb_list_free(&list);
    vb_arena_free(&arena);
    return status;
}
