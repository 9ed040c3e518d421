#include "formats/safetensors.h"

#include "formats/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A BLIP header has some 150 kB; the format's own limit of 100 MB would let a small
// file of hostile JSON take gigabytes.
enum { LENGTH_BYTES = 8, MAX_HEADER = 8 << 20 };

typedef struct parser {
    vb_arena *arena;
    const vb_file *file;
    size_t data; // first byte after the header
    size_t data_size;
    vblip_error *err;
} parser;

static const char cut[] = ": the file is cut short: download it again";

#define FORMAT(p, ...) vb_fail((p)->err, VBLIP_ERR_FORMAT, __VA_ARGS__)

// ----------------------------------------------------------------------- one tensor

// Types of the format; those without a vb_dtype are valid and of no use here.
static const struct type {
    const char *name;
    int dtype; // -1 = not read
} types[] = {
    {"F32", VB_F32}, {"F16", VB_F16}, {"BF16", VB_BF16}, {"I32", VB_I32},
    {"I64", VB_I64}, {"U8", VB_U8},   {"F64", VB_F32},   {"I16", -1},
    {"I8", -1},      {"U16", -1},     {"U32", -1},       {"U64", -1},
    {"BOOL", -1},    {"F8_E4M3", -1}, {"F8_E5M2", -1},
};

static vblip_status read_type(parser *p, vb_weight *w, const cJSON *value)
{
    if (!cJSON_IsString(value))
        return FORMAT(p, "%s: dtype is not a string", w->name);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].name, value->valuestring) != 0)
            continue;
        if (types[i].dtype < 0)
            return vb_fail(p->err, VBLIP_ERR_UNSUPPORTED,
                           "%s: type %s, expected F32, F16 or BF16", w->name,
                           value->valuestring);
        w->dtype = (vb_dtype)types[i].dtype;
        w->is_double = strcmp(types[i].name, "F64") == 0;
        return VBLIP_OK;
    }
    return FORMAT(p, "%s: unknown type %.16s", w->name, value->valuestring);
}

static vblip_status safetensors_read_shape(parser *p, vb_weight *w, const cJSON *value)
{
    if (!cJSON_IsArray(value))
        return FORMAT(p, "%s: shape is not a list", w->name);
    for (const cJSON *c = value->child; c; c = c->next) {
        if (w->rank == VB_MAX_RANK)
            return FORMAT(p, "%s: more than %d dimensions", w->name, VB_MAX_RANK);
        uint64_t dimension;
        if (!vb_json_whole(&dimension, c) || dimension == 0)
            return FORMAT(p, "%s: dimension %u is not a whole number above 0", w->name,
                          w->rank);
        w->shape[w->rank++] = dimension;
    }
    return VBLIP_OK;
}

// Bytes that the shape asks for; false when they pass what a file could hold.
static bool shape_bytes(uint64_t *out, const vb_weight *w)
{
    uint64_t bytes = w->is_double ? sizeof(double) : vb_dtype_size(w->dtype);
    for (uint32_t i = 0; i < w->rank; i++) {
        if (w->shape[i] > INT64_MAX / bytes)
            return false;
        bytes *= w->shape[i];
    }
    *out = bytes;
    return true;
}

static vblip_status read_offsets(parser *p, vb_weight *w, const cJSON *value)
{
    uint64_t begin, end, expected;
    if (!cJSON_IsArray(value) || cJSON_GetArraySize(value) != 2 ||
        !vb_json_whole(&begin, value->child) ||
        !vb_json_whole(&end, value->child->next))
        return FORMAT(p, "%s: data_offsets are not two whole numbers", w->name);
    if (begin > end || end > p->data_size)
        return FORMAT(p, "%s: bytes %" PRIu64 " to %" PRIu64 " of %zu bytes of data%s",
                      w->name, begin, end, p->data_size, begin > end ? "" : cut);
    if (!shape_bytes(&expected, w))
        return FORMAT(p, "%s: shape overflows", w->name);
    if (end - begin != expected)
        return FORMAT(p, "%s: %" PRIu64 " bytes, its shape needs %" PRIu64, w->name,
                      end - begin, expected);
    w->file = p->file;
    w->at = p->data + (size_t)begin;
    w->size = (size_t)(end - begin);
    return VBLIP_OK;
}

static vblip_status read_weight(parser *p, vb_weight *w, const cJSON *entry)
{
    w->name = vb_arena_string(p->arena, entry->string, strlen(entry->string));
    if (!w->name)
        return vb_fail_memory(p->err, "safetensors header");
    if (w->name[0] == '\0')
        return FORMAT(p, "a tensor without a name");
    if (!cJSON_IsObject(entry))
        return FORMAT(p, "%s: not an object", w->name);
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(entry, "dtype");
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(entry, "shape");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(entry, "data_offsets");
    if (!dtype || !shape || !offsets || cJSON_GetArraySize(entry) != 3)
        return FORMAT(p, "%s: expected dtype, shape and data_offsets, nothing else",
                      w->name);
    VB_TRY(read_type(p, w, dtype));
    VB_TRY(safetensors_read_shape(p, w, shape));
    return read_offsets(p, w, offsets);
}

// ----------------------------------------------------------------------- all of them

static int by_place(const void *a, const void *b)
{
    const vb_weight *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static int safetensors_by_name(const void *a, const void *b)
{
    return strcmp(((const vb_weight *)a)->name, ((const vb_weight *)b)->name);
}

// Every byte of the data belongs to one tensor.
static vblip_status check_layout(parser *p, vb_weight *weights, size_t count)
{
    qsort(weights, count, sizeof *weights, by_place);
    size_t end = p->data;
    for (size_t i = 0; i < count; i++) {
        if (weights[i].at < end)
            return FORMAT(p, "%s: overlaps %s", weights[i].name, weights[i - 1].name);
        if (weights[i].at > end)
            return FORMAT(p, "%s: %zu bytes before it belong to no tensor",
                          weights[i].name, weights[i].at - end);
        end += weights[i].size;
    }
    size_t rest = p->data_size - (end - p->data);
    if (rest)
        return FORMAT(p, "%zu bytes after the last tensor", rest);
    return VBLIP_OK;
}

static vblip_status read_metadata(parser *p, vb_safetensors *st, const cJSON *object)
{
    if (!cJSON_IsObject(object))
        return FORMAT(p, "__metadata__: not an object");
    size_t count = (size_t)cJSON_GetArraySize(object);
    const char **keys = VB_ARENA_NEW(p->arena, const char *, count);
    const char **values = VB_ARENA_NEW(p->arena, const char *, count);
    if (!keys || !values)
        return vb_fail_memory(p->err, "safetensors header");
    size_t n = 0;
    for (const cJSON *c = object->child; c; c = c->next, n++) {
        if (!cJSON_IsString(c))
            return FORMAT(p, "__metadata__: %s is not a string", c->string);
        keys[n] = vb_arena_string(p->arena, c->string, strlen(c->string));
        values[n] = vb_arena_string(p->arena, c->valuestring, strlen(c->valuestring));
        if (!keys[n] || !values[n])
            return vb_fail_memory(p->err, "safetensors header");
    }
    st->metadata_keys = keys;
    st->metadata_values = values;
    st->metadata_count = count;
    return VBLIP_OK;
}

static vblip_status read_header(parser *p, vb_safetensors *st, const cJSON *root)
{
    if (!cJSON_IsObject(root))
        return FORMAT(p, "the header is not an object");
    size_t count = (size_t)cJSON_GetArraySize(root);
    vb_weight *weights = VB_ARENA_NEW(p->arena, vb_weight, count);
    if (!weights)
        return vb_fail_memory(p->err, "safetensors header");
    size_t n = 0;
    for (const cJSON *c = root->child; c; c = c->next) {
        if (strcmp(c->string, "__metadata__") == 0)
            VB_TRY(read_metadata(p, st, c));
        else
            VB_TRY(read_weight(p, &weights[n++], c));
    }
    VB_TRY(check_layout(p, weights, n));
    qsort(weights, n, sizeof *weights, safetensors_by_name);
    for (size_t i = 0; i < n; i++)
        if (weights[i].is_double)
            weights[i].size /= 2;
    st->list = (vb_weight_list){weights, n};
    return VBLIP_OK;
}

// *out = the header's text, `size` bytes, malloc'd.
static vblip_status read_header_text(const vb_file *file, char **out, size_t *size,
                                     vblip_error *err)
{
    uint8_t bytes[LENGTH_BYTES];
    if (file->size < LENGTH_BYTES)
        return vb_fail(err, VBLIP_ERR_FORMAT, "%zu bytes, too short for safetensors",
                       file->size);
    VB_TRY(vb_file_read_at(file, bytes, 0, LENGTH_BYTES, err));
    uint64_t length = 0;
    for (int i = 0; i < LENGTH_BYTES; i++)
        length |= (uint64_t)bytes[i] << (8 * i);
    if (length > MAX_HEADER)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "a header of %" PRIu64 " bytes, at most %d expected", length,
                       MAX_HEADER);
    if (length > file->size - LENGTH_BYTES)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "a header of %" PRIu64 " bytes in a file of %zu%s", length,
                       file->size, cut);
    *size = (size_t)length;
    *out = malloc(*size + 1);
    if (!*out)
        return vb_fail_memory(err, "safetensors header");
    vblip_status status = vb_file_read_at(file, *out, LENGTH_BYTES, *size, err);
    if (status == VBLIP_OK && (*size == 0 || **out != '{'))
        status = vb_fail(err, VBLIP_ERR_FORMAT, "the header is not an object");
    if (status != VBLIP_OK)
        free(*out);
    return status;
}

vblip_status vb_safetensors_parse(vb_safetensors *st, vb_arena *arena,
                                  const vb_file *file, vblip_error *err)
{
    *st = (vb_safetensors){0};
    char *text = NULL;
    size_t size = 0;
    cJSON *root;
    VB_TRY(read_header_text(file, &text, &size, err));
    vblip_status status = vb_json_parse(&root, text, size, "header", err);
    free(text);
    VB_TRY(status);
    parser p = {.arena = arena,
                .file = file,
                .data = LENGTH_BYTES + size,
                .data_size = file->size - LENGTH_BYTES - size,
                .err = err};
    status = read_header(&p, st, root);
    cJSON_Delete(root);
    if (status != VBLIP_OK)
        *st = (vb_safetensors){0};
    return status;
}
