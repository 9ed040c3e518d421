// library.c - the exported functions about recordings that are searched more than once.
#include "vblip_library.h"

#include "api/objects.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/path.h"
#include "base/text.h"
#include "video_tasks/retrieve.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_FRAMES = 8, STAMP_FACTS = 6, LONGEST_NAME = 40 };

// What vectors depend on.
typedef struct library_stamp {
    char model[17], image_size[12], frames[12], segments[32];
    vb_index_fact facts[STAMP_FACTS];
} library_stamp;

struct vblip_library {
    vblip_model *model;
    const vblip_inputs *inputs;
    vb_arena arena; // every string and list below
    library_stamp stamp;
    vb_segmenting segmenting;
    vblip_library_options options;
    vb_shelf *shelves; // [shelf_count]
    uint32_t shelf_count;
    vb_tokens *tokens; // NULL = none
    vb_place *places;  // [inputs]
    vb_listed *listed; // [listed_count]
    uint32_t listed_count;
    uint64_t unkept; // files of folders whose index could not be made
};

// --------------------------------------------------------------------------- the stamp

static vblip_status take_segment_rule(vb_segmenting *out, const char *text,
                                      vblip_error *err)
{
    static const char *const names[] = {[VB_SEGMENTS_WHOLE] = "whole",
                                        [VB_SEGMENTS_AUTO] = "auto",
                                        [VB_SEGMENTS_SHOTS] = "shots"};
    *out = (vb_segmenting){.rule = VB_SEGMENTS_AUTO};
    for (size_t i = 0; text && i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            out->rule = (vb_segment_rule)i;
            return VBLIP_OK;
        }
    if (!text)
        return VBLIP_OK;
    char *end;
    const double seconds = strtod(text, &end);
    if (end == text || *end || !(seconds >= 0.1 && seconds <= 86400))
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "segment: %.40s, expected auto, whole, shots, or 0.1 to 86400 "
                       "seconds",
                       text);
    *out = (vb_segmenting){VB_SEGMENTS_LENGTH, llround(seconds * 1e6)};
    return VBLIP_OK;
}

static vblip_status make_stamp(vblip_library *l, vblip_error *err)
{
    library_stamp *s = &l->stamp;
    const vblip_model *m = l->model;
    const vb_config *config = vb_model_config(m->model);
    uint64_t hash;
    VB_TRY(vb_checkpoint_vision_hash(&hash, m->checkpoint, err));
    snprintf(s->model, sizeof s->model, "%016" PRIx64, hash);
    snprintf(s->image_size, sizeof s->image_size, "%u",
             (unsigned)config->vision.image_size);
    snprintf(s->frames, sizeof s->frames, "%u", (unsigned)l->options.frames);
    static const char *const rules[] = {"whole", "auto", "shots"};
    if (l->segmenting.rule == VB_SEGMENTS_LENGTH)
        snprintf(s->segments, sizeof s->segments, "%.6f s",
                 (double)l->segmenting.length_us * 1e-6);
    else
        snprintf(s->segments, sizeof s->segments, "%s", rules[l->segmenting.rule]);
    const vb_index_fact facts[STAMP_FACTS] = {
        {"model", s->model},
        {"image size", s->image_size},
        {"frames", s->frames},
        {"segments", s->segments},
        {"precision", vb_precision_name(m->engine->device->weights)},
        {"images", vb_model_ignores_orientation(m->model) ? "as stored" : "as shown"},
    };
    memcpy(s->facts, facts, sizeof facts);
    return VBLIP_OK;
}

// ----------------------------------------------------------------------------- places

static uint64_t stamp_hash(const vblip_library *l, uint64_t seed)
{
    for (size_t i = 0; i < STAMP_FACTS; i++)
        seed = vb_hash_bytes(seed, l->stamp.facts[i].value,
                             strlen(l->stamp.facts[i].value) + 1);
    return seed;
}

// The file in data_dir that is for a root and the stamp: NAME-HASH.index.
static vblip_status default_path(const char **out, vblip_library *l, const char *root,
                                 vblip_error *err)
{
    char name[LONGEST_NAME + 32];
    const char *last = strrchr(root, '/');
    const uint64_t hash = stamp_hash(l, vb_hash_bytes(0, root, strlen(root)));
    last = last && last[1] ? last + 1 : "root";
    snprintf(name, sizeof name, "%.*s-%016" PRIx64 ".index", LONGEST_NAME, last, hash);
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
        .stamp_count = path ? STAMP_FACTS : 0,
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
    shelf->stamp = path ? stamp_hash(l, 0) : 0;
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

// Shortens `root` to the folder that also holds `path`.
static void widen_root(char *root, const char *path)
{
    while (!vb_path_below(root, path)) {
        char *slash = strrchr(root, '/');
        slash[slash == root] = '\0';
    }
}

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
        widen_root(root, path);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        if (!absolute[i])
            continue;
        char *folder = vb_path_folder(&l->arena, absolute[i]);
        if (!folder)
            return vb_fail_memory(err, absolute[i]);
        root = root ? root : folder;
        widen_root(root, folder);
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

// --------------------------------------------------------------------------- the whole

// Visual tokens lie beside the index, or the folder of indexes. A cache that cannot be
// opened is none.
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
    vb_string_free(&folder);
}

static vblip_status open_shelves(vblip_library *l, vblip_error *err)
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
        VB_TRY(make_stamp(l, err));
    if (l->options.index)
        VB_TRY(open_named(l, err));
    else if (l->options.data_dir)
        VB_TRY(open_folders(l, err));
    VB_TRY(open_rest(l, err));
    if ((l->options.index || l->options.data_dir) &&
        l->options.tokens_bytes != UINT64_MAX && !l->options.write)
        open_tokens(l);
    return VBLIP_OK;
}

vblip_status vblip_library_open(vblip_library **out, vblip_model *model,
                                const vblip_inputs *inputs,
                                const vblip_library_options *options, vblip_error *err)
{
    vblip_library_options o;
    vb_segmenting segmenting;
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = NULL;
    VB_TRY(vb_take_options(&o, sizeof o, options, "library", err));
    VB_TRY(vb_need(model != NULL, "model", err));
    VB_TRY(vb_need(inputs != NULL, "inputs", err));
    VB_TRY(vb_check_frames(o.frames, err));
    if (o.index && !*o.index)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "index: an empty path");
    VB_TRY(take_segment_rule(&segmenting, o.segment, err));
    VB_TRY(vb_check_task(model, VBLIP_TASK_ITC, &(vblip_job){.frames = o.frames}, err));
    o.frames = o.frames ? o.frames : DEFAULT_FRAMES;
    vblip_library *l = calloc(1, sizeof *l);
    if (!l)
        return vb_fail_memory(err, "library");
    *l = (vblip_library){
        .model = model, .inputs = inputs, .options = o, .segmenting = segmenting};
    const vblip_status status = open_shelves(l, err);
    if (status != VBLIP_OK)
        vblip_library_close(&l);
    *out = l;
    return status;
}

void vblip_library_close(vblip_library **library)
{
    if (!library || !*library)
        return;
    vblip_library *l = *library;
    for (uint32_t i = 0; i < l->shelf_count; i++) {
        vb_shelf_free(&l->shelves[i]);
        vb_index_close(&l->shelves[i].index);
    }
    vb_tokens_close(&l->tokens);
    vb_arena_free(&l->arena);
    free(l);
    *library = NULL;
}

vblip_status vblip_library_describe(vblip_library *library, vblip_index_info_fn fn,
                                    void *user, vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(library != NULL, "library", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    for (uint32_t i = 0; i < library->shelf_count; i++)
        if (library->shelves[i].root)
            VB_TRY(vb_describe_index(library->shelves[i].index,
                                     vb_index_path(library->shelves[i].index), fn, user,
                                     err));
    return VBLIP_OK;
}

static vb_indexing indexing_of(vblip_library *l, vb_setup *s)
{
    vb_set_up_model(s, l->model);
    s->task.inputs = l->inputs->list.items;
    s->task.input_count = l->inputs->list.count;
    return (vb_indexing){
        .task = &s->task,
        .frames = l->options.frames,
        .segmenting = l->segmenting,
        .retry_failed = l->options.retry_failed,
        .shelves = l->shelves,
        .shelf_count = l->shelf_count,
        .places = l->places,
        .tokens = l->tokens,
        .must_write = l->options.write,
        .listed = l->listed,
        .listed_count = l->listed_count,
    };
}

vblip_status vblip_library_update(vblip_library *library, const vblip_job *job,
                                  vblip_index_changes *changes, vblip_error *err)
{
    vb_setup s;
    vblip_index_changes ignored;
    vb_error_reset(err);
    VB_TRY(vb_need(library != NULL, "library", err));
    const vblip_job *taken = job;
    VB_TRY(vb_take_job(&s.job, &taken, err));
    vb_indexing in = indexing_of(library, &s);
    vb_cache cache = {.ops = &s.ops};
    in.job = taken;
    in.cache = &cache;
    const vblip_status status = vb_indexing_run(&in, changes ? changes : &ignored, err);
    for (uint32_t i = 0; i < library->shelf_count; i++)
        vb_index_live(library->shelves[i].index);
    vb_cache_free(&cache);
    return status;
}

vblip_status vblip_library_retrieve(vblip_library *library, const char *const *queries,
                                    uint32_t count,
                                    const vblip_retrieve_options *options,
                                    vblip_index_changes *changes, vblip_hit_fn fn,
                                    void *user, vblip_error *err)
{
    vb_setup s;
    vblip_retrieve_options o;
    vblip_index_changes ignored;
    vb_error_reset(err);
    VB_TRY(vb_need(library != NULL, "library", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    VB_TRY(vb_take_options(&o, sizeof o, options, "retrieve", err));
    VB_TRY(vb_take_job(&s.job, &o.job, err));
    VB_TRY(vb_check_retrieve(&o, queries, count, err));
    VB_TRY(vb_check_task(library->model,
                         o.rerank == -1 ? VBLIP_TASK_ITC : VBLIP_TASK_RETRIEVAL, o.job,
                         err));
    vb_indexing in = indexing_of(library, &s);
    vblip_index_changes *told = changes ? changes : &ignored;
    const vblip_status status =
        vb_task_search(&in, queries, count, &o, told, fn, user, err);
    told->unkept = library->unkept;
    return status;
}
