#include "formats/shards.h"

#include "formats/json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_NAME = 255 };

typedef struct parser {
    vb_arena *arena;
    const char *ending, *subject;
    vblip_error *err;
} parser;

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_tensor(const void *a, const void *b)
{
    return strcmp(((const vb_shard_entry *)a)->tensor,
                  ((const vb_shard_entry *)b)->tensor);
}

// What the hub calls shards: "model-00001-of-00002.safetensors". Such a name never leads
// out of the folder.
static bool is_plain(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size > MAX_FILE_NAME || name[0] == '.')
        return false;
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
            return false;
    return true;
}

static bool ends_with(const char *text, const char *ending)
{
    size_t size = strlen(text), end = strlen(ending);
    return size > end && strcmp(text + size - end, ending) == 0;
}

static vblip_status shards_check_entry(const parser *p, const cJSON *entry)
{
    if (entry->string[0] == '\0')
        return vb_fail(p->err, VBLIP_ERR_FORMAT, "%s: a tensor without a name",
                       p->subject);
    if (!cJSON_IsString(entry))
        return vb_fail(p->err, VBLIP_ERR_FORMAT, "%s: %s: not the name of a file",
                       p->subject, entry->string);
    if (!is_plain(entry->valuestring) || !ends_with(entry->valuestring, p->ending))
        return vb_fail(p->err, VBLIP_ERR_FORMAT,
                       "%s: %s: \"%.80s\", expected the name of a %s file beside the "
                       "index",
                       p->subject, entry->string, entry->valuestring, p->ending);
    return VBLIP_OK;
}

// The names of `map`, each once.
static vblip_status list_files(const parser *p, vb_shards *out, const cJSON *map)
{
    const char **files = VB_ARENA_NEW(p->arena, const char *, out->count);
    if (!files)
        return vb_fail_memory(p->err, p->subject);
    size_t n = 0, kept = 0;
    for (const cJSON *c = map->child; c; c = c->next)
        files[n++] = c->valuestring;
    qsort(files, n, sizeof *files, by_text);
    for (size_t i = 0; i < n; i++) {
        if (i && strcmp(files[kept - 1], files[i]) == 0)
            continue;
        files[kept++] = files[i];
    }
    if (kept > VB_MAX_SHARDS)
        return vb_fail(p->err, VBLIP_ERR_FORMAT, "%s: %zu files, at most %d expected",
                       p->subject, kept, VB_MAX_SHARDS);
    for (size_t i = 0; i < kept; i++) {
        files[i] = vb_arena_string(p->arena, files[i], strlen(files[i]));
        if (!files[i])
            return vb_fail_memory(p->err, p->subject);
    }
    out->files = files;
    out->file_count = kept;
    return VBLIP_OK;
}

static vblip_status list_entries(const parser *p, vb_shards *out, const cJSON *map)
{
    vb_shard_entry *entries = VB_ARENA_NEW(p->arena, vb_shard_entry, out->count);
    if (!entries)
        return vb_fail_memory(p->err, p->subject);
    size_t n = 0;
    for (const cJSON *c = map->child; c; c = c->next, n++) {
        const char *const key = c->valuestring;
        const char *const *file =
            bsearch(&key, out->files, out->file_count, sizeof key, by_text);
        entries[n] =
            (vb_shard_entry){vb_arena_string(p->arena, c->string, strlen(c->string)),
                             (size_t)(file - out->files)};
        if (!entries[n].tensor)
            return vb_fail_memory(p->err, p->subject);
    }
    qsort(entries, n, sizeof *entries, by_tensor);
    out->entries = entries;
    return VBLIP_OK;
}

static vblip_status shards_read_index(const parser *p, vb_shards *out,
                                      const cJSON *root)
{
    if (!cJSON_IsObject(root))
        return vb_fail(p->err, VBLIP_ERR_FORMAT, "%s: not an object", p->subject);
    const cJSON *map = cJSON_GetObjectItemCaseSensitive(root, "weight_map");
    if (!cJSON_IsObject(map) || !map->child)
        return vb_fail(p->err, VBLIP_ERR_FORMAT,
                       "%s: weight_map: expected an object of tensors and files",
                       p->subject);
    for (const cJSON *c = map->child; c; c = c->next, out->count++)
        VB_TRY(shards_check_entry(p, c));
    VB_TRY(list_files(p, out, map));
    return list_entries(p, out, map);
}

vblip_status vb_shards_parse(vb_shards *out, vb_arena *arena, const char *json,
                             size_t size, const char *ending, const char *subject,
                             vblip_error *err)
{
    *out = (vb_shards){0};
    cJSON *root;
    VB_TRY(vb_json_parse(&root, json, size, subject, err));
    const parser p = {arena, ending, subject, err};
    vblip_status status = shards_read_index(&p, out, root);
    cJSON_Delete(root);
    if (status != VBLIP_OK)
        *out = (vb_shards){0};
    return status;
}

// --------------------------------------------------------------------- against files

// A file holds nothing that the index does not say it holds.
static vblip_status check_file(const vb_shards *shards, size_t file,
                               const vb_weight_list *list, const char *subject,
                               vblip_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const vb_shard_entry key = {list->weights[i].name, 0};
        const vb_shard_entry *entry =
            bsearch(&key, shards->entries, shards->count, sizeof key, by_tensor);
        if (!entry)
            return vb_fail(err, VBLIP_ERR_FORMAT, "%s: %s: in %s, but not in the index",
                           subject, key.tensor, shards->files[file]);
        if (entry->file != file)
            return vb_fail(err, VBLIP_ERR_FORMAT,
                           "%s: %s: in %s, but the index says %s", subject, key.tensor,
                           shards->files[file], shards->files[entry->file]);
    }
    return VBLIP_OK;
}

vblip_status vb_shards_join(vb_weight_list *out, vb_arena *arena,
                            const vb_shards *shards, const vb_weight_list *lists,
                            const char *subject, vblip_error *err)
{
    *out = (vb_weight_list){0};
    vb_weight *weights = VB_ARENA_NEW(arena, vb_weight, shards->count);
    if (!weights)
        return vb_fail_memory(err, subject);
    for (size_t i = 0; i < shards->count; i++) {
        const vb_shard_entry *entry = &shards->entries[i];
        const vb_weight *w = vb_weight_find(&lists[entry->file], entry->tensor);
        if (!w)
            return vb_fail(err, VBLIP_ERR_FORMAT, "%s: %s: not in %s", subject,
                           entry->tensor, shards->files[entry->file]);
        weights[i] = *w;
    }
    for (size_t f = 0; f < shards->file_count; f++)
        VB_TRY(check_file(shards, f, &lists[f], subject, err));
    *out = (vb_weight_list){weights, shards->count};
    return VBLIP_OK;
}
