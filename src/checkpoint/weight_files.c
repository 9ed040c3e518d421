#include "checkpoint/weight_files.h"

#include "base/path.h"
#include "formats/safetensors.h"
#include "formats/shards.h"
#include "formats/torch_file.h"
#include "formats/zip.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_INDEX = 8 << 20,    // bytes of an index.json
    PIECE_BYTES = 64 << 10, // that are read at a time
};

typedef vblip_status (*parse_fn)(vb_weight_list *out, vb_arena *arena,
                                 const uint8_t *bytes, size_t size, vblip_error *err);

static vblip_status parse_safetensors(vb_weight_list *out, vb_arena *arena,
                                      const uint8_t *bytes, size_t size,
                                      vblip_error *err)
{
    vb_safetensors st;
    vblip_status status = vb_safetensors_parse(&st, arena, bytes, size, err);
    *out = st.list;
    return status;
}

// Formats by the ending of a file's name.
static const struct format {
    const char *ending;
    parse_fn parse;
    bool torch;
} formats[] = {
    {".safetensors", parse_safetensors, false},
    {".pth", vb_torch_parse, true},
    {".pt", vb_torch_parse, true},
    {".bin", vb_torch_parse, true},
};

// What a folder may hold, in the order in which Hugging Face looks.
static const struct layout {
    const char *file, *name;
    const char *shard_ending; // NULL = the weights themselves, else an index
} layouts[] = {
    {"model.safetensors", "huggingface", NULL},
    {"model.safetensors.index.json", "huggingface sharded", ".safetensors"},
    {"pytorch_model.bin", "huggingface bin", NULL},
    {"pytorch_model.bin.index.json", "huggingface bin sharded", ".bin"},
};

// What else it may hold, which is never read.
static const char *const foreign[] = {"tf_model.h5", "flax_model.msgpack"};

static const struct format *format_of(const char *path)
{
    const size_t size = strlen(path);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const size_t end = strlen(formats[i].ending);
        if (size > end && path[size - end - 1] != '/' && // ".bin" has no ending
            strcmp(path + size - end, formats[i].ending) == 0)
            return &formats[i];
    }
    return NULL;
}

bool vb_weight_files_reads(const char *path)
{
    return format_of(path) != NULL;
}

// ------------------------------------------------------------------------------ files

// Room for `count` files.
static vblip_status make_room_for_files(vb_weight_files *s, const char ***files,
                                        size_t count, vb_arena *arena, vblip_error *err)
{
    *files = VB_ARENA_NEW(arena, const char *, count + 1);
    s->mappings = VB_ARENA_NEW(arena, vb_mapping, count);
    s->files = *files;
    return *files && s->mappings ? VBLIP_OK : vb_fail_memory(err, s->path);
}

// The next of the files, mapped and parsed.
static vblip_status add_file(vb_weight_files *s, vb_weight_list *list, const char *path,
                             vb_arena *arena, vblip_error *err)
{
    const struct format *format = format_of(path);
    vb_mapping *mapping = &s->mappings[s->count];
    VB_TRY(vb_file_map(mapping, path, err));
    s->count++;
    s->bytes += mapping->size;
    s->torch = format->torch;
    vblip_error why = {0};
    vblip_status status =
        format->parse(list, arena, mapping->bytes, mapping->size, &why);
    vb_file_release(mapping, mapping->bytes, mapping->size);
    if (status != VBLIP_OK)
        return vb_fail(err, status, "%s: %s", path, why.message);
    return VBLIP_OK;
}

static vblip_status read_single(vb_weight_files *s, vb_arena *arena, vblip_error *err)
{
    const char **files;
    VB_TRY(make_room_for_files(s, &files, 1, arena, err));
    files[0] = s->path;
    return add_file(s, &s->list, s->path, arena, err);
}

static vblip_status read_shards(vb_weight_files *s, vb_arena *arena, const char *folder,
                                const vb_shards *shards, vblip_error *err)
{
    const char **files;
    VB_TRY(make_room_for_files(s, &files, shards->file_count, arena, err));
    vb_weight_list *lists = VB_ARENA_NEW(arena, vb_weight_list, shards->file_count);
    if (!lists)
        return vb_fail_memory(err, s->path);
    for (size_t i = 0; i < shards->file_count; i++) {
        files[i] = vb_path_join(arena, folder, shards->files[i]);
        if (!files[i])
            return vb_fail_memory(err, s->path);
        VB_TRY(add_file(s, &lists[i], files[i], arena, err));
    }
    return vb_shards_join(&s->list, arena, shards, lists, s->path, err);
}

static vblip_status read_shard_index(vb_weight_files *s, vb_arena *arena,
                                     const char *folder, const char *ending,
                                     vblip_error *err)
{
    char *json;
    size_t size;
    vb_shards shards;
    VB_TRY(vb_file_read(&json, &size, s->path, MAX_INDEX, err));
    vblip_status status =
        vb_shards_parse(&shards, arena, json, size, ending, s->path, err);
    free(json);
    return status == VBLIP_OK ? read_shards(s, arena, folder, &shards, err) : status;
}

static vblip_status settle_names(vb_weight_files *s, vb_arena *arena, vblip_error *err)
{
    vblip_error why = {0};
    s->checked = VB_ARENA_NEW(arena, bool, s->list.count);
    if (!s->checked)
        return vb_fail_memory(err, s->path);
    s->naming = vb_naming_of(&s->list);
    if (s->naming == VB_NAMING_HF)
        return VBLIP_OK;
    vblip_status status = vb_names_to_hf(&s->list, arena, &why);
    if (status != VBLIP_OK)
        return vb_fail(err, status, "%s: %s", s->path, why.message);
    return VBLIP_OK;
}

// ------------------------------------------------------------------------ open, close

static vblip_status refuse_folder(vb_arena *arena, const char *folder, vblip_error *err)
{
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        const char *path = vb_path_join(arena, folder, foreign[i]);
        if (!path)
            return vb_fail_memory(err, folder);
        bool there;
        VB_TRY(vb_path_exists(&there, path, err));
        if (there)
            return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                           "%s: no weights but %s, expected model.safetensors or "
                           "pytorch_model.bin",
                           folder, foreign[i]);
    }
    return vb_fail(err, VBLIP_ERR_IO, "%s: no model.safetensors or pytorch_model.bin",
                   folder);
}

vblip_status vb_weight_files_open_folder(vb_weight_files *out, vb_arena *arena,
                                         const char *folder, vblip_error *err)
{
    *out = (vb_weight_files){0};
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        const struct layout *layout = &layouts[i];
        bool there;
        out->path = vb_path_join(arena, folder, layout->file);
        if (!out->path)
            return vb_fail_memory(err, folder);
        VB_TRY(vb_path_exists(&there, out->path, err));
        if (!there)
            continue;
        out->layout = layout->name;
        if (layout->shard_ending)
            VB_TRY(read_shard_index(out, arena, folder, layout->shard_ending, err));
        else
            VB_TRY(read_single(out, arena, err));
        return settle_names(out, arena, err);
    }
    return refuse_folder(arena, folder, err);
}

vblip_status vb_weight_files_open_file(vb_weight_files *out, vb_arena *arena,
                                       const char *path, vblip_error *err)
{
    *out = (vb_weight_files){.path = vb_arena_string(arena, path, strlen(path))};
    if (!out->path)
        return vb_fail_memory(err, path);
    VB_TRY(read_single(out, arena, err));
    VB_TRY(settle_names(out, arena, err));
    out->layout = out->naming == VB_NAMING_HF ? "huggingface file" : "original";
    return VBLIP_OK;
}

void vb_weight_files_close(vb_weight_files *weights)
{
    for (size_t i = 0; i < weights->count; i++)
        vb_file_unmap(&weights->mappings[i]);
    *weights = (vb_weight_files){0};
}

// -------------------------------------------------------------------------- one tensor

static size_t file_index(const vb_weight_files *weights, const vb_weight *weight)
{
    const uintptr_t at = (uintptr_t)weight->data;
    for (size_t i = 0; i < weights->count; i++) {
        const uintptr_t first = (uintptr_t)weights->mappings[i].bytes;
        if (at >= first && at - first < weights->mappings[i].size)
            return i;
    }
    return 0;
}

const char *vb_weight_files_of(const vb_weight_files *weights, const vb_weight *weight)
{
    return weights->files[file_index(weights, weight)];
}

// Reads from the file of a tensor, at `data` of its bytes.
static vblip_status read_file_of(const vb_weight_files *weights,
                                 const vb_weight *weight, void *out,
                                 const uint8_t *data, size_t size, vblip_error *err)
{
    const size_t file = file_index(weights, weight);
    const vb_mapping *mapping = &weights->mappings[file];
    return vb_file_read_at(mapping, out, (size_t)(data - mapping->bytes), size,
                           weights->files[file], err);
}

// Holds the entry that a tensor lies in against its checksum, once for all tensors in it.
static vblip_status check_archive_entry(const vb_weight_files *weights,
                                        const vb_weight *weight, vblip_error *err)
{
    const vb_zip_entry *entry = weight->entry;
    const vb_weight_list *list = &weights->list;
    uint8_t piece[PIECE_BYTES];
    uint32_t crc = 0;
    if (!entry || weights->checked[weight - list->weights])
        return VBLIP_OK;
    for (size_t at = 0; at < entry->size; at += PIECE_BYTES) {
        const size_t left = entry->size - at;
        const size_t size = left < PIECE_BYTES ? left : PIECE_BYTES;
        VB_TRY(read_file_of(weights, weight, piece, entry->data + at, size, err));
        crc = vb_zip_crc(crc, piece, size);
    }
    vblip_error why = {0};
    vblip_status status = vb_zip_check(entry, crc, &why);
    if (status != VBLIP_OK)
        return vb_fail(err, status, "%s: %s", vb_weight_files_of(weights, weight),
                       why.message);
    for (size_t i = 0; i < list->count; i++)
        weights->checked[i] |= list->weights[i].entry == entry;
    return VBLIP_OK;
}

vblip_status vb_weight_files_read(const vb_weight_files *weights,
                                  const vb_weight *weight, void *out, size_t at,
                                  size_t size, vblip_error *err)
{
    VB_TRY(check_archive_entry(weights, weight, err));
    return read_file_of(weights, weight, out, weight->data + at, size, err);
}
