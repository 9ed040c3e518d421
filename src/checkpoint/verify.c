#include "checkpoint/verify.h"

#include "checkpoint/schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// NULL-terminated, in the arena.
typedef struct names {
    const char **items;
    size_t count, capacity;
} names;

static vblip_status push(names *list, vb_arena *arena, const char *name,
                         vblip_error *err)
{
    if (list->count + 1 >= list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        const char **items = VB_ARENA_NEW(arena, const char *, capacity);
        if (!items)
            return vb_fail_memory(err, "list of tensors");
        if (list->count)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    if (name &&
        !(list->items[list->count++] = vb_arena_string(arena, name, strlen(name))))
        return vb_fail_memory(err, "list of tensors");
    return VBLIP_OK;
}

typedef struct check {
    vb_arena *arena;
    const vb_weight_files *weights;
    const vb_weight_list *list; // weights->list
    const vb_layout *layout;
    uint32_t wanted;   // tasks that must be whole
    bool list_missing; // what is missing is only listed
    bool doubles;      // there are F64
    vblip_error *err;

    uint32_t broken; // tasks that are not whole
    bool *used;      // by index in list->weights
    names missing, unexpected;
    uint64_t parameters;
    bool types[VB_U8 + 1];
} check;

static void format_shape(char out[96], const uint64_t *shape, uint32_t rank)
{
    size_t used = 0;
    snprintf(out, 96, "scalar");
    for (uint32_t i = 0; i < rank; i++)
        used += (size_t)snprintf(out + used, 96 - used, "%s%" PRIu64, i ? "x" : "",
                                 shape[i]);
}

// What is wrong with the tensor, in `what`; false when nothing is.
static bool is_wrong(char what[256], const vb_weight *w, const vb_schema_tensor *t)
{
    if (w->unreadable) {
        snprintf(what, 256, "%.255s", w->unreadable);
        return true;
    }
    if (w->dtype != VB_F32 && w->dtype != VB_F16 && w->dtype != VB_BF16) {
        snprintf(what, 256, "type %s, expected F32, F16 or BF16",
                 vb_dtype_name(w->dtype));
        return true;
    }
    if (w->rank == t->rank && memcmp(w->shape, t->shape, sizeof w->shape) == 0)
        return false;
    char found[96], expected[96];
    format_shape(found, w->shape, w->rank);
    format_shape(expected, t->shape, t->rank);
    snprintf(what, 256, "shape %s, expected %s", found, expected);
    return true;
}

static vblip_status check_missing(check *k, const vb_schema_tensor *t)
{
    if (t->optional)
        return VBLIP_OK;
    char name[256];
    vb_weight_files_name(k->weights, name, sizeof name, t->name);
    k->broken |= t->tasks;
    VB_TRY(push(&k->missing, k->arena, name, k->err));
    if (!k->list_missing && (t->tasks & k->wanted))
        return vb_fail(k->err, VBLIP_ERR_FORMAT, "%s: %s: missing", k->weights->path,
                       name);
    return VBLIP_OK;
}

static vblip_status check_tensor(void *user, const vb_schema_tensor *t)
{
    check *k = user;
    if (!(t->tasks & k->layout->tasks))
        return VBLIP_OK;
    const vb_weight *w = vb_weight_find(k->list, t->name);
    const vb_weight *other = t->other ? vb_weight_find(k->list, t->other) : NULL;
    if (other)
        k->used[other - k->list->weights] = true;
    if (!w)
        w = other;
    if (!w)
        return check_missing(k, t);
    k->used[w - k->list->weights] = true;
    k->parameters += w->size / vb_dtype_size(w->dtype);
    k->types[w->dtype] = true;
    k->doubles |= w->is_double;
    char what[256];
    if (!is_wrong(what, w, t))
        return VBLIP_OK;
    k->broken |= t->tasks;
    if (!(t->tasks & k->wanted))
        return VBLIP_OK;
    char name[256];
    vb_weight_files_name(k->weights, name, sizeof name, w->name);
    return vb_fail(k->err, VBLIP_ERR_FORMAT, "%s: %s: %s",
                   vb_weight_files_of(k->weights, w), name, what);
}

static vblip_status list_unexpected(check *k)
{
    const vb_weight_list *list = k->list;
    for (size_t i = 0; i < list->count; i++) {
        char name[256];
        if (k->used[i] || vb_schema_ignores(list->weights[i].name))
            continue;
        vb_weight_files_name(k->weights, name, sizeof name, list->weights[i].name);
        VB_TRY(push(&k->unexpected, k->arena, name, k->err));
    }
    return VBLIP_OK;
}

static const char *dtype_of(const check *k)
{
    const char *name = "none";
    int types = 0;
    if (k->doubles)
        return "F64";
    for (int i = 0; i <= VB_U8; i++) {
        if (!k->types[i])
            continue;
        name = vb_dtype_name((vb_dtype)i);
        types++;
    }
    return types > 1 ? "mixed" : name;
}

// What quantising for the processor makes of a weight is an object under this name.
static vblip_status refuse_packed(const check *k)
{
    for (size_t i = 0; i < k->list->count; i++) {
        const char *name = k->list->weights[i].name;
        if (strstr(name, "._packed_params"))
            return vb_fail(k->err, VBLIP_ERR_UNSUPPORTED,
                           "%s: %s: quantised weights: save the model as it was before "
                           "quantize_dynamic()",
                           k->weights->path, name);
    }
    return VBLIP_OK;
}

static vblip_status verify(check *k)
{
    VB_TRY(refuse_packed(k));
    k->used = VB_ARENA_NEW(k->arena, bool, k->list->count);
    if (!k->used)
        return vb_fail_memory(k->err, k->weights->path);
    VB_TRY(push(&k->missing, k->arena, NULL, k->err)); // empty, but terminated
    VB_TRY(push(&k->unexpected, k->arena, NULL, k->err));
    VB_TRY(
        vb_schema_visit(&k->layout->config, k->layout->stored_tokens, check_tensor, k));
    return list_unexpected(k);
}

vblip_status vb_verify(vb_verdict *out, vb_arena *arena, const vb_weight_files *weights,
                       const vb_layout *layout, uint32_t wanted, bool list_missing,
                       vblip_error *err)
{
    *out = (vb_verdict){0};
    check k = {.arena = arena,
               .weights = weights,
               .list = &weights->list,
               .layout = layout,
               .wanted = wanted,
               .list_missing = list_missing,
               .err = err};
    VB_TRY(verify(&k));
    *out = (vb_verdict){.whole = layout->tasks & ~k.broken,
                        .dtype = dtype_of(&k),
                        .parameters = k.parameters,
                        .missing = k.missing.items,
                        .unexpected = k.unexpected.items};
    return VBLIP_OK;
}
