#include "datasets/eval_set.h"

#include "base/file.h"
#include "base/path.h"
#include "base/text.h"
#include "decode/inputs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- names, each once

// One mention of a file.
typedef struct mention {
    const char *name;
    uint32_t place; // among all mentions
    uint32_t first; // place of the first mention of that name
} mention;

static int mentions_by_name(const void *left, const void *right)
{
    const mention *a = left, *b = right;
    const int order = strcmp(a->name, b->name);
    if (order)
        return order;
    return a->place < b->place ? -1 : a->place > b->place;
}

static int mentions_by_place(const void *left, const void *right)
{
    const mention *a = left, *b = right;
    return a->place < b->place ? -1 : a->place > b->place;
}

// Says of each mention where its name came first; in the order of the file again.
static void find_first(mention *mentions, uint32_t count)
{
    qsort(mentions, count, sizeof *mentions, mentions_by_name);
    for (uint32_t i = 0; i < count; i++) {
        const bool again = i && strcmp(mentions[i].name, mentions[i - 1].name) == 0;
        mentions[i].first = again ? mentions[i - 1].first : mentions[i].place;
    }
    qsort(mentions, count, sizeof *mentions, mentions_by_place);
}

static bool is_pair(const vb_eval_set *set)
{
    return set->annotations.items[0].media[1] != NULL;
}

static vblip_status number_inputs(vb_eval_set *set, vblip_error *err)
{
    const uint32_t count = set->annotations.count, each = is_pair(set) ? 2 : 1;
    vb_arena scratch = {0};
    mention *mentions = VB_ARENA_NEW(&scratch, mention, (size_t)count * each);
    uint32_t *numbers = VB_ARENA_NEW(&scratch, uint32_t, (size_t)count * each);
    set->media = vb_arena_alloc(&set->arena, count, sizeof *set->media);
    set->inputs = VB_ARENA_NEW(&set->arena, vblip_input, (size_t)count * each);
    if (!mentions || !numbers || !set->media || !set->inputs) {
        vb_arena_free(&scratch);
        return vb_fail_memory(err, set->name);
    }
    for (uint32_t i = 0; i < count * each; i++)
        mentions[i] = (mention){
            .name = set->annotations.items[i / each].media[i % each],
            .place = i,
        };
    find_first(mentions, count * each);
    for (uint32_t i = 0; i < count * each; i++) {
        if (mentions[i].first == i) {
            numbers[i] = set->input_count;
            set->inputs[set->input_count++].path = mentions[i].name;
        }
        set->media[i / each][i % each] = numbers[mentions[i].first];
    }
    vb_arena_free(&scratch);
    return VBLIP_OK;
}

// Fills `order` and `first`: annotations sorted by their (first) input, else as they are.
//
// A counting sort. While the annotations of input i are counted, `next[i + 1]` holds
// their number; summed up, `next[i]` is where those of input i begin; with each that is
// put into `order` it moves on, so that in the end it is where they end, and the next
// begin: `first[i + 1]`.
static vblip_status group(vb_eval_set *set, vblip_error *err)
{
    const uint32_t count = set->annotations.count;
    set->order = VB_ARENA_NEW(&set->arena, uint32_t, count);
    set->first = VB_ARENA_NEW(&set->arena, uint32_t, (size_t)set->input_count + 2);
    if (!set->order || !set->first)
        return vb_fail_memory(err, set->name);
    uint32_t *next = set->first + 1;
    for (uint32_t i = 0; i < count; i++)
        next[set->media[i][0] + 1]++;
    for (uint32_t i = 0; i < set->input_count; i++)
        next[i + 1] += next[i];
    for (uint32_t i = 0; i < count; i++)
        set->order[next[set->media[i][0]]++] = i;
    return VBLIP_OK;
}

vblip_status vb_eval_set_parse(vb_eval_set *out, const char *text, size_t size,
                               vb_annotation_kind kind, const char *name,
                               vblip_error *err)
{
    *out = (vb_eval_set){0};
    out->name = vb_arena_string(&out->arena, name, strlen(name));
    vblip_status status = out->name
                              ? vb_annotations_parse(&out->annotations, &out->arena,
                                                     text, size, kind, name, err)
                              : vb_fail_memory(err, name);
    if (status == VBLIP_OK)
        status = number_inputs(out, err);
    if (status == VBLIP_OK)
        status = group(out, err);
    if (status != VBLIP_OK)
        vb_eval_set_free(out);
    return status;
}

// ------------------------------------------------------------------------------ files

// Sets `path` to folder/prefix+name+.extension; `extension` may be NULL.
static bool put_path(vb_string *path, const char *folder, const char *prefix,
                     const char *name, const char *extension)
{
    const size_t size = strlen(folder);
    const bool slash = size && folder[size - 1] != '/';
    vb_string_clear(path);
    return vb_string_appendf(path, "%s%s%s%s%s%s", folder, slash ? "/" : "", prefix,
                             name, extension ? "." : "", extension ? extension : "");
}

// Whether anything is at `path`. What cannot be told is taken for a file: opening it says
// why.
static bool may_be_there(const char *path)
{
    bool there;
    return vb_path_exists(&there, path, NULL) != VBLIP_OK || there;
}

// Tries `name` with every extension, after each of `prefixes`. The last try is the name
// as it is. False when memory ran out; `found` says whether a file is there.
static bool try_names(vb_string *path, bool *found, const char *folder,
                      const char *const *prefixes, const char *name)
{
    *found = false;
    for (; *prefixes; prefixes++)
        for (const char *const *extension = vb_media_extensions; *extension;
             extension++) {
            if (!put_path(path, folder, *prefixes, name, *extension))
                return false;
            if ((*found = may_be_there(path->bytes)))
                return true;
        }
    if (!put_path(path, folder, "", name, NULL))
        return false;
    *found = may_be_there(path->bytes);
    return true;
}

static bool find_path(vb_string *path, const char *folder, const char *name,
                      bool is_number)
{
    static const char *const plain[] = {"", NULL};
    static const char *const numbered[] = {"video", "vid", "", NULL};
    const char *const *prefixes = is_number ? numbered : plain;
    bool found;
    if (name[0] == '/')
        folder = "";
    if (!is_number && vb_has_media_extension(name))
        return put_path(path, folder, "", name, NULL);
    if (!try_names(path, &found, folder, prefixes, name))
        return false;
    return found || put_path(path, folder, prefixes[0], name, vb_media_extensions[0]);
}

static bool is_number(const vb_eval_set *set, uint32_t input)
{
    return vb_eval_set_count(set, input) &&
           set->annotations.items[set->order[set->first[input]]].is_number;
}

vblip_status vb_eval_set_locate(vb_eval_set *set, const char *folder, vblip_error *err)
{
    vb_string path = {0};
    bool ok = true;
    for (uint32_t i = 0; ok && i < set->input_count; i++) {
        ok = find_path(&path, folder, set->inputs[i].path, is_number(set, i));
        const char *kept =
            ok ? vb_arena_string(&set->arena, path.bytes, path.size) : NULL;
        ok = kept != NULL;
        if (ok)
            set->inputs[i].path = kept;
    }
    vb_string_free(&path);
    return ok ? VBLIP_OK : vb_fail_memory(err, set->name);
}

vblip_status vb_eval_set_load(vb_eval_set *out, const char *path,
                              vb_annotation_kind kind, const char *folder,
                              vblip_error *err)
{
    *out = (vb_eval_set){0};
    char *text;
    size_t size;
    VB_TRY(vb_file_read(&text, &size, path, SIZE_MAX, err));
    vblip_status status = vb_eval_set_parse(out, text, size, kind, path, err);
    free(text);
    VB_TRY(status);
    if (!folder) {
        const char *slash = strrchr(path, '/');
        folder =
            vb_arena_string(&out->arena, path, slash ? (size_t)(slash - path) + 1 : 0);
    }
    status = folder ? vb_eval_set_locate(out, folder, err) : vb_fail_memory(err, path);
    if (status != VBLIP_OK)
        vb_eval_set_free(out);
    return status;
}

// One annotation for each file of `files`, which lives as long as the set.
static vblip_status annotate(vb_eval_set *set, const vb_inputs *files, vblip_error *err)
{
    vb_annotations *all = &set->annotations;
    all->items = VB_ARENA_NEW(&set->arena, vb_annotation, files->count);
    if (!all->items)
        return vb_fail_memory(err, set->name);
    for (uint32_t i = 0; i < files->count; i++) {
        vb_annotation *a = &all->items[all->count++];
        const char *path = files->items[i].path;
        if (files->items[i].error)
            return vb_fail(err, VBLIP_ERR_IO, "%s: %s", path, files->items[i].error);
        *a = (vb_annotation){.at = i + 1, .is_image = true, .has_id = true};
        a->media[0] = vb_arena_string(&set->arena, path, strlen(path));
        if (!a->media[0])
            return vb_fail_memory(err, set->name);
        if (!vb_number_in_name(&a->id, path))
            return vb_fail(err, VBLIP_ERR_FORMAT, "%s: the name ends in no number",
                           path);
    }
    VB_TRY(number_inputs(set, err));
    return group(set, err);
}

vblip_status vb_eval_set_list(vb_eval_set *out, const char *folder, vblip_error *err)
{
    *out = (vb_eval_set){0};
    vb_inputs files = {0};
    VB_TRY(vb_inputs_expand(&files, &folder, 1, NULL, err));
    out->name = vb_arena_string(&out->arena, folder, strlen(folder));
    vblip_status status =
        out->name ? annotate(out, &files, err) : vb_fail_memory(err, folder);
    vb_inputs_free(&files);
    if (status != VBLIP_OK)
        vb_eval_set_free(out);
    return status;
}

void vb_eval_set_free(vb_eval_set *set)
{
    vb_arena_free(&set->arena);
    *set = (vb_eval_set){0};
}

vblip_status vb_eval_set_check(const vb_eval_set *set, uint32_t unreadable,
                               vblip_error *err)
{
    if (!unreadable)
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_IO,
                   "%s: %" PRIu32 " of %" PRIu32
                   " videos or images could not be read: no metrics",
                   set->name, unreadable, set->input_count);
}
