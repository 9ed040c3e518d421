// library_places.c - the indexes of a library, and to which of them each input belongs.
#include "api/library.h"

#include "base/file.h"
#include "base/path.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static vblip_status default_path(const char **out, vblip_library *l, const char *root,
                                 vblip_error *err)
{
    char name[VB_DEFAULT_NAME];
    vb_default_name(name, root, &l->stamp);
    *out = vb_path_join(&l->arena, l->options.data_dir, name);
    return *out ? VBLIP_OK : vb_fail_memory(err, root);
}

static vblip_status folder_path(const char **out, vblip_library *l,
                                const vb_inputs_folder *folder, vblip_error *err)
{
    return vb_path_absolute(out, &l->arena, *folder->path ? folder->path : "/", err);
}

// Opens the index at `path`, NULL = in memory, or finds it among those that are open.
static vblip_status open_shelf(uint32_t *out, vblip_library *l, const char *path,
                               const char *root, vblip_error *err)
{
    const vb_index_options options = {
        .path = path,
        .root = root,
        .dims = vb_model_config(l->model->model)->projection,
        .stamp = l->stamp.facts,
        .stamp_count = path ? VB_STAMP_FACTS : 0,
        .write = true,
        .wait = l->options.write,
        .rebuild = l->options.rebuild,
    };
    for (*out = 0; *out < l->shelf_count; ++*out) {
        const char *other = l->shelves[*out].root;
        if ((!path && !other) || (path && other && strcmp(root, other) == 0))
            return VBLIP_OK;
    }
    vb_shelf *shelf = &l->shelves[l->shelf_count];
    vb_index_options reading = options;
    reading.write = reading.rebuild = false;
    vblip_error busy = {0};
    vblip_status status = vb_index_open(&shelf->index, &options, &busy);
    shelf->may_write = status == VBLIP_OK;
    if (status == VBLIP_ERR_IO && !l->options.write && !l->options.rebuild)
        status = vb_index_open(&shelf->index, &reading, NULL);
    if (status != VBLIP_OK)
        return vb_fail(err, busy.status, "%s", busy.message);
    vb_index_release(shelf->index);
    shelf->root = path ? root : NULL;
    shelf->stamp = path ? vb_stamp_hash(&l->stamp, 0) : 0;
    l->shelf_count++;
    return VBLIP_OK;
}

// The root of the index that a folder is searched in: the nearest folder around it that
// has one, else itself.
static vblip_status root_of_folder(const char **out, vblip_library *l,
                                   const char *folder, vblip_error *err)
{
    char *root = vb_arena_string(&l->arena, folder, strlen(folder));
    *out = folder;
    if (!root)
        return vb_fail_memory(err, folder);
    for (bool there = false; !there;) {
        const char *path;
        VB_TRY(default_path(&path, l, root, err));
        VB_TRY(vb_path_exists(&there, path, err));
        if (there)
            *out = root;
        char *slash = strrchr(root, '/');
        if (there || !slash || strcmp(root, "/") == 0)
            return VBLIP_OK;
        slash[slash == root] = '\0';
    }
    return VBLIP_OK;
}

// Files of a folder whose listing found any: one that is empty may be a disk that is not
// there.
static vblip_status note_listed(vblip_library *l, const vb_inputs_folder *folder,
                                uint32_t shelf, const char *below, vblip_error *err)
{
    const vblip_input *first = &l->inputs->list.items[folder->first];
    if (folder->count == 0 || (folder->count == 1 && first->error))
        return VBLIP_OK;
    vb_string prefix = {0};
    vb_string_appendf(&prefix, "%s%s", below, *below ? "/" : "");
    const char *copy =
        prefix.failed ? NULL : vb_arena_string(&l->arena, prefix.bytes, prefix.size);
    vb_string_free(&prefix);
    if (!copy)
        return vb_fail_memory(err, folder->path);
    l->listed[l->listed_count++] = (vb_listed){.shelf = shelf, .prefix = copy};
    return VBLIP_OK;
}

// Inputs of a folder that lies at `below` in the root of their shelf.
static vblip_status place_folder(vblip_library *l, const vb_inputs_folder *folder,
                                 uint32_t shelf, const char *below, vblip_error *err)
{
    const size_t skip = strlen(folder->path) + 1;
    for (uint32_t i = folder->first; i < folder->first + folder->count; i++) {
        const char *path = l->inputs->list.items[i].path;
        const char *name = strlen(path) > skip ? path + skip : "";
        l->places[i] =
            (vb_place){shelf, *below ? vb_path_join(&l->arena, below, name) : name};
        if (!l->places[i].path)
            return vb_fail_memory(err, path);
    }
    return note_listed(l, folder, shelf, below, err);
}

// The index of a folder. Where none can be made, and none must be, its files go to the one
// in memory.
static vblip_status open_folder(vblip_library *l, const vb_inputs_folder *folder,
                                vblip_error *err)
{
    const char *path, *root, *file;
    uint32_t shelf;
    vblip_error why = {0};
    VB_TRY(folder_path(&path, l, folder, err));
    VB_TRY(root_of_folder(&root, l, path, err));
    if (l->options.rebuild && strcmp(root, path) != 0)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "%s: a part of the index of %s; --rebuild makes that anew",
                       folder->path, root);
    VB_TRY(default_path(&file, l, root, err));
    const vblip_status status = open_shelf(&shelf, l, file, root, &why);
    if (status == VBLIP_ERR_IO && !l->options.write && !l->options.rebuild) {
        l->unkept += folder->count;
        return VBLIP_OK;
    }
    if (status != VBLIP_OK)
        return vb_fail(err, why.status, "%s", why.message);
    return place_folder(l, folder, shelf, vb_path_below(root, path), err);
}

static vblip_status open_folders(vblip_library *l, vblip_error *err)
{
    const vb_inputs *list = &l->inputs->list;
    vblip_error why = {0};
    if (list->folder_count == 0)
        return VBLIP_OK;
    if (vb_make_folders(l->options.data_dir, &why) != VBLIP_OK && l->options.write)
        return vb_fail(err, why.status, "%s", why.message);
    for (uint32_t i = 0; i < list->folder_count; i++)
        VB_TRY(open_folder(l, &list->folders[i], err));
    return VBLIP_OK;
}

// Inputs that no folder has go to an index in memory.
static vblip_status open_rest(vblip_library *l, vblip_error *err)
{
    for (uint32_t i = 0; i < l->inputs->list.count; i++) {
        const char *path = l->inputs->list.items[i].path;
        if (l->places[i].path)
            continue;
        if (l->options.write && !l->options.index && !l->inputs->list.items[i].error)
            return vb_fail(err, VBLIP_ERR_ARGUMENT,
                           "%s: kept in no index; name its directory, or an index for "
                           "it (--index FILE)",
                           path);
        VB_TRY(open_shelf(&l->places[i].shelf, l, NULL, "/", err));
        l->places[i].path = path;
    }
    return VBLIP_OK;
}

// ---------------------------------------------------------------- an index that is named

// The folder that all inputs lie in, in the arena: those that were named, and of files by
// themselves their own.
static vblip_status common_root(const char **out, vblip_library *l,
                                const char *const *absolute, vblip_error *err)
{
    const vb_inputs *list = &l->inputs->list;
    char *root = NULL;
    for (uint32_t i = 0; i < list->folder_count; i++) {
        const char *path;
        VB_TRY(folder_path(&path, l, &list->folders[i], err));
        if (!root && !(root = vb_arena_string(&l->arena, path, strlen(path))))
            return vb_fail_memory(err, path);
        vb_path_widen(root, path);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        if (!absolute[i])
            continue;
        char *folder = vb_path_folder(&l->arena, absolute[i]);
        if (!folder)
            return vb_fail_memory(err, absolute[i]);
        root = root ? root : folder;
        vb_path_widen(root, folder);
    }
    *out = root ? root : "/";
    return VBLIP_OK;
}

// FOLDER/NAME without links in FOLDER: a link to a file is a file of its own.
static vblip_status find_file(const char **out, vblip_library *l, const char *path,
                              vblip_error *err)
{
    const char *slash = strrchr(path, '/'), *absolute;
    const char *folder = vb_path_folder(&l->arena, path);
    if (!folder)
        return vb_fail_memory(err, path);
    VB_TRY(vb_path_absolute(&absolute, &l->arena, folder, err));
    *out = vb_path_join(&l->arena, absolute, slash ? slash + 1 : path);
    return *out ? VBLIP_OK : vb_fail_memory(err, path);
}

// Absolute paths of all inputs; NULL of those that are not there.
static vblip_status find_absolute(const char ***out, vblip_library *l, vblip_error *err)
{
    const vb_inputs *list = &l->inputs->list;
    *out = VB_ARENA_NEW(&l->arena, const char *, (size_t)list->count + 1);
    if (!*out)
        return vb_fail_memory(err, "library");
    for (uint32_t i = 0; i < list->count; i++) {
        bool there = false;
        vblip_error missing = {0};
        if (!list->items[i].error &&
            vb_path_exists(&there, list->items[i].path, &missing) == VBLIP_OK && there)
            VB_TRY(find_file(&(*out)[i], l, list->items[i].path, err));
    }
    for (uint32_t f = 0; f < list->folder_count; f++) {
        const vb_inputs_folder *folder = &list->folders[f];
        const size_t skip = strlen(folder->path) + 1;
        const char *path;
        VB_TRY(folder_path(&path, l, folder, err));
        for (uint32_t i = folder->first; i < folder->first + folder->count; i++)
            if ((*out)[i] && !((*out)[i] = vb_path_join(&l->arena, path,
                                                        list->items[i].path + skip)))
                return vb_fail_memory(err, path);
    }
    return VBLIP_OK;
}

// The root that an index has, in the arena; NULL where there is none yet.
static vblip_status read_root(const char **out, vblip_library *l, vblip_error *err)
{
    const vb_index_options any = {.path = l->options.index};
    vb_index *index;
    const char *root = NULL;
    bool there;
    *out = NULL;
    VB_TRY(vb_path_exists(&there, l->options.index, err));
    if (!there || l->options.rebuild)
        return VBLIP_OK;
    vblip_error none = {0};
    if (vb_index_open(&index, &any, &none) !=
        VBLIP_OK) // opening it for writing says why
        return VBLIP_OK;
    vblip_status status = vb_index_fact_named(&root, index, "root", err);
    if (status == VBLIP_OK && root) {
        *out = vb_arena_string(&l->arena, root, strlen(root));
        status = *out ? VBLIP_OK : vb_fail_memory(err, "library");
    }
    vb_index_close(&index);
    return status;
}

static vblip_status open_named(vblip_library *l, vblip_error *err)
{
    const char **absolute, *root;
    const vb_inputs *list = &l->inputs->list;
    uint32_t shelf;
    VB_TRY(find_absolute(&absolute, l, err));
    VB_TRY(read_root(&root, l, err));
    if (!root)
        VB_TRY(common_root(&root, l, absolute, err));
    VB_TRY(open_shelf(&shelf, l, l->options.index, root, err));
    for (uint32_t i = 0; i < list->count; i++) {
        const char *below = absolute[i] ? vb_path_below(root, absolute[i]) : NULL;
        if (absolute[i] && !below)
            return vb_fail(
                err, VBLIP_ERR_ARGUMENT,
                "%s: not below %s, which the index %s is of; give it an index "
                "of its own",
                list->items[i].path, root, l->options.index);
        if (below) // of what is not there, or no file, nothing is kept
            l->places[i] = (vb_place){shelf, below};
    }
    for (uint32_t i = 0; i < list->folder_count; i++) {
        const char *path;
        VB_TRY(folder_path(&path, l, &list->folders[i], err));
        const char *below = vb_path_below(root, path);
        if (below)
            VB_TRY(note_listed(l, &list->folders[i], shelf, below, err));
    }
    return VBLIP_OK;
}

// ------------------------------------------------------------------------------ as it is

// As a walk through folders comes by them: '/' before any other character.
static int by_walk(const void *left, const void *right)
{
    return vb_path_order(((const vb_place *)left)->path,
                         ((const vb_place *)right)->path);
}

static vblip_status add_recording(void *user, const vb_recording *recording,
                                  vblip_error *err)
{
    vblip_library *l = user;
    const uint32_t at = l->recording_count;
    const char *below =
        vb_arena_string(&l->arena, recording->path, strlen(recording->path));
    if (!below)
        return vb_fail_memory(err, "recordings");
    l->places[at] = (vb_place){.path = below};
    l->recording_count++;
    return VBLIP_OK;
}

// All that the index holds is searched, in one state of it.
static vblip_status list_recordings(vblip_library *l, vblip_error *err)
{
    vb_index *index = l->shelves[0].index;
    vb_index_totals totals;
    VB_TRY(vb_index_snapshot(index, err));
    VB_TRY(vb_index_count(&totals, index, err));
    if (totals.recordings >= UINT32_MAX)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "%s: more than %u recordings",
                       l->options.index, UINT32_MAX - 1);
    l->places = VB_ARENA_NEW(&l->arena, vb_place, (size_t)totals.recordings + 1);
    l->recordings = VB_ARENA_NEW(&l->arena, vblip_input, (size_t)totals.recordings + 1);
    if (!l->places || !l->recordings)
        return vb_fail_memory(err, "recordings");
    VB_TRY(vb_index_each(index, add_recording, l, err));
    vb_index_live(index);
    if (l->recording_count > 1)
        qsort(l->places, l->recording_count, sizeof *l->places, by_walk);
    for (uint32_t i = 0; i < l->recording_count; i++) {
        l->recordings[i].path =
            vb_path_join(&l->arena, l->shelves[0].root, l->places[i].path);
        if (!l->recordings[i].path)
            return vb_fail_memory(err, "recordings");
    }
    return VBLIP_OK;
}

// The segments are those that there are.
static vblip_status take_segments_of(vblip_library *l, vblip_error *err)
{
    const vb_index_options any = {.path = l->options.index};
    vb_index *index;
    vb_stamp own;
    bool whole;
    VB_TRY(vb_index_open(&index, &any, err));
    const vblip_status status = vb_stamp_read(&own, &whole, index, err);
    if (status == VBLIP_OK && !l->options.segment)
        memcpy(l->stamp.values[VB_STAMP_SEGMENTS], own.values[VB_STAMP_SEGMENTS],
               VB_STAMP_VALUE);
    vb_index_close(&index);
    return status;
}

static vblip_status open_as_it_is(vblip_library *l, vblip_error *err)
{
    VB_TRY(take_segments_of(l, err));
    const vb_index_options options = {
        .path = l->options.index,
        .dims = vb_model_config(l->model->model)->projection,
        .stamp = l->stamp.facts,
        .stamp_count = VB_STAMP_FACTS,
    };
    vb_shelf *shelf = &l->shelves[0];
    const char *root = NULL;
    VB_TRY(vb_index_open(&shelf->index, &options, err));
    l->shelf_count = 1;
    l->as_it_is = true;
    VB_TRY(vb_index_fact_named(&root, shelf->index, "root", err));
    shelf->root = vb_arena_string(&l->arena, root ? root : "", root ? strlen(root) : 0);
    if (!shelf->root)
        return vb_fail_memory(err, "library");
    shelf->stamp = vb_stamp_hash(&l->stamp, 0);
    return list_recordings(l, err);
}

// --------------------------------------------------------------------------- the whole

// Visual tokens, and what ITM said, lie beside the index, or the folder of indexes. A cache
// that cannot be opened is none.
static void open_tokens(vblip_library *l)
{
    vb_string folder = {0};
    vblip_error without = {0};
    const vblip_library_options *o = &l->options;
    if (o->index)
        vb_string_appendf(&folder, "%s.tokens", o->index);
    else
        vb_string_appendf(&folder, "%s/tokens", o->data_dir);
    if (folder.failed || vb_tokens_open(&l->tokens, folder.bytes,
                                        o->tokens_bytes ? o->tokens_bytes : UINT64_MAX,
                                        &without) != VBLIP_OK)
        l->tokens = NULL;
    vb_string_puts(&folder, "/matches.sqlite");
    if (!l->tokens || folder.failed ||
        vb_matches_open(&l->matches, folder.bytes, &without) != VBLIP_OK)
        l->matches = NULL;
    vb_string_free(&folder);
}

vblip_status vb_library_place(vblip_library *l, vblip_error *err)
{
    const vb_inputs *list = &l->inputs->list;
    // One for each folder or one that is named, and one in memory.
    l->shelves = VB_ARENA_NEW(&l->arena, vb_shelf, (size_t)list->folder_count + 2);
    l->places = VB_ARENA_NEW(&l->arena, vb_place, (size_t)list->count + 1);
    l->listed = VB_ARENA_NEW(&l->arena, vb_listed, (size_t)list->folder_count + 1);
    if (!l->shelves || !l->places || !l->listed)
        return vb_fail_memory(err, "library");
    // The tensors of the ViT are read for the stamp: not where nothing is kept.
    if (l->options.index || (l->options.data_dir && list->folder_count))
        VB_TRY(
            vb_stamp_make(&l->stamp, l->model, l->options.frames, &l->segmenting, err));
    const bool named = l->options.index != NULL;
    if (named && list->count == 0)
        VB_TRY(open_as_it_is(l, err));
    else if (named)
        VB_TRY(open_named(l, err));
    else if (l->options.data_dir)
        VB_TRY(open_folders(l, err));
    VB_TRY(open_rest(l, err));
    if ((l->options.index || l->options.data_dir) &&
        l->options.tokens_bytes != UINT64_MAX && !l->options.write)
        open_tokens(l);
    return VBLIP_OK;
}
