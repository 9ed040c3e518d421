#include "formats/torch_file.h"

#include "formats/pickle.h"
#include "formats/zip.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_NAME = 255, // bytes of a tensor's name
    MAX_KEY = 20,   // digits that name a storage
    MAX_ROOT = 255, // bytes of the folder that all entries are in
    MAX_FORMAT = 10 // the newest that torch::jit's reader knows
};

typedef struct file {
    vb_arena *arena;
    vb_zip zip;
    char root[MAX_ROOT + 1];
    vblip_error *err;
} file;

#define FORMAT(f, ...) vb_fail((f)->err, VBLIP_ERR_FORMAT, __VA_ARGS__)

// --------------------------------------------------------------- what a pickle may name

enum {
    REBUILD_TENSOR,
    REBUILD_PARAMETER,
    SIZE,
    ORDERED_DICT,
    NAMESPACE,
    STORAGES, // the first of them
};

// Modules and names as Python's; what is called, with how many arguments.
static const vb_pickle_global globals[] = {
    [REBUILD_TENSOR] = {"torch._utils", "_rebuild_tensor_v2", VB_PICKLE_CALLS, 6},
    [REBUILD_PARAMETER] = {"torch._utils", "_rebuild_parameter", VB_PICKLE_CALLS, 3},
    [SIZE] = {"torch", "Size", VB_PICKLE_CALLS, 1},
    [ORDERED_DICT] = {"collections", "OrderedDict", VB_PICKLE_DICTS, 0},
    [NAMESPACE] = {"argparse", "Namespace", VB_PICKLE_OBJECTS, 0},
    [STORAGES] = {.module = "torch", .name = "FloatStorage"},
    {.module = "torch", .name = "HalfStorage"},
    {.module = "torch", .name = "BFloat16Storage"},
    {.module = "torch", .name = "IntStorage"},
    {.module = "torch", .name = "LongStorage"},
    {.module = "torch", .name = "ByteStorage"},
    {.module = "torch", .name = "DoubleStorage"},
    {.module = "torch", .name = "ShortStorage"},
    {.module = "torch", .name = "CharStorage"},
    {.module = "torch", .name = "BoolStorage"},
};
enum { GLOBALS = sizeof globals / sizeof *globals };

// Element types of the storages, in the order above.
static const struct element {
    const char *name;
    int dtype; // -1 = no weight has it
} elements[] = {
    {"F32", VB_F32}, {"F16", VB_F16}, {"BF16", VB_BF16}, {"I32", VB_I32},
    {"I64", VB_I64}, {"U8", VB_U8},   {"F64", -1},       {"I16", -1},
    {"I8", -1},      {"BOOL", -1},
};
_Static_assert(sizeof elements / sizeof *elements == GLOBALS - STORAGES,
               "an element type for each storage");

static bool is_call(const vb_pickle_value *value, int function)
{
    return value->kind == VB_PICKLE_CALL &&
           value->items[0].global == &globals[function];
}

// ----------------------------------------------------------------------- the archive

static const vb_zip_entry *torch_find(const file *f, const char *name)
{
    char path[MAX_ROOT + MAX_KEY + 16];
    snprintf(path, sizeof path, "%s/%s", f->root, name);
    return vb_zip_find(&f->zip, path);
}

// The entry `name`, or NULL. One that is damaged is a failure.
static vblip_status find_whole(const file *f, const vb_zip_entry **out,
                               const char *name)
{
    *out = torch_find(f, name);
    if (!*out)
        return VBLIP_OK;
    return vb_zip_check(*out, vb_zip_crc(0, (*out)->data, (*out)->size), f->err);
}

// The folder that holds data.pkl, which torch.save names after the file.
static vblip_status find_root(file *f)
{
    for (size_t i = 0; i < f->zip.count; i++) {
        const char *name = f->zip.entries[i].name, *slash = strchr(name, '/');
        if (!slash || strcmp(slash, "/data.pkl") != 0)
            continue;
        if (slash - name > MAX_ROOT)
            return FORMAT(f, "a folder with a name of %td bytes", slash - name);
        if (f->root[0])
            return FORMAT(f, "data.pkl in both %s and %.*s", f->root,
                          (int)(slash - name), name);
        memcpy(f->root, name, (size_t)(slash - name));
    }
    if (!f->root[0])
        return FORMAT(f, "a zip archive without data.pkl: not a file of torch.save");
    return VBLIP_OK;
}

static vblip_status torch_check_version(const file *f)
{
    const vb_zip_entry *e;
    VB_TRY(find_whole(f, &e, "version"));
    if (!e)
        return FORMAT(f, "%s/version is missing", f->root);
    size_t at = 0;
    unsigned version = 0;
    for (; at < e->size && at < 3 && e->data[at] >= '0' && e->data[at] <= '9'; at++)
        version = 10 * version + e->data[at] - '0';
    bool whole =
        at > 0 && (at == e->size || (at + 1 == e->size && e->data[at] == '\n'));
    if (!whole || version < 1)
        return FORMAT(f, "%s: not a version", e->name);
    if (version > MAX_FORMAT)
        return vb_fail(f->err, VBLIP_ERR_UNSUPPORTED,
                       "%s: format %u, at most %d is read", e->name, version,
                       MAX_FORMAT);
    return VBLIP_OK;
}

static bool holds(const vb_zip_entry *entry, const char *text)
{
    return entry->size == strlen(text) && memcmp(entry->data, text, entry->size) == 0;
}

// Written by torch 2.1 and later.
static vblip_status check_byte_order(const file *f)
{
    const vb_zip_entry *order;
    VB_TRY(find_whole(f, &order, "byteorder"));
    if (!order || holds(order, "little"))
        return VBLIP_OK;
    if (holds(order, "big"))
        return vb_fail(f->err, VBLIP_ERR_UNSUPPORTED, "%s: big, expected little",
                       order->name);
    return FORMAT(f, "%s: neither little nor big", order->name);
}

static vblip_status check_archive(const file *f)
{
    if (torch_find(f, "constants.pkl"))
        return vb_fail(f->err, VBLIP_ERR_UNSUPPORTED,
                       "a TorchScript archive, expected the state dict: "
                       "torch.save(torch.jit.load(FILE).state_dict(), NEW)");
    for (size_t i = 0; i < f->zip.count; i++)
        if (f->zip.entries[i].method != 0)
            return vb_fail(f->err, VBLIP_ERR_UNSUPPORTED,
                           "%s: compressed (method %u), expected stored bytes",
                           f->zip.entries[i].name, f->zip.entries[i].method);
    VB_TRY(torch_check_version(f));
    return check_byte_order(f);
}

// ----------------------------------------------------------------------- one tensor

typedef struct storage {
    const struct element *element;
    const vb_zip_entry *entry;
    uint64_t count; // elements
} storage;

// ("storage", torch.FloatStorage, "12", "cpu", 589824)
static vblip_status read_storage(const file *f, storage *out, const char *name,
                                 const vb_pickle_value *id)
{
    if (id->kind != VB_PICKLE_PERSISTENT || id->count != 5)
        return FORMAT(f, "%s: no storage", name);
    const vb_pickle_value *type = &id->items[1], *key = &id->items[2];
    if (!vb_pickle_is_text(&id->items[0], "storage") ||
        type->kind != VB_PICKLE_GLOBAL || type->global < &globals[STORAGES] ||
        key->kind != VB_PICKLE_TEXT || id->items[3].kind != VB_PICKLE_TEXT ||
        id->items[4].kind != VB_PICKLE_INT || id->items[4].whole < 0)
        return FORMAT(f, "%s: a storage that torch.save does not write", name);
    char path[sizeof "data/" + MAX_KEY] = "data/";
    bool digits = key->count > 0 && key->count <= MAX_KEY;
    for (uint32_t i = 0; digits && i < key->count; i++)
        digits = key->text[i] >= '0' && key->text[i] <= '9';
    if (!digits)
        return FORMAT(f, "%s: a storage whose key is not a number", name);
    memcpy(path + strlen(path), key->text, key->count);
    out->element = &elements[type->global - &globals[STORAGES]];
    out->count = (uint64_t)id->items[4].whole;
    out->entry = torch_find(f, path);
    return out->entry ? VBLIP_OK
                      : FORMAT(f, "%s: %s/%s is missing", name, f->root, path);
}

static vblip_status check_storage(const file *f, const storage *s, vb_weight *w)
{
    if (s->element->dtype < 0)
        return vb_fail(f->err, VBLIP_ERR_UNSUPPORTED,
                       "%s: type %s, expected F32, F16 or BF16", w->name,
                       s->element->name);
    w->dtype = (vb_dtype)s->element->dtype;
    size_t unit = vb_dtype_size(w->dtype);
    if (s->entry->size % unit != 0 || s->entry->size / unit != s->count)
        return FORMAT(f, "%s: %s has %zu bytes, expected %" PRIu64 " of type %s",
                      w->name, s->entry->name, s->entry->size, s->count,
                      s->element->name);
    return VBLIP_OK;
}

// A tuple of whole numbers, or torch.Size of one.
static bool is_dimensions(const vb_pickle_value **value)
{
    if (is_call(*value, SIZE))
        *value = &(*value)->items[1];
    if ((*value)->kind != VB_PICKLE_TUPLE)
        return false;
    for (uint32_t i = 0; i < (*value)->count; i++)
        if ((*value)->items[i].kind != VB_PICKLE_INT)
            return false;
    return true;
}

// Fills the shape; *elements = how many it has, at most `limit`.
static vblip_status torch_read_shape(const file *f, vb_weight *w,
                                     uint64_t *elements_out, uint64_t limit,
                                     const vb_pickle_value *shape,
                                     const vb_pickle_value *strides)
{
    if (!is_dimensions(&shape) || !is_dimensions(&strides) ||
        shape->count != strides->count)
        return FORMAT(f, "%s: no shape", w->name);
    if (shape->count > VB_MAX_RANK)
        return FORMAT(f, "%s: %u dimensions, at most %d expected", w->name,
                      shape->count, VB_MAX_RANK);
    uint64_t product = 1;
    w->rank = shape->count;
    for (uint32_t i = w->rank; i-- > 0;) {
        int64_t size = shape->items[i].whole, stride = strides->items[i].whole;
        if (size < 1)
            return FORMAT(f, "%s: dimension %u is %" PRId64, w->name, i, size);
        if (size != 1 && (stride < 0 || (uint64_t)stride != product))
            return FORMAT(f,
                          "%s: dimension %u has stride %" PRId64 ", expected %" PRIu64
                          ": not contiguous",
                          w->name, i, stride, product);
        w->shape[i] = (uint64_t)size;
        if (w->shape[i] > limit / product)
            return FORMAT(
                f, "%s: its shape passes the %" PRIu64 " elements of its storage",
                w->name, limit);
        product *= w->shape[i];
    }
    *elements_out = product;
    return VBLIP_OK;
}

// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)
static vblip_status read_tensor(const file *f, vb_weight *w,
                                const vb_pickle_value *arguments)
{
    storage s = {0};
    uint64_t count = 0;
    VB_TRY(read_storage(f, &s, w->name, &arguments[0]));
    VB_TRY(check_storage(f, &s, w));
    VB_TRY(torch_read_shape(f, w, &count, s.count, &arguments[2], &arguments[3]));
    if (arguments[1].kind != VB_PICKLE_INT || arguments[4].kind != VB_PICKLE_BOOL ||
        arguments[5].kind != VB_PICKLE_DICT)
        return FORMAT(f, "%s: a tensor that torch.save does not write", w->name);
    int64_t offset = arguments[1].whole;
    if (offset < 0 || (uint64_t)offset > s.count - count)
        return FORMAT(f,
                      "%s: %" PRIu64 " elements at %" PRId64 " of the %" PRIu64
                      " of its storage",
                      w->name, count, offset, s.count);
    size_t unit = vb_dtype_size(w->dtype);
    w->data = s.entry->data + (size_t)offset * unit;
    w->size = (size_t)count * unit;
    w->entry = s.entry;
    return VBLIP_OK;
}

// The arguments of _rebuild_tensor_v2, also within a Parameter; NULL for what is none.
static const vb_pickle_value *tensor_of(const vb_pickle_value *value)
{
    if (is_call(value, REBUILD_PARAMETER))
        value = &value->items[1];
    return is_call(value, REBUILD_TENSOR) ? value->items + 1 : NULL;
}

// ----------------------------------------------------------------------- all of them

static vblip_status torch_read_name(const file *f, const char **out,
                                    const vb_pickle_value *key)
{
    if (key->kind != VB_PICKLE_TEXT)
        return FORMAT(f, "a tensor whose name is not a string");
    if (key->count == 0 || key->count > MAX_NAME)
        return FORMAT(f, "a tensor with a name of %u bytes", key->count);
    for (uint32_t i = 0; i < key->count; i++)
        if ((unsigned char)key->text[i] < ' ' || key->text[i] == 0x7F)
            return FORMAT(f, "a tensor whose name has control characters");
    *out = vb_arena_string(f->arena, key->text, key->count);
    return *out ? VBLIP_OK : vb_fail_memory(f->err, "tensor names");
}

static int torch_by_name(const void *a, const void *b)
{
    return strcmp(((const vb_weight *)a)->name, ((const vb_weight *)b)->name);
}

static vblip_status sort_weights(const file *f, vb_weight *weights, size_t count)
{
    qsort(weights, count, sizeof *weights, torch_by_name);
    for (size_t i = 1; i < count; i++)
        if (strcmp(weights[i].name, weights[i - 1].name) == 0)
            return FORMAT(f, "%s: two tensors of that name", weights[i].name);
    return VBLIP_OK;
}

// `in_model`: the dict is the one under "model".
static vblip_status list_tensors(const file *f, vb_weight_list *out,
                                 const vb_pickle_dict *dict, bool in_model)
{
    vb_weight *weights = VB_ARENA_NEW(f->arena, vb_weight, dict->count);
    if (!weights)
        return vb_fail_memory(f->err, "tensors");
    size_t n = 0;
    for (const vb_pickle_run *run = dict->first; run; run = run->next)
        for (size_t i = 0; i < run->count; i++) {
            vb_weight *w = &weights[n++];
            const vb_pickle_value *tensor = tensor_of(&run->pairs[2 * i + 1]);
            VB_TRY(torch_read_name(f, &w->name, &run->pairs[2 * i]));
            if (!tensor)
                return FORMAT(f, "%s: not a tensor%s", w->name,
                              in_model ? "" : ", and no dict under the key \"model\"");
            VB_TRY(read_tensor(f, w, tensor));
        }
    VB_TRY(sort_weights(f, weights, n));
    *out = (vb_weight_list){weights, n};
    return VBLIP_OK;
}

static vblip_status list_root(const file *f, vb_weight_list *out,
                              const vb_pickle_value *root)
{
    if (root->kind != VB_PICKLE_DICT)
        return FORMAT(f, "%s/data.pkl: the object is not a dict", f->root);
    const vb_pickle_value *model = NULL;
    for (const vb_pickle_run *run = root->dict->first; run; run = run->next)
        for (size_t i = 0; i < run->count; i++) {
            if (!vb_pickle_is_text(&run->pairs[2 * i], "model"))
                continue;
            if (model)
                return FORMAT(f, "%s/data.pkl: the key \"model\" is there twice",
                              f->root);
            model = &run->pairs[2 * i + 1];
        }
    bool in_model = model && model->kind == VB_PICKLE_DICT;
    return list_tensors(f, out, in_model ? model->dict : root->dict, in_model);
}

static vblip_status read_pickle(const file *f, vb_pickle_value *out)
{
    const vb_zip_entry *entry;
    VB_TRY(find_whole(f, &entry, "data.pkl"));
    vblip_error why = {0};
    vblip_status status = vb_pickle_parse(out, f->arena, entry->data, entry->size,
                                          globals, GLOBALS, &why);
    return status == VBLIP_OK
               ? VBLIP_OK
               : vb_fail(f->err, status, "%s: %s", entry->name, why.message);
}

// Before torch 1.6 a file began with a pickle of this number, protocol 2.
static vblip_status refuse_legacy(const uint8_t *bytes, size_t size, vblip_error *err)
{
    static const uint8_t magic[] = {0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C,
                                    0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19};
    if (size < sizeof magic || memcmp(bytes, magic, sizeof magic) != 0)
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                   "written by torch before 1.6; to convert it, with a newer torch: "
                   "torch.save(torch.load(FILE, map_location=\"cpu\"), NEW)");
}

vblip_status vb_torch_parse(vb_weight_list *out, vb_arena *arena, const uint8_t *bytes,
                            size_t size, vblip_error *err)
{
    *out = (vb_weight_list){0};
    file f = {.arena = arena, .err = err};
    vb_pickle_value root;
    VB_TRY(refuse_legacy(bytes, size, err));
    VB_TRY(vb_zip_parse(&f.zip, arena, bytes, size, err));
    VB_TRY(find_root(&f));
    VB_TRY(check_archive(&f));
    VB_TRY(read_pickle(&f, &root));
    return list_root(&f, out, &root);
}
