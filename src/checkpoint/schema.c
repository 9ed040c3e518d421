#include "checkpoint/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// By their letters in tensors.h.
typedef struct sizes {
    uint64_t N, W, P, M, V, T, D, F, C, E;
} sizes;

typedef struct row {
    vb_tensor_kind kind;
    vb_tensor_cross cross;
    const char *shape;
    const char *names[VB_MAX_NAMES];
} row;

static const struct group {
    const char *prefix;
    vb_tower tower;
    bool layered; // "N." follows the prefix, once per layer
    uint32_t tasks;
    const row *rows; // ends with one without a shape
} groups[] = {
#define ROW(OWNER, FIELD, KIND, CROSS, SHAPE, ...)                                     \
    {VB_KIND_##KIND, VB_CROSS_##CROSS, SHAPE, {__VA_ARGS__}},
#define ONCE(TOWER, TASKS, PREFIX, ROWS)                                               \
    {PREFIX, VB_TOWER_##TOWER, false, TASKS, (const row[]){ROWS{0}}},
#define EACH(TOWER, TASKS, PREFIX, OWNER, LAYERS, ROWS)                                \
    {PREFIX, VB_TOWER_##TOWER, true, TASKS, (const row[]){ROWS{0}}},
    VB_TENSOR_GROUPS(ONCE, EACH, ROW)
#undef ROW
#undef ONCE
#undef EACH
};

static sizes sizes_of(const vb_config *config, uint64_t stored_tokens, vb_tower tower)
{
    const vb_vision_config *v = &config->vision;
    const vb_text_config *t =
        tower == VB_TOWER_DECODER ? &config->decoder : &config->encoder;
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

// Fills the shape, of at most `rank` dimensions.
static void read_dimensions(vb_schema_tensor *tensor, const char *shape, uint32_t rank,
                            const sizes *s)
{
    while (*shape && tensor->rank < rank) {
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

uint32_t vb_schema_tasks(uint32_t tasks, vb_tensor_cross cross, uint32_t layer,
                         uint32_t merge_from)
{
    if (cross == VB_CROSS_ANY)
        return tasks;
    if (cross == VB_CROSS_ONE)
        return tasks & ~(uint32_t)VBLIP_TASK_NLVR;
    return cross == VB_CROSS_TWO || layer >= merge_from ? tasks & VBLIP_TASK_NLVR : 0;
}

// What the tensors of a row have in common.
typedef struct visit {
    const row *row;
    const char *prefix;
    const sizes *sizes;
    uint32_t tasks;
    vb_schema_fn fn;
    void *user;
} visit;

// The tensor PREFIX NAME SUFFIX, of as many of the row's dimensions as `rank` allows.
static vblip_status visit_tensor(const visit *v, const char *tensor_name,
                                 const char *suffix, uint32_t rank)
{
    char name[128], other[128]; // the longest is 72
    const bool either = v->row->kind == VB_KIND_EITHER;
    snprintf(name, sizeof name, "%s%s%s", v->prefix, tensor_name, suffix);
    snprintf(other, sizeof other, "%s%s", v->prefix, either ? v->row->names[1] : "");
    vb_schema_tensor tensor = {.name = name,
                               .other = either ? other : NULL,
                               .tasks = v->tasks,
                               .optional = v->row->kind == VB_KIND_HEAD};
    read_dimensions(&tensor, v->row->shape, rank, v->sizes);
    return v->fn(v->user, &tensor);
}

static vblip_status visit_row(const visit *v)
{
    const row *r = v->row;
    const bool module =
        r->kind == VB_KIND_NORM || r->kind == VB_KIND_DENSE || r->kind == VB_KIND_KEYS;
    if (!module)
        return visit_tensor(v, r->names[0], "", VB_MAX_RANK);
    for (int i = 0; i < VB_MAX_NAMES && r->names[i]; i++) {
        VB_TRY(visit_tensor(v, r->names[i], ".weight", VB_MAX_RANK));
        VB_TRY(visit_tensor(v, r->names[i], ".bias", 1));
    }
    return VBLIP_OK;
}

uint32_t vb_schema_layers(const vb_config *config, vb_tower tower)
{
    return tower == VB_TOWER_VISION    ? config->vision.layers
           : tower == VB_TOWER_ENCODER ? config->encoder.layers
                                       : config->decoder.layers;
}

static vblip_status visit_group(const struct group *group, const vb_config *config,
                                const sizes *s, vb_schema_fn fn, void *user)
{
    const uint32_t layers = vb_schema_layers(config, group->tower);
    const uint32_t times = group->layered || layers == 0 ? layers : 1;
    for (uint32_t i = 0; i < times; i++) {
        char prefix[64];
        snprintf(prefix, sizeof prefix, "%s", group->prefix);
        if (group->layered)
            snprintf(prefix, sizeof prefix, "%s%u.", group->prefix, i);
        for (const row *r = group->rows; r->shape; r++) {
            const uint32_t tasks =
                vb_schema_tasks(group->tasks, r->cross, i, config->encoder.merge_from);
            const visit v = {r, prefix, s, tasks, fn, user};
            if (tasks)
                VB_TRY(visit_row(&v));
        }
    }
    return VBLIP_OK;
}

vblip_status vb_schema_visit(const vb_config *config, uint64_t stored_tokens,
                             vb_schema_fn fn, void *user)
{
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        const sizes s = sizes_of(config, stored_tokens, groups[g].tower);
        VB_TRY(visit_group(&groups[g], config, &s, fn, user));
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
