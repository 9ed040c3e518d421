// index_edit.c - the exported functions that change an index without a model: recordings
// are forgotten, and a disk is somewhere else.
#include "api/library.h"

#include "base/path.h"
#include "video_tasks/job.h"

#include <string.h>

// ------------------------------------------------------------------------- forgetting

// The path in an index, "" for all of it, that `spelling` stands for; NULL where the index
// is about something else.
static const char *path_in_index(const char *root, const char *spelling)
{
    const char *below = vb_path_below(root, spelling);
    return below ? below : vb_path_below(spelling, root) ? "" : NULL;
}

// The first spelling that the index has recordings of, as a path in it; NULL if there is
// none.
static vblip_status find_spelling(const char **out, vb_index *index, const char *root,
                                  const vb_list *spellings, vblip_error *err)
{
    vb_recording found = {0};
    *out = NULL;
    for (uint32_t i = 0; i < spellings->count && !found.id; i++) {
        const char *path = path_in_index(root, spellings->items[i]);
        if (path)
            VB_TRY(vb_index_find_below(&found, index, path, err));
        if (found.id)
            *out = path;
    }
    return VBLIP_OK;
}

// With `write` false only finds out: *removed is 1 then, where there is anything.
static vblip_status remove_spelled(uint64_t *removed, vb_index *index, const char *path,
                                   bool write, vblip_error *err)
{
    vb_arena arena = {0};
    vb_list spellings = {0};
    const char *below = NULL;
    char *root = NULL;
    vblip_status status = vb_path_spellings(&spellings, path, err);
    if (status == VBLIP_OK)
        status = vb_index_root(&root, &arena, index, err);
    if (status == VBLIP_OK)
        status = find_spelling(&below, index, root, &spellings, err);
    *removed = below != NULL;
    if (status == VBLIP_OK && below && write)
        status = vb_index_remove_below(removed, index, below, err);
    vb_list_free(&spellings);
    vb_arena_free(&arena);
    return status;
}

// Of all paths; *any: the index has some of them.
static vblip_status remove_all(bool *any, const vb_index_options *options,
                               const char *const *paths, uint32_t count,
                               uint64_t *removed, vblip_error *err)
{
    vb_index *index;
    *any = false;
    VB_TRY(vb_index_open(&index, options, err));
    vblip_status status = VBLIP_OK;
    for (uint32_t i = 0; i < count && status == VBLIP_OK; i++) {
        status = remove_spelled(&removed[i], index, paths[i], options->write, err);
        *any = *any || removed[i];
    }
    vb_index_close(&index);
    return status;
}

vblip_status vblip_index_remove(const char *index, const char *const *paths,
                                uint32_t count, uint64_t *removed, vblip_error *err)
{
    vb_index_options options = {.path = index};
    bool any;
    vb_error_reset(err);
    VB_TRY(vb_need(index != NULL, "index", err));
    VB_TRY(vb_need(paths != NULL || !count, "paths", err));
    VB_TRY(vb_need(removed != NULL || !count, "removed", err));
    for (uint32_t i = 0; i < count; i++)
        removed[i] = 0;
    for (uint32_t i = 0; i < count; i++)
        VB_TRY(vb_need(paths[i] && *paths[i], "a path", err));
    VB_TRY(remove_all(&any, &options, paths, count, removed, err));
    options.write = options.wait = true;
    return any ? remove_all(&any, &options, paths, count, removed, err) : VBLIP_OK;
}

// --------------------------------------------------------------------- another root

// What becomes of an index; its strings are in the arena.
typedef struct remap_plan {
    const char *old_root, *root; // root: NULL where nothing is to be done
    const char *target;          // its new file; NULL: it keeps its name
} remap_plan;

// `root` with the folder `to` in place of `from`, however that is spelled. NULL where it
// does not lie there, or lies in `to` already.
static vblip_status plan_root(const char **out, vb_arena *arena, const char *root,
                              const vb_list *from, const char *to, vblip_error *err)
{
    const char *below = NULL;
    *out = NULL;
    for (uint32_t i = 0; i < from->count && !below; i++) {
        const bool moved = vb_path_below(from->items[i], to) && vb_path_below(to, root);
        below = moved ? NULL : vb_path_below(from->items[i], root);
    }
    if (!below)
        return VBLIP_OK;
    *out = *below ? vb_path_join(arena, to, below) : to;
    return *out ? VBLIP_OK : vb_fail_memory(err, root);
}

// An index that has its default name gets the one that its new root asks for.
static vblip_status plan_target(remap_plan *plan, vb_arena *arena, vb_index *index,
                                vblip_error *err)
{
    char now[VB_DEFAULT_NAME], then[VB_DEFAULT_NAME];
    const char *path = vb_index_path(index), *slash = strrchr(path, '/');
    vb_stamp stamp;
    bool whole;
    VB_TRY(vb_stamp_read(&stamp, &whole, index, err));
    vb_default_name(now, plan->old_root, &stamp);
    vb_default_name(then, plan->root, &stamp);
    if (!whole || strcmp(slash ? slash + 1 : path, now) != 0)
        return VBLIP_OK;
    const char *folder = vb_path_folder(arena, path);
    plan->target = folder ? vb_path_join(arena, folder, then) : NULL;
    return plan->target ? VBLIP_OK : vb_fail_memory(err, path);
}

static vblip_status plan_remap(remap_plan *plan, vb_arena *arena, vb_index *index,
                               const vb_list *from, const char *to, vblip_error *err)
{
    bool there = false;
    char *root;
    *plan = (remap_plan){0};
    VB_TRY(vb_index_root(&root, arena, index, err));
    plan->old_root = root;
    VB_TRY(plan_root(&plan->root, arena, plan->old_root, from, to, err));
    if (plan->root)
        VB_TRY(plan_target(plan, arena, index, err));
    if (plan->target)
        VB_TRY(vb_path_exists(&there, plan->target, err));
    return there ? vb_fail(err, VBLIP_ERR_IO,
                           "%s: %s has an index already, %s; remove one of the two",
                           vb_index_path(index), plan->root, plan->target)
                 : VBLIP_OK;
}

// The file is renamed first: whoever is killed behind that leaves an index that is found
// by its new root, which is all that a search looks at, and the same call sets it then.
static vblip_status carry_out(const remap_plan *plan, vb_index **index,
                              vb_index_options *options, vblip_error *err)
{
    if (plan->target) {
        VB_TRY(vb_index_move(index, plan->target, false, err));
        options->path = plan->target;
        VB_TRY(vb_index_open(index, options, err));
    }
    return vb_index_set_root(*index, plan->root, err);
}

static vblip_status remap_index(remap_plan *plan, vb_arena *arena, const char *path,
                                const vb_list *from, const char *to, vblip_error *err)
{
    vb_index_options options = {.path = path};
    vb_index *index;
    VB_TRY(vb_index_open(&index, &options, err));
    vblip_status status = plan_remap(plan, arena, index, from, to, err);
    vb_index_close(&index);
    if (status != VBLIP_OK || !plan->root)
        return status;
    options.write = options.wait = true;
    VB_TRY(vb_index_open(&index, &options, err));
    status =
        plan_remap(plan, arena, index, from, to, err); // nobody else changes it now
    if (status == VBLIP_OK && plan->root)
        status = carry_out(plan, &index, &options, err);
    vb_index_close(&index);
    return status;
}

static vblip_status find_remapped(const char **out, vb_arena *arena, const char *to,
                                  vblip_error *err)
{
    vb_path_kind kind;
    VB_TRY(vb_path_look_up(&kind, to, err));
    if (kind != VB_PATH_FOLDER)
        return vb_fail(err, VBLIP_ERR_IO, "%s: no such directory", to);
    return vb_path_absolute(out, arena, to, err);
}

vblip_status vblip_index_remap(const char *index, const char *from, const char *to,
                               vblip_index_remapped_fn fn, void *user, vblip_error *err)
{
    vb_arena arena = {0};
    vb_list spellings = {0};
    remap_plan plan = {0};
    const char *folder;
    vb_error_reset(err);
    VB_TRY(vb_need(index != NULL, "index", err));
    VB_TRY(vb_need(from && *from, "from", err));
    VB_TRY(vb_need(to && *to, "to", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    vblip_status status = find_remapped(&folder, &arena, to, err);
    if (status == VBLIP_OK)
        status = vb_path_spellings(&spellings, from, err);
    if (status == VBLIP_OK)
        status = remap_index(&plan, &arena, index, &spellings, folder, err);
    const vblip_index_remapped told = {
        .path = plan.target ? plan.target : index,
        .root = plan.root,
        .old_path = index,
        .old_root = plan.old_root,
    };
    if (status == VBLIP_OK && plan.root && fn(user, &told))
        status = vb_fail_cancelled(err);
    vb_list_free(&spellings);
    vb_arena_free(&arena);
    return status;
}
