#include "blip/locate.h"

#include "blip/hub.h"
#include "blip/stored.h"

#include <errno.h>
#include <stdio.h>
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

enum kind { NOTHING, FOLDER, FILE_OF_SOME_KIND };

static vblip_status look(enum kind *out, const char *path, vblip_error *err)
{
    struct stat st;
    *out = NOTHING;
    if (stat(path, &st) == 0) {
        *out = S_ISDIR(st.st_mode) ? FOLDER : FILE_OF_SOME_KIND;
        return VBLIP_OK;
    }
    if (errno == ENOENT || errno == ENOTDIR)
        return VBLIP_OK;
    char reason[128];
    if (strerror_r(errno, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "unreadable");
    return vb_fail(err, VBLIP_ERR_IO, "%s: %s", path, reason);
}

vblip_status vb_path_exists(bool *out, const char *path, vblip_error *err)
{
    enum kind kind;
    vblip_status status = look(&kind, path, err);
    *out = kind != NOTHING;
    return status;
}

// Adds FOLDER (or FOLDER/NAME) to the list when it has a config.json.
static vblip_status add(vb_located *out, vb_arena *arena, const char *folder,
                        uint32_t task, vblip_error *err)
{
    char *config = vb_path_join(arena, folder, "config.json");
    char *copy = vb_arena_string(arena, folder, strlen(folder));
    if (!config || !copy)
        return vb_fail_memory(err, folder);
    bool there;
    VB_TRY(vb_path_exists(&there, config, err));
    if (!there)
        return VBLIP_OK;
    out->places[out->count++] = (vb_place){.path = copy, .task = task};
    return VBLIP_OK;
}

static vblip_status add_members(vb_located *out, vb_arena *arena, const char *folder,
                                vblip_error *err)
{
    static const struct {
        const char *name;
        uint32_t task;
    } members[VB_MAX_MEMBERS] = {{"retrieval", VBLIP_TASK_RETRIEVAL},
                                 {"caption", VBLIP_TASK_CAPTION},
                                 {"vqa", VBLIP_TASK_VQA},
                                 {"nlvr", VBLIP_TASK_NLVR}};
    for (size_t i = 0; i < VB_MAX_MEMBERS; i++) {
        char *path = vb_path_join(arena, folder, members[i].name);
        if (!path)
            return vb_fail_memory(err, folder);
        VB_TRY(add(out, arena, path, members[i].task, err));
    }
    return VBLIP_OK;
}

static vblip_status locate_folder(vb_located *out, vb_arena *arena, const char *folder,
                                  vblip_error *err)
{
    VB_TRY(add(out, arena, folder, 0, err));
    if (out->count == 0)
        VB_TRY(add_members(out, arena, folder, err));
    if (out->count == 0)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "%s: no config.json, neither here nor in retrieval/, caption/, "
                       "vqa/ or nlvr/",
                       folder);
    return VBLIP_OK;
}

static vblip_status locate_file(vb_located *out, vb_arena *arena, const char *path,
                                vblip_error *err)
{
    if (!vb_stored_reads(path))
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "%s: expected a checkpoint folder, or a .pth, .pt, .bin or "
                       ".safetensors file",
                       path);
    char *copy = vb_arena_string(arena, path, strlen(path));
    if (!copy)
        return vb_fail_memory(err, path);
    out->places[out->count++] = (vb_place){.path = copy, .is_file = true};
    return VBLIP_OK;
}

vblip_status vb_locate(vb_located *out, vb_arena *arena, const char *path,
                       const char *hub_dir, vblip_error *err)
{
    *out = (vb_located){0};
    enum kind kind;
    VB_TRY(look(&kind, path, err));
    if (kind == FILE_OF_SOME_KIND)
        return locate_file(out, arena, path, err);
    char *snapshot = NULL;
    if (kind == NOTHING && vb_hub_is_name(path)) {
        VB_TRY(vb_hub_find(&snapshot, arena, hub_dir, path, err));
        path = snapshot;
    } else if (kind == NOTHING) {
        return vb_fail(err, VBLIP_ERR_IO, "%s: No such file or directory", path);
    }
    vblip_status status = locate_folder(out, arena, path, err);
    if (status != VBLIP_OK)
        *out = (vb_located){0};
    return status;
}
