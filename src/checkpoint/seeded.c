#include "checkpoint/seeded.h"

#include "base/hash.h"
#include "checkpoint/layout.h"
#include "checkpoint/schema.h"

#include <stdlib.h>
#include <string.h>

const char *const vb_seeded_sizes[] = {"base-384", "base-480", "large-384", NULL};

static const vb_vision_config towers[] = {
    {.width = 768, .layers = 12, .heads = 12, .mlp = 3072, .image_size = 384},
    {.width = 768, .layers = 12, .heads = 12, .mlp = 3072, .image_size = 480},
    {.width = 1024, .layers = 24, .heads = 16, .mlp = 4096, .image_size = 384},
};

static const vb_text_config text_tower = {.width = 768,
                                          .layers = 12,
                                          .heads = 12,
                                          .mlp = 3072,
                                          .positions = 512,
                                          .vocabulary = 30524,
                                          .eps = 1e-12F};

bool vb_seeded_config(vb_config *out, const char *size, uint32_t task)
{
    size_t i = 0;
    while (vb_seeded_sizes[i] && strcmp(vb_seeded_sizes[i], size) != 0)
        i++;
    if (!vb_seeded_sizes[i])
        return false;
    *out = (vb_config){
        .vision = towers[i],
        .mean = {0.48145466F, 0.4578275F, 0.40821073F},
        .deviation = {0.26862954F, 0.26130258F, 0.27577711F},
    };
    out->vision.patch_size = 16;
    out->vision.eps = 1e-6F;
    if (task & VB_ENCODER_TASKS) {
        out->encoder = text_tower;
        out->encoder.cross_width = out->vision.width;
        out->encoder.nlvr = task == VBLIP_TASK_NLVR;
        out->encoder.merge_from = text_tower.layers / 2;
    }
    if (task & VB_DECODER_TASKS) {
        out->decoder = text_tower;
        out->decoder.cross_width =
            task == VBLIP_TASK_VQA ? text_tower.width : out->vision.width;
    }
    out->projection = task & VB_ITC_TASKS ? 256 : 0;
    return true;
}

typedef struct gathered {
    vb_arena *arena;
    vb_weight *weights; // NULL = only counted
    size_t count;
    uint32_t task;
} gathered;

static vblip_status gather_tensor(void *user, const vb_schema_tensor *tensor)
{
    gathered *g = user;
    if (!(tensor->tasks & vb_tasks_whole(g->task)) || tensor->optional)
        return VBLIP_OK;
    if (g->weights) {
        vb_weight *w = &g->weights[g->count];
        *w = (vb_weight){
            .name = vb_arena_string(g->arena, tensor->name, strlen(tensor->name)),
            .dtype = VB_F32,
            .rank = tensor->rank,
            .size = sizeof(float),
        };
        if (!w->name)
            return VBLIP_ERR_MEMORY;
        for (uint32_t i = 0; i < tensor->rank; i++) {
            w->shape[i] = tensor->shape[i];
            w->size *= (size_t)tensor->shape[i];
        }
    }
    g->count++;
    return VBLIP_OK;
}

static int order_weights(const void *a, const void *b)
{
    return strcmp(((const vb_weight *)a)->name, ((const vb_weight *)b)->name);
}

vblip_status vb_seeded_weights(vb_weight_files *out, vb_arena *arena,
                               const vb_config *config, uint32_t task, vblip_error *err)
{
    static const char *const no_files[] = {NULL};
    const uint64_t tokens = vb_vision_tokens(&config->vision);
    gathered g = {.arena = arena, .task = task};
    VB_TRY(vb_schema_visit(config, tokens, gather_tensor, &g));
    g.weights = VB_ARENA_NEW(arena, vb_weight, g.count);
    g.count = 0;
    if (!g.weights || vb_schema_visit(config, tokens, gather_tensor, &g) != VBLIP_OK)
        return vb_fail_memory(err, "seeded weights");
    qsort(g.weights, g.count, sizeof *g.weights, order_weights);
    *out = (vb_weight_files){
        .list = {.weights = g.weights, .count = g.count},
        .naming = VB_NAMING_HF,
        .prefix = "",
        .layout = "seeded",
        .path = "seeded weights",
        .files = no_files,
        .seeded = true,
    };
    return VBLIP_OK;
}

static bool name_ends_with(const char *name, const char *end)
{
    const size_t size = strlen(name), tail = strlen(end);
    return size >= tail && strcmp(name + size - tail, end) == 0;
}

// The n-th value of a stream: the finaliser of splitmix64, so that any part of a tensor
// can be made by itself.
static float noise(uint64_t seed, uint64_t n)
{
    const float most = 0.0346410162F; // of a uniform value with a deviation of 0.02
    uint64_t x = seed + n * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return most * ((float)(x >> 40) / 8388608.0F - 1.0F);
}

void vb_seeded_read(const vb_weight *weight, void *out, size_t at, size_t size)
{
    float *values = out;
    const size_t first = at / sizeof *values, count = size / sizeof *values;
    const uint64_t seed = vb_hash_bytes(0, weight->name, strlen(weight->name));
    const bool norm = strstr(weight->name, "norm") || strstr(weight->name, "LayerNorm");
    const float fixed = name_ends_with(weight->name, ".weight") ? 1.0F : 0.0F;
    for (size_t i = 0; i < count; i++)
        values[i] = norm ? fixed : noise(seed, first + i);
}
