#include "blip/weights.h"

#include "base/hash.h"
#include "blip/positions.h"
#include "checkpoint/schema.h"
#include "compute/recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 256, PIECE_BYTES = 64 << 10 };

typedef struct vb_matrix_node {
    struct vb_matrix_node *next;
    vb_matrix *matrix;
} vb_matrix_node;

// The recorder latches the first failure; everything after it does nothing.
typedef struct loader {
    vb_weights *out;
    const vb_checkpoint *checkpoint;
    vb_recorder rec;
    bool tied; // the word embedding of the decoder is the matrix of its head
    bool first_positions;
    float *scratch; // widened values on their way to the device
    size_t capacity;
} loader;

// ----------------------------------------------------------------- what is loaded where

// Tensors of one field of a struct.
typedef struct field {
    vb_tensor_kind kind;
    vb_tensor_cross cross;
    size_t at;
    const char *names[VB_MAX_NAMES];
} field;

static const struct group {
    vb_tower tower;
    uint32_t tasks;
    const char *prefix;
    size_t layers, layer_size; // where vb_weights has the array; 0 bytes = it has none
    const field *fields;       // ends with one without names
} groups[] = {
#define ROW(OWNER, FIELD, KIND, CROSS, SHAPE, ...)                                     \
    {VB_KIND_##KIND, VB_CROSS_##CROSS, offsetof(OWNER, FIELD), {__VA_ARGS__}},
#define ONCE(TOWER, TASKS, PREFIX, ROWS)                                               \
    {.tower = VB_TOWER_##TOWER,                                                        \
     .tasks = TASKS,                                                                   \
     .prefix = PREFIX,                                                                 \
     .fields = (const field[]){ROWS{0}}},
#define EACH(TOWER, TASKS, PREFIX, OWNER, LAYERS, ROWS)                                \
    {.tower = VB_TOWER_##TOWER,                                                        \
     .tasks = TASKS,                                                                   \
     .prefix = PREFIX,                                                                 \
     .layers = offsetof(vb_weights, LAYERS),                                           \
     .layer_size = sizeof(OWNER),                                                      \
     .fields = (const field[]){ROWS{0}}},
    VB_TENSOR_GROUPS(ONCE, EACH, ROW)
#undef ROW
#undef ONCE
#undef EACH
};

// ---------------------------------------------------------------------- single tensors

static bool failed(const loader *l)
{
    return l->rec.status != VBLIP_OK;
}

static void weights_out_of_memory(loader *l)
{
    vb_recorder_fail(&l->rec, VBLIP_ERR_MEMORY, "weights: out of memory");
}

static const vb_weight *find_weight(loader *l, const char *prefix, const char *name,
                                    const char *suffix)
{
    if (failed(l))
        return NULL;
    char full[MAX_NAME];
    snprintf(full, sizeof full, "%s%s%s", prefix, name, suffix);
    const vb_weight *weight = vb_checkpoint_find(l->checkpoint, full);
    if (!weight)
        vb_recorder_fail(&l->rec, VBLIP_ERR_FORMAT, "%s: %s: missing",
                         vb_checkpoint_info(l->checkpoint)->path, full);
    return weight;
}

static uint32_t elements(const vb_weight *weight)
{
    return (uint32_t)(weight->size / vb_dtype_size(weight->dtype));
}

// Room for `count` floats, or NULL after a failure.
static float *scratch(loader *l, size_t count)
{
    if (count > l->capacity) {
        float *grown = realloc(l->scratch, count * sizeof *grown);
        if (!grown) {
            weights_out_of_memory(l);
            return NULL;
        }
        l->scratch = grown;
        l->capacity = count;
    }
    return l->scratch;
}

static vb_tensor upload(loader *l, const float *values, uint32_t rows, uint32_t cols)
{
    vb_tensor t = {0};
    vblip_error why = {0};
    if (failed(l))
        return t;
    vblip_status status =
        vb_pool_tensor(&t, &l->out->vectors, VB_F32, 1, rows, cols, &why);
    vb_recorder_check(&l->rec, status, &why);
    vb_upload(&l->rec, t, values);
    return t;
}

// Widens a tensor to `out`, piece by piece.
static void read_values(loader *l, float *out, const vb_weight *w)
{
    uint8_t piece[PIECE_BYTES];
    const size_t unit = vb_dtype_size(w->dtype);
    for (size_t at = 0; at < w->size && !failed(l); at += PIECE_BYTES) {
        const size_t size = w->size - at < PIECE_BYTES ? w->size - at : PIECE_BYTES;
        vblip_error why = {0};
        vblip_status status =
            vb_checkpoint_read(l->checkpoint, w, piece, at, size, &why);
        vb_recorder_check(&l->rec, status, &why);
        if (status == VBLIP_OK)
            vb_widen(out + at / unit, piece, w->dtype, size / unit);
    }
}

// The values of `count` tensors behind each other, as [1, rows, cols].
static vb_tensor upload_weights(loader *l, const vb_weight *const *weights,
                                uint32_t count, uint32_t rows)
{
    size_t total = 0, at = 0;
    for (uint32_t i = 0; i < count && !failed(l); i++)
        total += elements(weights[i]);
    float *values = failed(l) ? NULL : scratch(l, total);
    if (!values)
        return (vb_tensor){0};
    for (uint32_t i = 0; i < count; i++) {
        read_values(l, values + at, weights[i]);
        at += elements(weights[i]);
    }
    return upload(l, values, rows, (uint32_t)(total / rows));
}

typedef struct row_source {
    const vb_checkpoint *checkpoint;
    const vb_weight *weight;
} row_source;

static vblip_status read_weight_rows(const void *source, void *out, size_t at,
                                     size_t size, vblip_error *err)
{
    const row_source *s = source;
    return vb_checkpoint_read(s->checkpoint, s->weight, out, at, size, err);
}

static vblip_status prepare_weight_rows(const void *source, vblip_error *err)
{
    const row_source *s = source;
    return vb_checkpoint_prepare(s->checkpoint, s->weight, err);
}

// Stacks `count` weights of shape [rows, ...] into one matrix.
static vb_matrix *make_matrix(loader *l, const vb_weight *const *weights,
                              uint32_t count, uint32_t uses)
{
    vb_matrix_block blocks[VB_MAX_NAMES];
    row_source sources[VB_MAX_NAMES];
    uint32_t cols = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (failed(l))
            return NULL;
        const vb_weight *w = weights[i];
        sources[i] = (row_source){l->checkpoint, w};
        blocks[i] = (vb_matrix_block){w->dtype, (uint32_t)w->shape[0], read_weight_rows,
                                      &sources[i], prepare_weight_rows};
        cols = elements(weights[0]) / blocks[0].rows;
        if (elements(w) != cols * blocks[i].rows)
            vb_recorder_fail(&l->rec, VBLIP_ERR_FORMAT, "%s: %u columns, %s has %u",
                             w->name, elements(w) / blocks[i].rows, weights[0]->name,
                             cols);
    }
    vb_matrix_node *node =
        failed(l) ? NULL : VB_ARENA_NEW(&l->out->arena, vb_matrix_node, 1);
    const char *name = failed(l) ? NULL
                                 : vb_arena_string(&l->out->arena, weights[0]->name,
                                                   strlen(weights[0]->name));
    if (failed(l))
        return NULL;
    if (!node || !name) {
        weights_out_of_memory(l);
        return NULL;
    }
    vblip_error why = {0};
    vblip_status status = vb_matrix_make(&node->matrix, l->rec.device, blocks, count,
                                         cols, uses, name, &why);
    vb_recorder_check(&l->rec, status, &why);
    node->next = l->out->matrices;
    l->out->matrices = node;
    return node->matrix;
}

// ------------------------------------------------------------------------------ fields

// The tensors PREFIX NAME SUFFIX of a field; how many in `count`.
static void find_all(loader *l, const vb_weight *out[VB_MAX_NAMES], uint32_t *count,
                     const field *f, const char *prefix, const char *suffix)
{
    for (*count = 0; *count < VB_MAX_NAMES && f->names[*count]; ++*count)
        out[*count] = find_weight(l, prefix, f->names[*count], suffix);
}

static void load_norm(loader *l, void *out, const field *f, const char *prefix)
{
    const vb_weight *gain = find_weight(l, prefix, f->names[0], ".weight");
    const vb_weight *bias = find_weight(l, prefix, f->names[0], ".bias");
    vb_norm *norm = out;
    norm->gain = upload_weights(l, &gain, 1, 1);
    norm->bias = upload_weights(l, &bias, 1, 1);
}

static void load_uses(loader *l, vb_dense *dense, const field *f, const char *prefix,
                      uint32_t uses)
{
    const vb_weight *weights[VB_MAX_NAMES], *biases[VB_MAX_NAMES];
    uint32_t count;
    find_all(l, weights, &count, f, prefix, ".weight");
    find_all(l, biases, &count, f, prefix, ".bias");
    dense->w = make_matrix(l, weights, count, uses);
    dense->b = upload_weights(l, biases, count, 1);
}

static void load_dense(loader *l, void *out, const field *f, const char *prefix)
{
    load_uses(l, out, f, prefix, VB_USE_LINEAR);
}

static void load_keys(loader *l, void *out, const field *f, const char *prefix)
{
    const bool absorbs = vb_device_absorbs(l->rec.device);
    load_uses(l, out, f, prefix, absorbs ? VB_USE_LINEAR | VB_USE_ROWS : VB_USE_LINEAR);
}

static void load_rows(loader *l, void *out, const field *f, const char *prefix)
{
    const vb_weight *weight = find_weight(l, prefix, f->names[0], "");
    const uint32_t rows = weight && weight->rank == 2 ? (uint32_t)weight->shape[0] : 1;
    *(vb_tensor *)out = upload_weights(l, &weight, 1, rows);
}

// The position embedding, resized when the model runs at another image size, or its first
// rows.
static void load_grid(loader *l, void *out, const field *f, const char *prefix)
{
    const vb_vision_config *config = &vb_checkpoint_config(l->checkpoint)->vision;
    const vb_weight *w = find_weight(l, prefix, f->names[0], "");
    if (!w)
        return;
    const uint32_t width = config->width, tokens = elements(w) / width;
    const uint32_t old_grid = vb_grid_of(tokens - 1);
    const uint32_t new_grid = config->image_size / config->patch_size;
    if (old_grid == new_grid) {
        *(vb_tensor *)out = upload_weights(l, &w, 1, tokens);
        return;
    }
    const size_t old_count = (size_t)tokens * width;
    const size_t new_count = ((size_t)new_grid * new_grid + 1) * width;
    float *values = scratch(l, old_count + new_count);
    if (!values)
        return;
    read_values(l, values, w);
    if (failed(l))
        return;
    float *used = l->first_positions ? values : values + old_count;
    if (!l->first_positions)
        vb_resize_positions(used, new_grid, values, old_grid, width);
    *(vb_tensor *)out = upload(l, used, new_grid * new_grid + 1, width);
}

static void load_words(loader *l, void *out, const field *f, const char *prefix)
{
    const bool is_head = l->tied && out == (void *)&l->out->decoder.words;
    const vb_weight *words = find_weight(l, prefix, f->names[0], "");
    *(vb_matrix **)out =
        make_matrix(l, &words, 1, is_head ? VB_USE_ROWS | VB_USE_LINEAR : VB_USE_ROWS);
}

static void load_head(loader *l, void *out, const field *f, const char *prefix)
{
    if (l->tied) {
        *(vb_matrix **)out = l->out->decoder.words;
        return;
    }
    const vb_weight *head = find_weight(l, prefix, f->names[0], "");
    *(vb_matrix **)out = make_matrix(l, &head, 1, VB_USE_LINEAR);
}

static void load_either(loader *l, void *out, const field *f, const char *prefix)
{
    char first[MAX_NAME];
    snprintf(first, sizeof first, "%s%s", prefix, f->names[0]);
    const bool there = vb_checkpoint_find(l->checkpoint, first) != NULL;
    const vb_weight *weight = find_weight(l, prefix, f->names[there ? 0 : 1], "");
    *(vb_tensor *)out = upload_weights(l, &weight, 1, 1);
}

static void (*const load_kind[])(loader *, void *, const field *, const char *) = {
    [VB_KIND_NORM] = load_norm,     [VB_KIND_DENSE] = load_dense,
    [VB_KIND_ROWS] = load_rows,     [VB_KIND_GRID] = load_grid,
    [VB_KIND_WORDS] = load_words,   [VB_KIND_HEAD] = load_head,
    [VB_KIND_EITHER] = load_either, [VB_KIND_KEYS] = load_keys,
};

// ------------------------------------------------------------------------------ groups

// Those fields of `owner` that `tasks` need.
static void load_fields(loader *l, void *owner, const struct group *group,
                        const char *prefix, uint32_t layer, uint32_t tasks)
{
    const uint32_t merge_from = vb_checkpoint_config(l->checkpoint)->encoder.merge_from;
    for (const field *f = group->fields; f->names[0] && !failed(l); f++)
        if (vb_schema_tasks(group->tasks, f->cross, layer, merge_from) & tasks)
            load_kind[f->kind](l, (char *)owner + f->at, f, prefix);
}

static void load_layers(loader *l, const struct group *group, uint32_t tasks)
{
    const vb_config *config = vb_checkpoint_config(l->checkpoint);
    const uint32_t count = vb_schema_layers(config, group->tower);
    char *layers = vb_arena_alloc(&l->out->arena, count, group->layer_size);
    if (!layers)
        weights_out_of_memory(l);
    for (uint32_t i = 0; i < count && !failed(l); i++) {
        char prefix[MAX_NAME];
        snprintf(prefix, sizeof prefix, "%s%u.", group->prefix, i);
        load_fields(l, layers + i * group->layer_size, group, prefix, i, tasks);
    }
    memcpy((char *)l->out + group->layers, &layers, sizeof layers);
}

// Whether two tensors hold the same; read piece by piece, for each is a tenth of a
// checkpoint.
static vblip_status same_values(bool *out, const vb_checkpoint *c, const vb_weight *a,
                                const vb_weight *b, vblip_error *err)
{
    uint8_t x[PIECE_BYTES], y[PIECE_BYTES];
    *out = a->dtype == b->dtype && a->size == b->size;
    if (a->file == b->file && a->at == b->at)
        return VBLIP_OK;
    for (size_t at = 0; *out && at < a->size; at += PIECE_BYTES) {
        const size_t size = a->size - at < PIECE_BYTES ? a->size - at : PIECE_BYTES;
        VB_TRY(vb_checkpoint_read(c, a, x, at, size, err));
        VB_TRY(vb_checkpoint_read(c, b, y, at, size, err));
        *out = memcmp(x, y, size) == 0;
    }
    return VBLIP_OK;
}

// Whether the word embedding of the decoder is the matrix of its LM head (blip-spec 7.3).
static bool is_tied(loader *l)
{
    const vb_checkpoint *c = l->checkpoint;
    const vb_weight *words =
        vb_checkpoint_find(c, "text_decoder.bert.embeddings.word_embeddings.weight");
    const vb_weight *head =
        vb_checkpoint_find(c, "text_decoder.cls.predictions.decoder.weight");
    bool same = true;
    vblip_error why = {0};
    if (words && head)
        vb_recorder_check(&l->rec, same_values(&same, c, words, head, &why), &why);
    return same;
}

static vb_weights_origin origin_of(const vb_checkpoint *checkpoint, uint32_t tasks)
{
    vb_weights_origin origin;
    vb_checkpoint_origin(&origin.place, &origin.content, checkpoint);
    if (origin.place)
        origin.place = vb_hash_bytes(origin.place, &tasks, sizeof tasks);
    return origin;
}

vblip_status vb_weights_load(vb_weights *out, vb_device *device,
                             const vb_checkpoint *checkpoint, uint32_t tasks,
                             bool first_positions, vblip_error *err)
{
    *out = (vb_weights){.vectors = {.device = device, .name = "weights"}};
    loader l = {.out = out,
                .checkpoint = checkpoint,
                .rec = vb_recorder_begin(device),
                .first_positions = first_positions};
    l.tied = tasks & VB_DECODER_TASKS && is_tied(&l);
    vb_weights_begin(device, origin_of(checkpoint, tasks));
    for (size_t g = 0; g < sizeof groups / sizeof *groups && !failed(&l); g++) {
        if (!(groups[g].tasks & tasks))
            continue;
        if (groups[g].layer_size)
            load_layers(&l, &groups[g], tasks);
        else
            load_fields(&l, out, &groups[g], groups[g].prefix, 0, tasks);
    }
    free(l.scratch);
    vblip_status status = vb_recorder_submit(&l.rec, err);
    vb_weights_end(device, status == VBLIP_OK);
    if (status != VBLIP_OK)
        vb_weights_free(out);
    return status;
}

void vb_weights_free(vb_weights *weights)
{
    for (vb_matrix_node *n = weights->matrices; n; n = n->next)
        vb_matrix_free(&n->matrix);
    vb_pool_free(&weights->vectors);
    vb_arena_free(&weights->arena);
    *weights = (vb_weights){0};
}
