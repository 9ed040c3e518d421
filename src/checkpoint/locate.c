#include "checkpoint/locate.h"

#include "base/path.h"
#include "checkpoint/hub.h"
#include "checkpoint/weight_files.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

// An adapter changes the weights that it lies beside, or that lie elsewhere.
static vblip_status refuse_adapter(vb_arena *arena, const char *folder,
                                   vblip_error *err)
{
    char *adapter = vb_path_join(arena, folder, "adapter_config.json");
    bool there;
    if (!adapter)
        return vb_fail_memory(err, folder);
    VB_TRY(vb_path_exists(&there, adapter, err));
    if (!there)
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                   "%s: an adapter, which is not applied: merge it with peft, "
                   "model.merge_and_unload().save_pretrained(NEW)",
                   adapter);
}

// Adds FOLDER (or FOLDER/NAME) to the list when it has a config.json.
static vblip_status add_candidate(vb_candidates *out, vb_arena *arena,
                                  const char *folder, uint32_t task, vblip_error *err)
{
    char *config = vb_path_join(arena, folder, "config.json");
    char *copy = vb_arena_string(arena, folder, strlen(folder));
    if (!config || !copy)
        return vb_fail_memory(err, folder);
    bool there;
    VB_TRY(refuse_adapter(arena, folder, err));
    VB_TRY(vb_path_exists(&there, config, err));
    if (!there)
        return VBLIP_OK;
    out->items[out->count++] = (vb_candidate){.path = copy, .task = task};
    return VBLIP_OK;
}

static vblip_status add_members(vb_candidates *out, vb_arena *arena, const char *folder,
                                vblip_error *err)
{
    static const struct {
        const char *name;
        uint32_t task;
    } members[VB_MAX_CANDIDATES] = {
        {"retrieval", VBLIP_TASK_RETRIEVAL | VBLIP_TASK_ITC},
        {"caption", VBLIP_TASK_CAPTION},
        {"vqa", VBLIP_TASK_VQA},
        {"nlvr", VBLIP_TASK_NLVR}};
    for (size_t i = 0; i < VB_MAX_CANDIDATES; i++) {
        char *path = vb_path_join(arena, folder, members[i].name);
        if (!path)
            return vb_fail_memory(err, folder);
        VB_TRY(add_candidate(out, arena, path, members[i].task, err));
    }
    return VBLIP_OK;
}

// Whether FOLDER/NAME is what can be named as a model.
static bool is_model_folder(vb_arena *arena, const char *folder, const char *name)
{
    static const char *const signs[] = {"config.json", "snapshots"};
    char *inner = vb_path_join(arena, folder, name);
    bool there = false;
    for (int i = 0; i < 2 && !there && inner && name[0] != '.'; i++) {
        char *sign = vb_path_join(arena, inner, signs[i]);
        if (!sign || vb_path_exists(&there, sign, NULL) != VBLIP_OK)
            there = false;
    }
    return there;
}

// A folder above checkpoints, as training leaves it, or a cache: names the first of those
// that a user may have meant.
static vblip_status locate_refuse(vb_arena *arena, const char *folder, vblip_error *err)
{
    char first[256] = "";
    int count = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *d; entries && (d = readdir(entries));) {
        if (!is_model_folder(arena, folder, d->d_name))
            continue;
        if (!count++ || strcmp(d->d_name, first) < 0)
            snprintf(first, sizeof first, "%s", d->d_name);
    }
    if (entries)
        closedir(entries);
    if (count)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "%s: no config.json: checkpoints are in %d of its folders: name "
                       "one, %s",
                       folder, count, first);
    return vb_fail(err, VBLIP_ERR_FORMAT,
                   "%s: no config.json, neither here nor in retrieval/, caption/, "
                   "vqa/ or nlvr/",
                   folder);
}

static vblip_status locate_add_folder(vb_candidates *out, vb_arena *arena,
                                      const char *folder, vblip_error *err)
{
    VB_TRY(add_candidate(out, arena, folder, 0, err));
    return out->count ? VBLIP_OK : add_members(out, arena, folder, err);
}

static vblip_status locate_folder(vb_candidates *out, vb_arena *arena,
                                  const char *folder, vblip_error *err)
{
    char *snapshot;
    VB_TRY(locate_add_folder(out, arena, folder, err));
    if (out->count)
        return VBLIP_OK;
    VB_TRY(vb_hub_snapshot(&snapshot, arena, folder, err));
    if (snapshot)
        VB_TRY(locate_add_folder(out, arena, snapshot, err));
    return out->count ? VBLIP_OK
                      : locate_refuse(arena, snapshot ? snapshot : folder, err);
}

static vblip_status locate_file(vb_candidates *out, vb_arena *arena, const char *path,
                                vblip_error *err)
{
    if (!vb_weight_files_reads(path))
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "%s: expected a checkpoint folder, or a .pth, .pt, .bin, .ckpt "
                       "or .safetensors file",
                       path);
    char *copy = vb_arena_string(arena, path, strlen(path));
    if (!copy)
        return vb_fail_memory(err, path);
    out->items[out->count++] = (vb_candidate){.path = copy, .is_file = true};
    return VBLIP_OK;
}

vblip_status vb_locate(vb_candidates *out, vb_arena *arena, const char *path,
                       const char *hub_dir, vblip_error *err)
{
    *out = (vb_candidates){0};
    vb_path_kind kind;
    VB_TRY(vb_path_look_up(&kind, path, err));
    if (kind == VB_PATH_FILE)
        return locate_file(out, arena, path, err);
    char *snapshot = NULL;
    if (kind == VB_PATH_MISSING && vb_hub_is_name(path)) {
        VB_TRY(vb_hub_find(&snapshot, arena, hub_dir, path, err));
        path = snapshot;
    } else if (kind == VB_PATH_MISSING) {
        return vb_fail(err, VBLIP_ERR_IO, "%s: No such file or directory", path);
    }
    vblip_status status = locate_folder(out, arena, path, err);
    if (status != VBLIP_OK)
        *out = (vb_candidates){0};
    return status;
}
