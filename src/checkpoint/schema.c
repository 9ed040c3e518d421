#include "checkpoint/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Shapes are written as dimensions: a number, a letter, or a number times a letter.
//   N stored vision tokens   W vision width   P patch side   M vision MLP
//   V vocabulary   T text positions   D text width   F text MLP
//   C width that cross-attention reads   E projection
typedef struct sizes {
    uint64_t N, W, P, M, V, T, D, F, C, E;
} sizes;

typedef struct row {
    const char *name, *shape;
    const char *other; // a second name that will do, or NULL
    bool optional;
    enum cross { ANY, PLAIN, NLVR, MERGE } cross; // with which cross-attention
} row;

static const row vision_embeddings[] = {
    {.name = "embeddings.class_embedding", .shape = "1 1 W"},
    {.name = "embeddings.position_embedding", .shape = "1 N W"},
    {.name = "embeddings.patch_embedding.weight", .shape = "W 3 P P"},
    {.name = "embeddings.patch_embedding.bias", .shape = "W"},
    {.name = NULL},
};

static const row vision_layer[] = {
    {.name = "layer_norm1.weight", .shape = "W"},
    {.name = "layer_norm1.bias", .shape = "W"},
    {.name = "self_attn.qkv.weight", .shape = "3W W"},
    {.name = "self_attn.qkv.bias", .shape = "3W"},
    {.name = "self_attn.projection.weight", .shape = "W W"},
    {.name = "self_attn.projection.bias", .shape = "W"},
    {.name = "layer_norm2.weight", .shape = "W"},
    {.name = "layer_norm2.bias", .shape = "W"},
    {.name = "mlp.fc1.weight", .shape = "M W"},
    {.name = "mlp.fc1.bias", .shape = "M"},
    {.name = "mlp.fc2.weight", .shape = "W M"},
    {.name = "mlp.fc2.bias", .shape = "W"},
    {.name = NULL},
};

static const row vision_end[] = {
    {.name = "post_layernorm.weight", .shape = "W"},
    {.name = "post_layernorm.bias", .shape = "W"},
    {.name = NULL},
};

static const row text_embeddings[] = {
    {.name = "embeddings.word_embeddings.weight", .shape = "V D"},
    {.name = "embeddings.position_embeddings.weight", .shape = "T D"},
    {.name = "embeddings.LayerNorm.weight", .shape = "D"},
    {.name = "embeddings.LayerNorm.bias", .shape = "D"},
    {.name = NULL},
};

static const row text_layer[] = {
    {.name = "attention.self.query.weight", .shape = "D D"},
    {.name = "attention.self.query.bias", .shape = "D"},
    {.name = "attention.self.key.weight", .shape = "D D"},
    {.name = "attention.self.key.bias", .shape = "D"},
    {.name = "attention.self.value.weight", .shape = "D D"},
    {.name = "attention.self.value.bias", .shape = "D"},
    {.name = "attention.output.dense.weight", .shape = "D D"},
    {.name = "attention.output.dense.bias", .shape = "D"},
    {.name = "attention.output.LayerNorm.weight", .shape = "D"},
    {.name = "attention.output.LayerNorm.bias", .shape = "D"},
    {.name = "crossattention.self.query.weight", .shape = "D D", .cross = PLAIN},
    {.name = "crossattention.self.query.bias", .shape = "D", .cross = PLAIN},
    {.name = "crossattention.self.key.weight", .shape = "D C", .cross = PLAIN},
    {.name = "crossattention.self.key.bias", .shape = "D", .cross = PLAIN},
    {.name = "crossattention.self.value.weight", .shape = "D C", .cross = PLAIN},
    {.name = "crossattention.self.value.bias", .shape = "D", .cross = PLAIN},
    {.name = "crossattention.output.dense.weight", .shape = "D D", .cross = PLAIN},
    {.name = "crossattention.output.dense.bias", .shape = "D", .cross = PLAIN},
    {.name = "crossattention.self0.query.weight", .shape = "D D", .cross = NLVR},
    {.name = "crossattention.self0.query.bias", .shape = "D", .cross = NLVR},
    {.name = "crossattention.self0.key.weight", .shape = "D C", .cross = NLVR},
    {.name = "crossattention.self0.key.bias", .shape = "D", .cross = NLVR},
    {.name = "crossattention.self0.value.weight", .shape = "D C", .cross = NLVR},
    {.name = "crossattention.self0.value.bias", .shape = "D", .cross = NLVR},
    {.name = "crossattention.self1.query.weight", .shape = "D D", .cross = NLVR},
    {.name = "crossattention.self1.query.bias", .shape = "D", .cross = NLVR},
    {.name = "crossattention.self1.key.weight", .shape = "D C", .cross = NLVR},
    {.name = "crossattention.self1.key.bias", .shape = "D", .cross = NLVR},
    {.name = "crossattention.self1.value.weight", .shape = "D C", .cross = NLVR},
    {.name = "crossattention.self1.value.bias", .shape = "D", .cross = NLVR},
    {.name = "crossattention.output.dense0.weight", .shape = "D D", .cross = NLVR},
    {.name = "crossattention.output.dense0.bias", .shape = "D", .cross = NLVR},
    {.name = "crossattention.output.dense1.weight", .shape = "D D", .cross = NLVR},
    {.name = "crossattention.output.dense1.bias", .shape = "D", .cross = NLVR},
    {.name = "crossattention.output.merge_layer.weight",
     .shape = "D 2D",
     .cross = MERGE},
    {.name = "crossattention.output.merge_layer.bias", .shape = "D", .cross = MERGE},
    {.name = "crossattention.output.LayerNorm.weight", .shape = "D"},
    {.name = "crossattention.output.LayerNorm.bias", .shape = "D"},
    {.name = "intermediate.dense.weight", .shape = "F D"},
    {.name = "intermediate.dense.bias", .shape = "F"},
    {.name = "output.dense.weight", .shape = "D F"},
    {.name = "output.dense.bias", .shape = "D"},
    {.name = "output.LayerNorm.weight", .shape = "D"},
    {.name = "output.LayerNorm.bias", .shape = "D"},
    {.name = NULL},
};

// One bias under two names, of which safetensors keeps one; a weight that is the word
// embedding's unless it is stored (blip-spec 7.3).
static const row language_head[] = {
    {.name = "transform.dense.weight", .shape = "D D"},
    {.name = "transform.dense.bias", .shape = "D"},
    {.name = "transform.LayerNorm.weight", .shape = "D"},
    {.name = "transform.LayerNorm.bias", .shape = "D"},
    {.name = "decoder.weight", .shape = "V D", .optional = true},
    {.name = "bias", .shape = "V", .other = "decoder.bias"},
    {.name = NULL},
};

static const row retrieval_heads[] = {
    {.name = "vision_proj.weight", .shape = "E W"},
    {.name = "vision_proj.bias", .shape = "E"},
    {.name = "text_proj.weight", .shape = "E D"},
    {.name = "text_proj.bias", .shape = "E"},
    {.name = "itm_head.weight", .shape = "2 D"},
    {.name = "itm_head.bias", .shape = "2"},
    {.name = NULL},
};

static const row classifier[] = {
    {.name = "cls_head.0.weight", .shape = "D D"},
    {.name = "cls_head.0.bias", .shape = "D"},
    {.name = "cls_head.2.weight", .shape = "2 D"},
    {.name = "cls_head.2.bias", .shape = "2"},
    {.name = NULL},
};

enum tower { VISION, ENCODER, DECODER };

static const struct group {
    const char *prefix;
    enum tower tower; // whose depth and sizes
    bool layered;     // "N." follows the prefix, once per layer
    uint32_t tasks;
    const row *rows;
} groups[] = {
#define ALL (ENC | DEC)
#define ENC (VBLIP_TASK_RETRIEVAL | VBLIP_TASK_VQA | VBLIP_TASK_NLVR)
#define DEC (VBLIP_TASK_CAPTION | VBLIP_TASK_VQA)
    {"vision_model.", VISION, false, ALL, vision_embeddings},
    {VB_VISION_LAYERS, VISION, true, ALL, vision_layer},
    {"vision_model.", VISION, false, ALL, vision_end},
    {"text_encoder.", ENCODER, false, ENC, text_embeddings},
    {VB_ENCODER_LAYERS, ENCODER, true, ENC, text_layer},
    {"text_decoder.bert.", DECODER, false, DEC, text_embeddings},
    {VB_DECODER_LAYERS, DECODER, true, DEC, text_layer},
    {"text_decoder.cls.predictions.", DECODER, false, DEC, language_head},
    {"", ENCODER, false, VBLIP_TASK_RETRIEVAL, retrieval_heads},
    {"", ENCODER, false, VBLIP_TASK_NLVR, classifier},
#undef ALL
#undef ENC
#undef DEC
};

static sizes sizes_of(const vb_config *config, uint64_t stored_tokens, enum tower tower)
{
    const vb_vision_config *v = &config->vision;
    const vb_text_config *t = tower == DECODER ? &config->decoder : &config->encoder;
    return (sizes){.N = stored_tokens,
                   .W = v->width,
                   .P = v->patch_size,
                   .M = v->mlp,
                   .V = t->vocabulary,
                   .T = t->positions,
                   .D = t->width,
                   .F = t->mlp,
                   .C = t->cross_width,
                   .E = config->projection};
}

static uint64_t size_of(const sizes *s, char letter)
{
    switch (letter) {
    case 'N':
        return s->N;
    case 'W':
        return s->W;
    case 'P':
        return s->P;
    case 'M':
        return s->M;
    case 'V':
        return s->V;
    case 'T':
        return s->T;
    case 'D':
        return s->D;
    case 'F':
        return s->F;
    case 'C':
        return s->C;
    case 'E':
        return s->E;
    default:
        return 0;
    }
}

static void evaluate(vb_schema_tensor *tensor, const char *shape, const sizes *s)
{
    while (*shape) {
        char *after;
        uint64_t dimension = strtoull(shape, &after, 10);
        if (after == shape)
            dimension = 1;
        if (*after && *after != ' ')
            dimension *= size_of(s, *after++);
        tensor->shape[tensor->rank++] = dimension;
        shape = after + (*after == ' ');
    }
}

// Those of the group's tasks that need a tensor of layer `layer`: only NLVR2 has the two-image
// cross-attention, and has nothing else.
static uint32_t tasks_of(const struct group *group, const row *r, uint32_t layer,
                         uint32_t merge_from)
{
    if (r->cross == ANY)
        return group->tasks;
    if (r->cross == PLAIN)
        return group->tasks & ~(uint32_t)VBLIP_TASK_NLVR;
    return r->cross == NLVR || layer >= merge_from ? group->tasks & VBLIP_TASK_NLVR : 0;
}

static vblip_status visit_rows(const struct group *group, const char *prefix,
                               uint32_t layer, const vb_config *config, const sizes *s,
                               vb_schema_fn fn, void *user)
{
    for (const row *r = group->rows; r->name; r++) {
        const uint32_t tasks = tasks_of(group, r, layer, config->encoder.merge_from);
        if (!tasks)
            continue;
        char name[128], other[128]; // the longest is 72
        snprintf(name, sizeof name, "%s%s", prefix, r->name);
        snprintf(other, sizeof other, "%s%s", prefix, r->other ? r->other : "");
        vb_schema_tensor tensor = {.name = name,
                                   .other = r->other ? other : NULL,
                                   .tasks = tasks,
                                   .optional = r->optional};
        evaluate(&tensor, r->shape, s);
        VB_TRY(fn(user, &tensor));
    }
    return VBLIP_OK;
}

static uint32_t layers_of(const vb_config *config, enum tower tower)
{
    return tower == VISION    ? config->vision.layers
           : tower == ENCODER ? config->encoder.layers
                              : config->decoder.layers;
}

vblip_status vb_schema_visit(const vb_config *config, uint64_t stored_tokens,
                             vb_schema_fn fn, void *user)
{
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        const struct group *group = &groups[g];
        sizes s = sizes_of(config, stored_tokens, group->tower);
        uint32_t layers = layers_of(config, group->tower);
        if (layers == 0) // the tower is not there
            continue;
        if (!group->layered)
            layers = 1;
        for (uint32_t i = 0; i < layers; i++) {
            char prefix[64];
            snprintf(prefix, sizeof prefix, "%s", group->prefix);
            if (group->layered)
                snprintf(prefix, sizeof prefix, "%s%u.", group->prefix, i);
            VB_TRY(visit_rows(group, prefix, i, config, &s, fn, user));
        }
    }
    return VBLIP_OK;
}

bool vb_schema_ignores(const char *name)
{
    static const char *const prefixes[] = {"visual_encoder_m.", "vision_model_m.",
                                           "text_encoder_m.",   "text_decoder_m.",
                                           "vision_proj_m.",    "text_proj_m."};
    static const char *const names[] = {"temp",      "image_queue", "text_queue",
                                        "idx_queue", "ptr_queue",   "queue_ptr"};
    static const char suffix[] = "embeddings.position_ids";
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    size_t size = strlen(name), end = sizeof suffix - 1;
    return size >= end && strcmp(name + size - end, suffix) == 0;
}
