#include "decode/inputs.h"

#include "base/hash.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

const char *const vb_media_extensions[] = {
    "mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "ts",   "m2ts", "mts",
    "wmv", "flv", "ogv", "3gp", "gif",  "png", "jpg", "jpeg", "webp", "bmp",  NULL,
};

// Those of videos and images that are not read; a directory says how many it has.
static const char *const unread_extensions[] = {
    "heic", "heif", "avif", "jxl",  "tif", "tiff", "dng",  "cr2",
    "nef",  "arw",  "psd",  "svg",  "mxf", "asf",  "vob",  "dv",
    "rm",   "rmvb", "264",  "h264", "265", "h265", "hevc",
};
enum { UNREAD = sizeof unread_extensions / sizeof *unread_extensions };

// What a directory is known by, whatever its name.
typedef struct identity {
    dev_t device;
    ino_t inode;
} identity;

// A directory that is being read, and those it lies in.
typedef struct level {
    const struct level *parent;
    identity id;
} level;

// The expansion of one operand that is a directory.
typedef struct walk {
    vb_inputs *out;
    const vblip_inputs_options *options;
    vb_string path;     // of what is looked at
    size_t relative_at; // where the name relative to the operand begins in it
    identity *links;    // directories that links led to
    size_t link_count, link_capacity;
    uint32_t found;
    uint32_t *unread; // [UNREAD], files with these extensions
    vblip_error *err;
} walk;

// -------------------------------------------------------------------------- the list

static vblip_status inputs_add(vb_inputs *out, const char *path, const char *error,
                               vblip_error *err)
{
    bool full = (out->count & (out->count - 1)) == 0; // room for a power of two
    if (out->count == UINT32_MAX)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "more than %u inputs", UINT32_MAX);
    if (full) {
        size_t capacity = out->count ? (size_t)out->count * 2 : 1;
        vblip_input *items = VB_ARENA_NEW(&out->arena, vblip_input, capacity);
        if (!items)
            return vb_fail_memory(err, "inputs");
        if (out->count)
            memcpy(items, out->items, out->count * sizeof *items);
        out->items = items;
    }
    vblip_input *item = &out->items[out->count];
    item->path = vb_arena_string(&out->arena, path, strlen(path));
    item->error = error ? vb_arena_string(&out->arena, error, strlen(error)) : NULL;
    if (!item->path || (error && !item->error))
        return vb_fail_memory(err, "inputs");
    out->count++;
    return VBLIP_OK;
}

static vblip_status add_errno(vb_inputs *out, const char *path, int number,
                              vblip_error *err)
{
    char reason[VB_REASON];
    return inputs_add(out, path, vb_errno_reason(reason, number), err);
}

// ------------------------------------------------------------------------ what counts

bool vb_has_media_extension(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && vb_media_extensions[i]; i++)
        if (strcasecmp(dot + 1, vb_media_extensions[i]) == 0)
            return true;
    return false;
}

static void count_unread(walk *w)
{
    const char *dot = strrchr(w->path.bytes + w->relative_at, '.');
    for (size_t i = 0; dot && i < UNREAD; i++)
        w->unread[i] += strcasecmp(dot + 1, unread_extensions[i]) == 0;
}

static bool matches_any(const char *const *globs, const char *name)
{
    for (; *globs; globs++)
        if (fnmatch(*globs, name, 0) == 0)
            return true;
    return false;
}

bool vb_globs_take(const char *const *include, const char *const *exclude,
                   const char *name)
{
    return (!include || matches_any(include, name)) &&
           !(exclude && matches_any(exclude, name));
}

bool vb_shard_takes(uint32_t shard, uint32_t shards, const char *name)
{
    return !shards || vb_hash_bytes(0, name, strlen(name)) % shards == shard - 1;
}

static bool is_sharded_away(const vblip_inputs_options *options, const char *name)
{
    return options && !vb_shard_takes(options->shard, options->shards, name);
}

static bool is_filtered(const vblip_inputs_options *options)
{
    return options && ((options->include && *options->include) ||
                       (options->exclude && *options->exclude));
}

static bool is_wanted(const walk *w)
{
    const vblip_inputs_options *options = w->options;
    const char *name = w->path.bytes + w->relative_at;
    return vb_has_media_extension(name) &&
           (!options || vb_globs_take(options->include, options->exclude, name));
}

// ------------------------------------------------------------------------ directories

static bool same(identity a, identity b)
{
    return a.device == b.device && a.inode == b.inode;
}

static bool is_open(const level *inner, identity id)
{
    for (; inner; inner = inner->parent)
        if (same(inner->id, id))
            return true;
    return false;
}

// Notes that a link leads to `id`. False in `first` when one already did.
static vblip_status follow(walk *w, identity id, bool *first)
{
    *first = false;
    for (size_t i = 0; i < w->link_count; i++)
        if (same(w->links[i], id))
            return VBLIP_OK;
    if (w->link_count == w->link_capacity) {
        size_t capacity = w->link_capacity ? w->link_capacity * 2 : 16;
        identity *links = realloc(w->links, capacity * sizeof *links);
        if (!links)
            return vb_fail_memory(w->err, "inputs");
        w->links = links;
        w->link_capacity = capacity;
    }
    w->links[w->link_count++] = id;
    *first = true;
    return VBLIP_OK;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// The names in the directory at `path`, sorted, in `arena`. `*number` is an errno when
// it cannot be read.
static vblip_status list(vb_arena *arena, const char *path, char ***names,
                         size_t *count, int *number, vblip_error *err)
{
    *names = NULL;
    *count = 0;
    DIR *directory = opendir(path);
    *number = directory ? 0 : errno;
    vblip_status status = VBLIP_OK;
    for (size_t capacity = 0; directory && status == VBLIP_OK;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        *number = entry ? 0 : errno;
        if (!entry)
            break;
        if (entry->d_name[0] == '.')
            continue;
        if (*count == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            char **grown = VB_ARENA_NEW(arena, char *, capacity);
            if (grown && *count)
                memcpy(grown, *names, *count * sizeof *grown);
            *names = grown;
        }
        char *name = vb_arena_string(arena, entry->d_name, strlen(entry->d_name));
        if (*names && name)
            (*names)[(*count)++] = name;
        else
            status = vb_fail_memory(err, "inputs");
    }
    if (directory)
        closedir(directory);
    if (*count)
        qsort(*names, *count, sizeof **names, by_bytes);
    return status;
}

static vblip_status walk_directory(walk *w, const level *parent, identity id);

static vblip_status visit_directory(walk *w, const level *parent, identity id,
                                    bool linked)
{
    bool enter = !is_open(parent, id);
    if (enter && linked)
        VB_TRY(follow(w, id, &enter));
    return enter ? walk_directory(w, parent, id) : VBLIP_OK;
}

// Looks at what `path` names.
static vblip_status inputs_visit(walk *w, const level *parent)
{
    const char *path = w->path.bytes;
    struct stat st;
    int number = lstat(path, &st) == 0 ? 0 : errno;
    bool linked = number == 0 && S_ISLNK(st.st_mode);
    if (linked)
        number = stat(path, &st) == 0 ? 0 : errno;
    if (number == 0 && S_ISDIR(st.st_mode))
        return visit_directory(w, parent, (identity){st.st_dev, st.st_ino}, linked);
    if (!is_wanted(w)) {
        count_unread(w);
        return VBLIP_OK;
    }
    w->found++;
    if (is_sharded_away(w->options, path + w->relative_at))
        return VBLIP_OK;
    if (number != 0)
        return add_errno(w->out, path, number, w->err);
    return inputs_add(w->out, path, S_ISREG(st.st_mode) ? NULL : "not a regular file",
                      w->err);
}

static vblip_status visit_name(walk *w, const level *here, const char *name)
{
    size_t size = w->path.size;
    if (!vb_string_append(&w->path, "/", 1) ||
        !vb_string_append(&w->path, name, strlen(name)))
        return vb_fail_memory(w->err, "inputs");
    vblip_status status = inputs_visit(w, here);
    w->path.size = size;
    w->path.bytes[size] = '\0';
    return status;
}

static vblip_status walk_directory(walk *w, const level *parent, identity id)
{
    const level here = {.parent = parent, .id = id};
    vb_arena arena = {0};
    char **names;
    size_t count;
    int number;
    const char *path = w->path.size ? w->path.bytes : "/";
    vblip_status status = list(&arena, path, &names, &count, &number, w->err);
    if (status == VBLIP_OK && number != 0) {
        w->found++;
        status = add_errno(w->out, path, number, w->err);
    }
    for (size_t i = 0; status == VBLIP_OK && i < count; i++)
        status = visit_name(w, &here, names[i]);
    vb_arena_free(&arena);
    return status;
}

// `path` is a directory whose items begin with number `first`.
static vblip_status inputs_add_folder(vb_inputs *out, const char *path, size_t size,
                                      uint32_t first, vblip_error *err)
{
    vb_inputs_folder *folders =
        VB_ARENA_NEW(&out->arena, vb_inputs_folder, (size_t)out->folder_count + 1);
    const char *copy = vb_arena_string(&out->arena, path, size);
    if (!folders || !copy)
        return vb_fail_memory(err, "inputs");
    if (out->folder_count)
        memcpy(folders, out->folders, out->folder_count * sizeof *folders);
    folders[out->folder_count++] =
        (vb_inputs_folder){.path = copy, .first = first, .count = out->count - first};
    out->folders = folders;
    return VBLIP_OK;
}

static vblip_status expand_directory(vb_inputs *out, const char *path,
                                     const struct stat *st,
                                     const vblip_inputs_options *options,
                                     uint32_t *unread, vblip_error *err)
{
    size_t size = strlen(path);
    while (size > 0 && path[size - 1] == '/')
        size--;
    walk w = {.out = out,
              .options = options,
              .relative_at = size + 1,
              .unread = unread,
              .err = err};
    const uint32_t first = out->count;
    vblip_status status = VBLIP_OK;
    if (!vb_string_append(&w.path, path, size))
        status = vb_fail_memory(err, "inputs");
    if (status == VBLIP_OK)
        status = walk_directory(&w, NULL, (identity){st->st_dev, st->st_ino});
    if (status == VBLIP_OK && w.found == 0)
        status = inputs_add(out, path,
                            is_filtered(options) ? "no videos or images match the globs"
                                                 : "no videos or images",
                            err);
    if (status == VBLIP_OK)
        status = inputs_add_folder(out, path, size, first, err);
    vb_string_free(&w.path);
    free(w.links);
    return status;
}

static vblip_status expand_path(vb_inputs *out, const char *path,
                                const vblip_inputs_options *options, uint32_t *unread,
                                vblip_error *err)
{
    struct stat st;
    if (strcmp(path, "-") == 0)
        return inputs_add(out, path, NULL, err);
    if (stat(path, &st) != 0)
        return add_errno(out, path, errno, err);
    if (S_ISDIR(st.st_mode))
        return expand_directory(out, path, &st, options, unread, err);
    return is_sharded_away(options, path) ? VBLIP_OK : inputs_add(out, path, NULL, err);
}

// Globs choose what is looked at: then nothing is passed over.
static vblip_status tell_skipped(vb_inputs *out, const uint32_t *unread, bool filtered,
                                 vblip_error *err)
{
    vb_string text = {0};
    vb_string_puts(&text, "");
    for (size_t i = 0; i < UNREAD && !filtered; i++) {
        if (!unread[i])
            continue;
        vb_string_appendf(&text, "%s%s %u", text.size ? ", " : "", unread_extensions[i],
                          (unsigned)unread[i]);
        out->skipped_count += unread[i];
    }
    if (!text.failed)
        out->skipped = vb_arena_string(&out->arena, text.bytes, text.size);
    vb_string_free(&text);
    return out->skipped ? VBLIP_OK : vb_fail_memory(err, "inputs");
}

vblip_status vb_inputs_expand(vb_inputs *out, const char *const *paths, uint32_t count,
                              const vblip_inputs_options *options, vblip_error *err)
{
    *out = (vb_inputs){0};
    uint32_t unread[UNREAD] = {0};
    vblip_status status = VBLIP_OK;
    for (uint32_t i = 0; status == VBLIP_OK && i < count; i++)
        status = expand_path(out, paths[i], options, unread, err);
    if (status == VBLIP_OK)
        status = tell_skipped(out, unread, is_filtered(options), err);
    if (status != VBLIP_OK)
        vb_inputs_free(out);
    return status;
}

void vb_inputs_free(vb_inputs *inputs)
{
    vb_arena_free(&inputs->arena);
    *inputs = (vb_inputs){0};
}

static uint32_t count_kept(const bool *keep, uint32_t end)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < end; i++)
        kept += keep[i];
    return kept;
}

void vb_inputs_keep(vb_inputs *inputs, const bool *keep)
{
    for (uint32_t i = 0; i < inputs->folder_count; i++) {
        vb_inputs_folder *folder = &inputs->folders[i];
        const uint32_t end = count_kept(keep, folder->first + folder->count);
        folder->first = count_kept(keep, folder->first);
        folder->count = end - folder->first;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < inputs->count; i++)
        if (keep[i])
            inputs->items[kept++] = inputs->items[i];
    inputs->count = kept;
}
