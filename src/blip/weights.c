#include "blip/weights.h"

#include "blip/positions.h"
#include "compute/recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 256, MAX_BLOCKS = 3, PIECE_BYTES = 4 << 20 };

typedef struct vb_matrix_node {
    struct vb_matrix_node *next;
    vb_matrix *matrix;
} vb_matrix_node;

// The recorder latches the first failure; everything after it does nothing.
typedef struct loader {
    vb_weights *out;
    const vb_checkpoint *checkpoint;
    vb_recorder rec;
    float *scratch; // widened values on their way to the device
    size_t capacity;
} loader;

// ------------------------------------------------------------- names in a checkpoint

// Tensors of one field of a struct: "<prefix><name>.weight" and ".bias". Several names
// are stacked on top of each other.
typedef struct field {
    size_t at;
    const char *names[MAX_BLOCKS];
} field;

#define VISION(member) offsetof(vb_vision_block, member)
static const field vision_norms[] = {
    {VISION(norm1), {"layer_norm1"}},
    {VISION(norm2), {"layer_norm2"}},
    {0, {NULL}},
};
static const field vision_denses[] = {
    {VISION(qkv), {"self_attn.qkv"}},
    {VISION(proj), {"self_attn.projection"}},
    {VISION(fc1), {"mlp.fc1"}},
    {VISION(fc2), {"mlp.fc2"}},
    {0, {NULL}},
};

#define TEXT(member) offsetof(vb_text_layer, member)
static const field text_norms[] = {
    {TEXT(self_norm), {"attention.output.LayerNorm"}},
    {TEXT(cross_norm), {"crossattention.output.LayerNorm"}},
    {TEXT(mlp_norm), {"output.LayerNorm"}},
    {0, {NULL}},
};
static const field text_denses[] = {
    {TEXT(qkv), {"attention.self.query", "attention.self.key", "attention.self.value"}},
    {TEXT(self_out), {"attention.output.dense"}},
    {TEXT(fc1), {"intermediate.dense"}},
    {TEXT(fc2), {"output.dense"}},
    {0, {NULL}},
};
static const field cross_denses[] = {
    {TEXT(cross[0].q), {"crossattention.self.query"}},
    {TEXT(cross[0].kv), {"crossattention.self.key", "crossattention.self.value"}},
    {TEXT(cross[0].out), {"crossattention.output.dense"}},
    {0, {NULL}},
};
static const field nlvr_denses[] = {
    {TEXT(cross[0].q), {"crossattention.self0.query"}},
    {TEXT(cross[0].kv), {"crossattention.self0.key", "crossattention.self0.value"}},
    {TEXT(cross[0].out), {"crossattention.output.dense0"}},
    {TEXT(cross[1].q), {"crossattention.self1.query"}},
    {TEXT(cross[1].kv), {"crossattention.self1.key", "crossattention.self1.value"}},
    {TEXT(cross[1].out), {"crossattention.output.dense1"}},
    {0, {NULL}},
};
static const field merge_denses[] = {
    {TEXT(merge), {"crossattention.output.merge_layer"}},
    {0, {NULL}},
};
static const field none[] = {{0, {NULL}}};

// ---------------------------------------------------------------------- single tensors

static bool failed(const loader *l)
{
    return l->rec.status != VBLIP_OK;
}

static void out_of_memory(loader *l)
{
    vb_recorder_fail(&l->rec, VBLIP_ERR_MEMORY, "weights: out of memory");
}

static const vb_weight *find(loader *l, const char *prefix, const char *name,
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
            out_of_memory(l);
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
        vb_widen(values + at, weights[i]->data, weights[i]->dtype,
                 elements(weights[i]));
        vb_checkpoint_release(l->checkpoint, weights[i]);
        at += elements(weights[i]);
    }
    return upload(l, values, rows, (uint32_t)(total / rows));
}

static vb_tensor load_rows(loader *l, const char *prefix, const char *name)
{
    const vb_weight *weight = find(l, prefix, name, "");
    uint32_t rows = weight && weight->rank == 2 ? (uint32_t)weight->shape[0] : 1;
    return upload_weights(l, &weight, 1, rows);
}

static vb_norm load_norm(loader *l, const char *prefix, const char *name)
{
    const vb_weight *gain = find(l, prefix, name, ".weight");
    const vb_weight *bias = find(l, prefix, name, ".bias");
    return (vb_norm){
        .gain = upload_weights(l, &gain, 1, 1),
        .bias = upload_weights(l, &bias, 1, 1),
    };
}

// Stacks `count` weights of shape [rows, ...] into one matrix.
static vb_matrix *make_matrix(loader *l, const vb_weight *const *weights,
                              uint32_t count, uint32_t uses)
{
    vb_matrix_block blocks[MAX_BLOCKS];
    uint32_t cols = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (failed(l))
            return NULL;
        const vb_weight *w = weights[i];
        blocks[i] = (vb_matrix_block){w->data, w->dtype, (uint32_t)w->shape[0]};
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
        out_of_memory(l);
        return NULL;
    }
    vblip_error why = {0};
    vblip_status status = vb_matrix_make(&node->matrix, l->rec.device, blocks, count,
                                         cols, uses, name, &why);
    vb_recorder_check(&l->rec, status, &why);
    node->next = l->out->matrices;
    l->out->matrices = node;
    for (uint32_t i = 0; i < count; i++)
        vb_checkpoint_release(l->checkpoint, weights[i]);
    return node->matrix;
}

static vb_dense load_dense(loader *l, const char *prefix, const char *const *names)
{
    const vb_weight *weights[MAX_BLOCKS], *biases[MAX_BLOCKS];
    uint32_t count = 0;
    for (; count < MAX_BLOCKS && names[count]; count++) {
        weights[count] = find(l, prefix, names[count], ".weight");
        biases[count] = find(l, prefix, names[count], ".bias");
    }
    return (vb_dense){
        .w = make_matrix(l, weights, count, VB_USE_LINEAR),
        .b = upload_weights(l, biases, count, 1),
    };
}

static vb_dense load_head(loader *l, const char *prefix, const char *name)
{
    const char *const names[MAX_BLOCKS] = {name};
    return load_dense(l, prefix, names);
}

static void load_fields(loader *l, void *block, const char *prefix, const field *norms,
                        const field *denses)
{
    for (const field *f = norms; f->names[0]; f++)
        *(vb_norm *)(void *)((char *)block + f->at) = load_norm(l, prefix, f->names[0]);
    for (const field *f = denses; f->names[0]; f++)
        *(vb_dense *)(void *)((char *)block + f->at) = load_dense(l, prefix, f->names);
}

// ------------------------------------------------------------------------------ parts

// The position embedding, resized when the model runs at another image size.
static vb_tensor load_vision_positions(loader *l, const vb_vision_config *config)
{
    const vb_weight *w = find(l, "vision_model.embeddings.", "position_embedding", "");
    if (!w)
        return (vb_tensor){0};
    const uint32_t width = config->width, tokens = elements(w) / width;
    const uint32_t old_grid = vb_grid_of(tokens - 1);
    const uint32_t new_grid = config->image_size / config->patch_size;
    if (old_grid == new_grid)
        return upload_weights(l, &w, 1, tokens);

    const size_t old_count = (size_t)tokens * width;
    const size_t new_count = ((size_t)new_grid * new_grid + 1) * width;
    float *values = scratch(l, old_count + new_count);
    if (!values)
        return (vb_tensor){0};
    vb_widen(values, w->data, w->dtype, old_count);
    vb_resize_positions(values + old_count, new_grid, values, old_grid, width);
    return upload(l, values + old_count, new_grid * new_grid + 1, width);
}

static void load_vision(loader *l, const vb_vision_config *config)
{
    static const char embeddings[] = "vision_model.embeddings.";
    vb_vision_weights *v = &l->out->vision;
    v->patch = load_head(l, embeddings, "patch_embedding");
    v->cls = load_rows(l, embeddings, "class_embedding");
    v->positions = load_vision_positions(l, config);
    v->norm = load_norm(l, "vision_model.", "post_layernorm");
    v->blocks = VB_ARENA_NEW(&l->out->arena, vb_vision_block, config->layers);
    if (!v->blocks)
        out_of_memory(l);
    for (uint32_t i = 0; i < config->layers && !failed(l); i++) {
        char prefix[MAX_NAME];
        snprintf(prefix, sizeof prefix, "vision_model.encoder.layers.%u.", i);
        load_fields(l, &v->blocks[i], prefix, vision_norms, vision_denses);
    }
}

static void load_text(loader *l, vb_text_weights *t, const vb_text_config *config,
                      const char *prefix, uint32_t uses)
{
    const vb_weight *words = find(l, prefix, "embeddings.word_embeddings.weight", "");
    t->words = make_matrix(l, &words, 1, uses);
    t->positions = load_rows(l, prefix, "embeddings.position_embeddings.weight");
    t->norm = load_norm(l, prefix, "embeddings.LayerNorm");
    vb_text_layer *layers = VB_ARENA_NEW(&l->out->arena, vb_text_layer, config->layers);
    if (!layers)
        out_of_memory(l);
    for (uint32_t i = 0; i < config->layers && !failed(l); i++) {
        char layer[MAX_NAME];
        snprintf(layer, sizeof layer, "%sencoder.layer.%u.", prefix, i);
        load_fields(l, &layers[i], layer, text_norms, text_denses);
        load_fields(l, &layers[i], layer, none,
                    config->nlvr ? nlvr_denses : cross_denses);
        if (config->nlvr && i >= config->merge_from)
            load_fields(l, &layers[i], layer, none, merge_denses);
    }
    t->layers = layers;
}

// Whether two tensors hold the same; read piece by piece, for each is a tenth of a
// checkpoint.
static bool same_values(const vb_checkpoint *c, const vb_weight *a, const vb_weight *b)
{
    if (a->dtype != b->dtype || a->size != b->size)
        return false;
    if (a->data == b->data)
        return true;
    bool same = true;
    for (size_t at = 0; same && at < a->size; at += PIECE_BYTES) {
        const size_t size = a->size - at < PIECE_BYTES ? a->size - at : PIECE_BYTES;
        vb_weight x = *a, y = *b; // views of the piece
        x.data += at;
        y.data += at;
        x.size = y.size = size;
        same = memcmp(x.data, y.data, size) == 0;
        vb_checkpoint_release(c, &x);
        vb_checkpoint_release(c, &y);
    }
    return same;
}

// The decoder and its LM head, which may be tied to the word embedding (blip-spec 7.3).
static void load_decoder(loader *l, const vb_text_config *config)
{
    static const char bert[] = "text_decoder.bert.";
    static const char head[] = "text_decoder.cls.predictions.";
    vb_lm_weights *lm = &l->out->lm;
    const vb_weight *words = find(l, bert, "embeddings.word_embeddings.weight", "");
    const vb_weight *decoder = vb_checkpoint_find(
        l->checkpoint, "text_decoder.cls.predictions.decoder.weight");
    const bool tied = !words || !decoder || same_values(l->checkpoint, words, decoder);

    load_text(l, &l->out->decoder, config, bert,
              tied ? VB_USE_ROWS | VB_USE_LINEAR : VB_USE_ROWS);
    lm->transform = load_head(l, head, "transform.dense");
    lm->norm = load_norm(l, head, "transform.LayerNorm");
    lm->decoder.w =
        tied ? l->out->decoder.words : make_matrix(l, &decoder, 1, VB_USE_LINEAR);
    lm->decoder.b = load_rows(l, head, "bias");
}

vblip_status vb_weights_load(vb_weights *out, vb_device *device,
                             const vb_checkpoint *checkpoint, uint32_t tasks,
                             vblip_error *err)
{
    const vb_config *config = vb_checkpoint_config(checkpoint);
    *out = (vb_weights){.vectors = {.device = device, .name = "weights"}};
    loader l = {.out = out, .checkpoint = checkpoint, .rec = vb_recorder_begin(device)};

    load_vision(&l, &config->vision);
    if (tasks & (VBLIP_TASK_RETRIEVAL | VBLIP_TASK_VQA | VBLIP_TASK_NLVR))
        load_text(&l, &out->encoder, &config->encoder, "text_encoder.", VB_USE_ROWS);
    if (tasks & (VBLIP_TASK_CAPTION | VBLIP_TASK_VQA))
        load_decoder(&l, &config->decoder);
    if (tasks & VBLIP_TASK_RETRIEVAL) {
        out->vision_proj = load_head(&l, "", "vision_proj");
        out->text_proj = load_head(&l, "", "text_proj");
        out->itm = load_head(&l, "", "itm_head");
    }
    if (tasks & VBLIP_TASK_NLVR) {
        out->cls_hidden = load_head(&l, "", "cls_head.0");
        out->cls = load_head(&l, "", "cls_head.2");
    }
    free(l.scratch);
    vblip_status status = vb_recorder_submit(&l.rec, err);
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
