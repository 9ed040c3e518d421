#include "checkpoint/weight_files.h"

#include "base/path.h"
#include "checkpoint/seeded.h"
#include "formats/safetensors.h"
#include "formats/shards.h"
#include "formats/torch_file.h"
#include "formats/zip.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_INDEX = 8 << 20,    // bytes of an index.json
    PIECE_BYTES = 64 << 10, // that are read at a time
    HEAD_BYTES = 32,        // of a file, that tell what it is
    UNPACKED = 4,           // as many as are read by turns: q, k and v
};

typedef struct vb_unpacked {
    const vb_weight *weight;
    uint8_t *bytes; // of it, packed, malloc'd
    uint32_t next;  // of the first: the one that goes next
} vb_unpacked;

typedef vblip_status (*parse_fn)(vb_weight_list *out, vb_arena *arena,
                                 const vb_file *file, vblip_error *err);

static vblip_status parse_safetensors(vb_weight_list *out, vb_arena *arena,
                                      const vb_file *file, vblip_error *err)
{
    vb_safetensors st;
    vblip_status status = vb_safetensors_parse(&st, arena, file, err);
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
    {".ckpt", vb_torch_parse, true},
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

// A file without an ending goes by its first bytes: archives of torch are zip files.
static const struct format *format_of_bytes(const uint8_t *head)
{
    const bool torch =
        (head[0] == 'P' && head[1] == 'K') || (head[0] == 0x80 && head[1] == 0x02);
    return torch ? &formats[1] : &formats[0];
}

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
    const char *slash = strrchr(path, '/');
    return format_of(path) || !strchr(slash ? slash + 1 : path, '.');
}

// ------------------------------------------------------------------------------ files

// Room for `count` files.
static vblip_status make_room_for_files(vb_weight_files *s, const char ***files,
                                        size_t count, vb_arena *arena, vblip_error *err)
{
    *files = VB_ARENA_NEW(arena, const char *, count + 1);
    s->opened = VB_ARENA_NEW(arena, vb_file, count);
    s->files = *files;
    return *files && s->opened ? VBLIP_OK : vb_fail_memory(err, s->path);
}

// Whether weights begin with text, which those of no format do: the length in front of
// safetensors would be beyond all files.
static bool begins_with_text(const char *head, size_t size)
{
    enum { LENGTH = 8 };
    for (size_t i = 0; i < size && i < LENGTH; i++)
        if (!isprint((unsigned char)head[i]) && !isspace((unsigned char)head[i]))
            return false;
    return size > 0;
}

// Refuses a file by its first bytes.
static vblip_status refuse_head(const char *head, size_t size, vblip_error *err)
{
    const char *what = vb_file_instead(head, size);
    if (size == 0)
        what = "empty: download it again";
    else if (size >= 4 && memcmp(head, "GGUF", 4) == 0)
        what = "a GGUF file, expected safetensors or a file of torch.save";
    if (what)
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s", what);
    const size_t line = strcspn(head, "\r\n");
    if (begins_with_text(head, size))
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "text, not weights: \"%.*s\": download the file itself",
                       (int)line, head);
    return VBLIP_OK;
}

static vblip_status parse_file(vb_weight_files *s, vb_weight_list *list,
                               const vb_file *file, const struct format *format,
                               vb_arena *arena, vblip_error *err)
{
    char head[HEAD_BYTES + 1] = {0};
    const size_t size = file->size < HEAD_BYTES ? file->size : HEAD_BYTES;
    VB_TRY(vb_file_read_at(file, head, 0, size, err));
    if (!format)
        format = format_of_bytes((const uint8_t *)head);
    s->torch = format->torch;
    VB_TRY(refuse_head(head, size, err));
    return format->parse(list, arena, file, err);
}

// The next of the files, opened and parsed.
static vblip_status add_file(vb_weight_files *s, vb_weight_list *list, const char *path,
                             vb_arena *arena, vblip_error *err)
{
    vb_file *file = &s->opened[s->count];
    VB_TRY(vb_file_open(file, path, err));
    s->count++;
    s->bytes += file->size;
    vblip_error why = {0};
    vblip_status status = parse_file(s, list, file, format_of(path), arena, &why);
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

// Where in a name the ViT's tower begins, which every BLIP has; NULL in other names.
static const char *find_tower(const char *name)
{
    static const char *const towers[] = {"vision_model.", "visual_encoder."};
    for (const char *part = name; part; part = strchr(part, '.')) {
        part += *part == '.';
        for (size_t i = 0; i < sizeof towers / sizeof *towers; i++)
            if (strncmp(part, towers[i], strlen(towers[i])) == 0)
                return part;
    }
    return NULL;
}

// An adapter that lies beside the weights it changes would be passed over.
static vblip_status refuse_adapters(const vb_weight_files *s, vblip_error *err)
{
    static const char *const marks[] = {".lora_", ".base_layer.", ".modules_to_save.",
                                        ".original_module."};
    for (size_t i = 0; i < s->list.count; i++)
        for (size_t k = 0; k < sizeof marks / sizeof *marks; k++)
            if (strstr(s->list.weights[i].name, marks[k]))
                return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                               "%s: %s: an adapter that is not merged: "
                               "model.merge_and_unload().save_pretrained(NEW)",
                               s->path, s->list.weights[i].name);
    return VBLIP_OK;
}

static int weights_by_name(const void *a, const void *b)
{
    return strcmp(((const vb_weight *)a)->name, ((const vb_weight *)b)->name);
}

static vblip_status drop_prefix(vb_weight_files *s, vb_arena *arena, size_t size,
                                vblip_error *err)
{
    vb_weight_list *list = &s->list;
    vb_weight *weights = VB_ARENA_NEW(arena, vb_weight, list->count);
    if (!weights)
        return vb_fail_memory(err, s->path);
    for (size_t i = 0; i < list->count; i++) {
        weights[i] = list->weights[i];
        if (strncmp(weights[i].name, s->prefix, size) == 0)
            weights[i].name += size;
    }
    qsort(weights, list->count, sizeof *weights, weights_by_name);
    for (size_t i = 1; i < list->count; i++)
        if (strcmp(weights[i - 1].name, weights[i].name) == 0)
            return vb_fail(err, VBLIP_ERR_FORMAT, "%s: %s: there with and without %s",
                           s->path, weights[i].name, s->prefix);
    list->weights = weights;
    return VBLIP_OK;
}

// Takes off what wrappers of models put before all names: "module.", "_orig_mod.",
// "model." and others are what stands before the ViT's tower, if there is one such.
static vblip_status settle_prefix(vb_weight_files *s, vb_arena *arena, vblip_error *err)
{
    size_t size = 0;
    s->prefix = "";
    for (size_t i = 0; i < s->list.count; i++) {
        const char *name = s->list.weights[i].name, *tower = find_tower(name);
        if (!tower)
            continue;
        const size_t found = (size_t)(tower - name);
        if (found == 0)
            return VBLIP_OK;
        if (size && (size != found || strncmp(name, s->prefix, size) != 0))
            return vb_fail(err, VBLIP_ERR_FORMAT,
                           "%s: weights under %s and under %.*s: save one of the two",
                           s->path, s->prefix, (int)found, name);
        size = found;
        s->prefix = vb_arena_string(arena, name, size);
        if (!s->prefix)
            return vb_fail_memory(err, s->path);
    }
    return size ? drop_prefix(s, arena, size, err) : VBLIP_OK;
}

static vblip_status settle_names(vb_weight_files *s, vb_arena *arena, vblip_error *err)
{
    vblip_error why = {0};
    s->checked = VB_ARENA_NEW(arena, bool, s->list.count);
    s->unpacked = VB_ARENA_NEW(arena, vb_unpacked, UNPACKED);
    if (!s->checked || !s->unpacked)
        return vb_fail_memory(err, s->path);
    VB_TRY(refuse_adapters(s, err));
    VB_TRY(settle_prefix(s, arena, err));
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

void vb_weight_files_name(const vb_weight_files *weights, char *out, size_t size,
                          const char *hf)
{
    char name[256];
    vb_name_in(name, sizeof name, hf, weights->naming);
    snprintf(out, size, "%s%s", weights->prefix, name);
}

void vb_weight_files_close(vb_weight_files *weights)
{
    for (int i = 0; weights->unpacked && i < UNPACKED; i++)
        free(weights->unpacked[i].bytes);
    for (size_t i = 0; i < weights->count; i++)
        vb_file_close(&weights->opened[i]);
    *weights = (vb_weight_files){0};
}

// -------------------------------------------------------------------------- one tensor

const char *vb_weight_files_of(const vb_weight_files *weights, const vb_weight *weight)
{
    return weights->files[weight->file - weights->opened];
}

// Reads from byte `at` of the file of a tensor.
static vblip_status read_file_of(const vb_weight_files *weights,
                                 const vb_weight *weight, void *out, size_t at,
                                 size_t size, vblip_error *err)
{
    vblip_error why = {0};
    vblip_status status = vb_file_read_at(weight->file, out, at, size, &why);
    if (status != VBLIP_OK)
        return vb_fail(err, status, "%s: %s", vb_weight_files_of(weights, weight),
                       why.message);
    return VBLIP_OK;
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
        VB_TRY(read_file_of(weights, weight, piece, entry->at + at, size, err));
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

// Copies row-major what lies in a file as strides say. `unit` bytes an element.
static void pack(uint8_t *out, const uint8_t *raw, const vb_weight *w, size_t unit)
{
    uint64_t at[VB_MAX_RANK] = {0};
    const size_t count = w->size / vb_dtype_size(w->dtype);
    for (size_t i = 0; i < count; i++) {
        uint64_t element = 0;
        for (uint32_t d = 0; d < w->rank; d++)
            element += at[d] * w->strides[d];
        memcpy(out + i * unit, raw + element * unit, unit);
        for (uint32_t d = w->rank; d-- > 0 && ++at[d] == w->shape[d];)
            at[d] = 0;
    }
}

static void narrow_doubles(float *out, const uint8_t *doubles, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double value;
        memcpy(&value, doubles + i * sizeof value, sizeof value);
        out[i] = (float)value;
    }
}

// Each float lands before the double that is read next.
static void narrow_in_place(uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float value;
        narrow_doubles(&value, bytes + i * sizeof(double), 1);
        memcpy(bytes + i * sizeof value, &value, sizeof value);
    }
}

// The whole of a tensor with strides, packed; NULL when it is not held.
static const uint8_t *find_unpacked(const vb_weight_files *weights, const vb_weight *w)
{
    for (int i = 0; i < UNPACKED; i++)
        if (weights->unpacked[i].weight == w)
            return weights->unpacked[i].bytes;
    return NULL;
}

// Holds it, until some others are asked for.
static vblip_status unpack(const vb_weight_files *weights, const vb_weight *w,
                           vblip_error *err)
{
    vb_unpacked *slots = weights->unpacked;
    vb_unpacked *u = &slots[slots->next];
    const size_t unit = w->is_double ? sizeof(double) : vb_dtype_size(w->dtype);
    const size_t count = w->size / vb_dtype_size(w->dtype);
    size_t span = 1;
    for (uint32_t d = 0; d < w->rank; d++)
        span += (size_t)((w->shape[d] - 1) * w->strides[d]);
    free(u->bytes);
    uint8_t *raw = malloc(span * unit);
    u->weight = NULL;
    u->bytes = malloc(count * unit);
    vblip_status status = raw && u->bytes ? VBLIP_OK : vb_fail_memory(err, w->name);
    if (status == VBLIP_OK)
        status = read_file_of(weights, w, raw, w->at, span * unit, err);
    if (status == VBLIP_OK) {
        pack(u->bytes, raw, w, unit);
        if (w->is_double)
            narrow_in_place(u->bytes, count);
        u->weight = w;
        slots->next = (slots->next + 1) % UNPACKED;
    }
    free(raw);
    return status;
}

static vblip_status read_doubles(const vb_weight_files *weights, const vb_weight *w,
                                 uint8_t *out, size_t at, size_t size, vblip_error *err)
{
    enum { COUNT = PIECE_BYTES / sizeof(double) };
    uint8_t piece[COUNT * sizeof(double)];
    float values[COUNT];
    for (size_t done = 0; done < size;) {
        const size_t left = (size - done) / sizeof(float);
        const size_t count = left < COUNT ? left : COUNT;
        VB_TRY(read_file_of(weights, w, piece, w->at + 2 * (at + done),
                            count * sizeof(double), err));
        narrow_doubles(values, piece, count);
        memcpy(out + done, values, count * sizeof(float));
        done += count * sizeof(float);
    }
    return VBLIP_OK;
}

vblip_status vb_weight_files_prepare(const vb_weight_files *weights,
                                     const vb_weight *weight, vblip_error *err)
{
    if (weights->seeded)
        return VBLIP_OK;
    VB_TRY(check_archive_entry(weights, weight, err));
    return weight->strided && !find_unpacked(weights, weight)
               ? unpack(weights, weight, err)
               : VBLIP_OK;
}

vblip_status vb_weight_files_read(const vb_weight_files *weights,
                                  const vb_weight *weight, void *out, size_t at,
                                  size_t size, vblip_error *err)
{
    if (weights->seeded) {
        vb_seeded_read(weight, out, at, size);
        return VBLIP_OK;
    }
    VB_TRY(vb_weight_files_prepare(weights, weight, err));
    if (weight->strided) {
        memcpy(out, find_unpacked(weights, weight) + at, size);
        return VBLIP_OK;
    }
    if (weight->is_double)
        return read_doubles(weights, weight, out, at, size, err);
    return read_file_of(weights, weight, out, weight->at + at, size, err);
}
