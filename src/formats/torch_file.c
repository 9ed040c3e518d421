#include "formats/torch_file.h"

#include "formats/pickle.h"
#include "formats/zip.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_NAME = 255,  // bytes of a tensor's name
    MAX_KEY = 20,    // digits that name a storage
    MAX_ROOT = 255,  // bytes of the folder that all entries are in
    MAX_FORMAT = 10, // the newest that torch::jit's reader knows
    MAX_PART = 1024, // bytes of the entries version and byteorder
};

typedef struct file {
    vb_arena *arena;
    const vb_file *archive;
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
    {"I64", VB_I64}, {"U8", VB_U8},   {"F64", VB_F32},   {"I16", -1},
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

// What one of the small entries holds.
typedef struct part {
    const char *name; // of the entry; NULL = there is none
    const uint8_t *bytes;
    size_t size;
} part;

// Reads the entry `name`, at most `limit` bytes. One that is damaged is a failure.
static vblip_status read_part(const file *f, part *out, const char *name, size_t limit)
{
    *out = (part){0};
    const vb_zip_entry *entry = torch_find(f, name);
    if (!entry)
        return VBLIP_OK;
    if (entry->size > limit)
        return FORMAT(f, "%s: %zu bytes, at most %zu expected", entry->name,
                      entry->size, limit);
    uint8_t *bytes = VB_ARENA_NEW(f->arena, uint8_t, entry->size);
    if (!bytes)
        return vb_fail_memory(f->err, entry->name);
    VB_TRY(vb_file_read_at(f->archive, bytes, entry->at, entry->size, f->err));
    *out = (part){entry->name, bytes, entry->size};
    return vb_zip_check(entry, vb_zip_crc(0, bytes, entry->size), f->err);
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
    part e;
    VB_TRY(read_part(f, &e, "version", MAX_PART));
    if (!e.name)
        return FORMAT(f, "%s/version is missing", f->root);
    size_t at = 0;
    unsigned version = 0;
    for (; at < e.size && at < 3 && e.bytes[at] >= '0' && e.bytes[at] <= '9'; at++)
        version = 10 * version + e.bytes[at] - '0';
    bool whole = at > 0 && (at == e.size || (at + 1 == e.size && e.bytes[at] == '\n'));
    if (!whole || version < 1)
        return FORMAT(f, "%s: not a version", e.name);
    if (version > MAX_FORMAT)
        return vb_fail(f->err, VBLIP_ERR_UNSUPPORTED,
                       "%s: format %u, at most %d is read", e.name, version,
                       MAX_FORMAT);
    return VBLIP_OK;
}

static bool holds(const part *entry, const char *text)
{
    return entry->size == strlen(text) && memcmp(entry->bytes, text, entry->size) == 0;
}

// Written by torch 2.1 and later.
static vblip_status check_byte_order(const file *f)
{
    part order;
    VB_TRY(read_part(f, &order, "byteorder", MAX_PART));
    if (!order.name || holds(&order, "little"))
        return VBLIP_OK;
    if (holds(&order, "big"))
        return vb_fail(f->err, VBLIP_ERR_UNSUPPORTED, "%s: big, expected little",
                       order.name);
    return FORMAT(f, "%s: neither little nor big", order.name);
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

// The element type of a storage's global; NULL for one that the table does not have.
static const struct element *element_of(const vb_pickle_global *type)
{
    for (size_t i = STORAGES; i < GLOBALS; i++)
        if (type == &globals[i])
            return &elements[i - STORAGES];
    return NULL;
}

// ("storage", torch.FloatStorage, "12", "cpu", 589824)
static vblip_status read_storage(const file *f, storage *out, const char *name,
                                 const vb_pickle_value *id)
{
    if (id->kind != VB_PICKLE_PERSISTENT || id->count != 5)
        return FORMAT(f, "%s: no storage", name);
    const vb_pickle_value *type = &id->items[1], *key = &id->items[2];
    if (!vb_pickle_is_text(&id->items[0], "storage") ||
        type->kind != VB_PICKLE_GLOBAL || key->kind != VB_PICKLE_TEXT ||
        id->items[3].kind != VB_PICKLE_TEXT || id->items[4].kind != VB_PICKLE_INT ||
        id->items[4].whole < 0)
        return FORMAT(f, "%s: a storage that torch.save does not write", name);
    out->element = element_of(type->global);
    if (!out->element)
        return vb_fail(f->err, VBLIP_ERR_UNSUPPORTED,
                       "%s: a %s.%s, expected a storage of F32, F16 or BF16", name,
                       type->global->module, type->global->name);
    char path[sizeof "data/" + MAX_KEY] = "data/";
    bool digits = key->count > 0 && key->count <= MAX_KEY;
    for (uint32_t i = 0; digits && i < key->count; i++)
        digits = key->text[i] >= '0' && key->text[i] <= '9';
    if (!digits)
        return FORMAT(f, "%s: a storage whose key is not a number", name);
    memcpy(path + strlen(path), key->text, key->count);
    out->count = (uint64_t)id->items[4].whole;
    out->entry = torch_find(f, path);
    return out->entry ? VBLIP_OK
                      : FORMAT(f, "%s: %s/%s is missing", name, f->root, path);
}

// Bytes of an element in the file.
static size_t unit_of(const vb_weight *w)
{
    return w->is_double ? sizeof(double) : vb_dtype_size(w->dtype);
}

static vblip_status check_storage(const file *f, const storage *s, vb_weight *w)
{
    if (s->element->dtype < 0)
        return vb_fail(f->err, VBLIP_ERR_UNSUPPORTED,
                       "%s: type %s, expected F32, F16 or BF16", w->name,
                       s->element->name);
    w->dtype = (vb_dtype)s->element->dtype;
    w->is_double = strcmp(s->element->name, "F64") == 0;
    const size_t unit = unit_of(w);
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

// Fills the shape; *count = elements it has, *span = those of the storage from the first to
// the last of them, each at most `limit`.
static vblip_status torch_read_shape(const file *f, vb_weight *w, uint64_t *count,
                                     uint64_t *span, uint64_t limit,
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
    *span = 1;
    w->rank = shape->count;
    for (uint32_t i = w->rank; i-- > 0;) {
        int64_t size = shape->items[i].whole, stride = strides->items[i].whole;
        if (size < 1)
            return FORMAT(f, "%s: dimension %u is %" PRId64, w->name, i, size);
        w->shape[i] = (uint64_t)size;
        w->strides[i] = (uint64_t)stride;
        w->strided |= size != 1 && w->strides[i] != product;
        if (stride < 0 || w->shape[i] > limit / product ||
            (size != 1 && stride > 0 &&
             (w->shape[i] - 1 > limit / w->strides[i] ||
              (*span += (w->shape[i] - 1) * w->strides[i]) > limit)))
            return FORMAT(
                f, "%s: its shape passes the %" PRIu64 " elements of its storage",
                w->name, limit);
        product *= w->shape[i];
    }
    *count = product;
    return VBLIP_OK;
}

// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)
static vblip_status read_tensor(const file *f, vb_weight *w,
                                const vb_pickle_value *arguments)
{
    storage s = {0};
    uint64_t count = 0, span = 0;
    VB_TRY(read_storage(f, &s, w->name, &arguments[0]));
    VB_TRY(check_storage(f, &s, w));
    VB_TRY(
        torch_read_shape(f, w, &count, &span, s.count, &arguments[2], &arguments[3]));
    if (arguments[1].kind != VB_PICKLE_INT || arguments[4].kind != VB_PICKLE_BOOL ||
        arguments[5].kind != VB_PICKLE_DICT)
        return FORMAT(f, "%s: a tensor that torch.save does not write", w->name);
    int64_t offset = arguments[1].whole;
    if (offset < 0 || span > s.count || (uint64_t)offset > s.count - span)
        return FORMAT(f,
                      "%s: %" PRIu64 " elements at %" PRId64 " of the %" PRIu64
                      " of its storage",
                      w->name, span, offset, s.count);
    w->file = f->archive;
    w->at = s.entry->at + (size_t)offset * unit_of(w);
    w->size = (size_t)count * vb_dtype_size(w->dtype);
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

static const char *text_of_kind(const vb_pickle_value *value)
{
    static const char *const kinds[] = {
        [VB_PICKLE_NONE] = "None",       [VB_PICKLE_BOOL] = "a bool",
        [VB_PICKLE_INT] = "a number",    [VB_PICKLE_NUMBER] = "a number",
        [VB_PICKLE_TEXT] = "a text",     [VB_PICKLE_TUPLE] = "a tuple",
        [VB_PICKLE_LIST] = "a list",     [VB_PICKLE_DICT] = "a dict",
        [VB_PICKLE_GLOBAL] = "a class",  [VB_PICKLE_CALL] = "an object",
        [VB_PICKLE_OBJECT] = "an object"};
    const size_t kind = (size_t)value->kind;
    const char *text = kind < sizeof kinds / sizeof *kinds ? kinds[kind] : NULL;
    return text ? text : "an object";
}

// What lies under a tensor's name and is none is kept, with what it is: it is refused when
// a weight of that name is needed. *tensors counts the others.
static vblip_status torch_read_value(const file *f, vb_weight *w,
                                     const vb_pickle_value *key,
                                     const vb_pickle_value *value, size_t *tensors)
{
    const vb_pickle_value *tensor = tensor_of(value);
    vblip_error why = {0};
    file inner = *f;
    inner.err = &why;
    VB_TRY(torch_read_name(f, &w->name, key));
    const char *name = w->name;
    char text[300];
    if (tensor) {
        vblip_status status = read_tensor(&inner, w, tensor);
        *tensors += 1;
        if (status == VBLIP_OK)
            return VBLIP_OK;
        if (status != VBLIP_ERR_UNSUPPORTED && status != VBLIP_ERR_FORMAT)
            return vb_fail(f->err, status, "%s", why.message);
        snprintf(text, sizeof text, "%.290s", why.message + strlen(name) + 2);
    } else if (value->kind == VB_PICKLE_FOREIGN && value->global) {
        snprintf(text, sizeof text, "made by %.128s %.128s, which is not read",
                 value->global->module, value->global->name);
    } else {
        snprintf(text, sizeof text, "%s, expected a tensor", text_of_kind(value));
    }
    *w = (vb_weight){.name = name, .file = f->archive};
    w->unreadable = vb_arena_string(f->arena, text, strlen(text));
    return w->unreadable ? VBLIP_OK : vb_fail_memory(f->err, "tensors");
}

static vblip_status list_tensors(const file *f, vb_weight_list *out,
                                 const vb_pickle_dict *dict)
{
    vb_weight *weights = VB_ARENA_NEW(f->arena, vb_weight, dict->count);
    if (!weights)
        return vb_fail_memory(f->err, "tensors");
    size_t n = 0, tensors = 0;
    for (const vb_pickle_run *run = dict->first; run; run = run->next)
        for (size_t i = 0; i < run->count; i++, n++)
            VB_TRY(torch_read_value(f, &weights[n], &run->pairs[2 * i],
                                    &run->pairs[2 * i + 1], &tensors));
    if (tensors == 0 && n > 0)
        return FORMAT(f,
                      "no tensors in %s/data.pkl (%.64s: %.160s), nor under model, "
                      "state_dict, model_state_dict or module: "
                      "torch.save(model.state_dict(), NEW)",
                      f->root, weights[0].name, weights[0].unreadable);
    VB_TRY(sort_weights(f, weights, n));
    *out = (vb_weight_list){weights, n};
    return VBLIP_OK;
}

// The dict under a key by which training code keeps its weights: in BLIP and LAVIS; in
// Lightning; in the tutorials of torch; in DeepSpeed. NULL when there is none.
static vblip_status find_wrapped(const file *f, const vb_pickle_dict **out,
                                 const vb_pickle_dict *dict)
{
    static const char *const keys[] = {"model", "state_dict", "model_state_dict",
                                       "module"};
    const char *found = NULL;
    *out = NULL;
    for (const vb_pickle_run *run = dict->first; run; run = run->next)
        for (size_t i = 0; i < run->count; i++)
            for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
                const vb_pickle_value *value = &run->pairs[2 * i + 1];
                if (!vb_pickle_is_text(&run->pairs[2 * i], keys[k]) ||
                    value->kind != VB_PICKLE_DICT)
                    continue;
                if (found == keys[k])
                    return FORMAT(f, "%s/data.pkl: the key \"%s\" is there twice",
                                  f->root, found);
                if (found)
                    return FORMAT(f,
                                  "weights under \"%s\" and under \"%s\": "
                                  "torch.save(torch.load(FILE)[\"%s\"], NEW)",
                                  found, keys[k], found);
                found = keys[k];
                *out = value->dict;
            }
    return VBLIP_OK;
}

static vblip_status list_root(const file *f, vb_weight_list *out,
                              const vb_pickle_value *root)
{
    enum { MAX_WRAPPED = 4 }; // dicts inside each other
    if (root->kind == VB_PICKLE_FOREIGN && root->global)
        return FORMAT(f,
                      "a whole %.64s, expected the dict of its weights: "
                      "torch.save(torch.load(FILE, weights_only=False).state_dict(), "
                      "NEW)",
                      root->global->name);
    if (root->kind != VB_PICKLE_DICT)
        return FORMAT(f, "%s/data.pkl: the object is not a dict", f->root);
    const vb_pickle_dict *dict = root->dict, *inner = dict;
    for (int i = 0; inner && i < MAX_WRAPPED; i++) {
        dict = inner;
        VB_TRY(find_wrapped(f, &inner, dict));
    }
    return list_tensors(f, out, dict);
}

static vblip_status read_pickle(const file *f, vb_pickle_value *out)
{
    part pickle;
    VB_TRY(read_part(f, &pickle, "data.pkl", VB_PICKLE_MAX_BYTES));
    vblip_error why = {0};
    vblip_status status = vb_pickle_parse(out, f->arena, pickle.bytes, pickle.size,
                                          globals, GLOBALS, &why);
    return status == VBLIP_OK
               ? VBLIP_OK
               : vb_fail(f->err, status, "%s: %s", pickle.name, why.message);
}

// Before torch 1.6 a file began with a pickle of this number, protocol 2.
static vblip_status refuse_legacy(const vb_file *archive, vblip_error *err)
{
    static const uint8_t magic[] = {0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C,
                                    0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19};
    uint8_t head[sizeof magic];
    if (archive->size < sizeof magic)
        return VBLIP_OK;
    VB_TRY(vb_file_read_at(archive, head, 0, sizeof head, err));
    if (memcmp(head, magic, sizeof magic) != 0)
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                   "written by torch before 1.6; to convert it, with a newer torch: "
                   "torch.save(torch.load(FILE, map_location=\"cpu\"), NEW)");
}

vblip_status vb_torch_parse(vb_weight_list *out, vb_arena *arena,
                            const vb_file *archive, vblip_error *err)
{
    *out = (vb_weight_list){0};
    file f = {.arena = arena, .archive = archive, .err = err};
    vb_pickle_value root;
    VB_TRY(refuse_legacy(archive, err));
    VB_TRY(vb_zip_parse(&f.zip, arena, archive, err));
    VB_TRY(find_root(&f));
    VB_TRY(check_archive(&f));
    VB_TRY(read_pickle(&f, &root));
    return list_root(&f, out, &root);
}
