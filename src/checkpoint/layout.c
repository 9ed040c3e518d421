#include "checkpoint/layout.h"

#include "checkpoint/schema.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reading {
    const vb_weight_list *list;
    const vb_config_file *file;
    const char *config_path, *weights_path;
    vblip_error *err;
} reading;

// The layer that `name` says after `prefix`, "11." of "encoder.layer.11.output"; -1 for
// another name, and for a number that is none of VB_MAX_LAYERS layers.
static int layer_index(const char *name, const char *prefix)
{
    size_t size = strlen(prefix);
    if (strncmp(name, prefix, size) != 0 || !isdigit((unsigned char)name[size]))
        return -1;
    char *end;
    unsigned long index = strtoul(name + size, &end, 10);
    if (*end != '.' || index >= VB_MAX_LAYERS || end - (name + size) > 4)
        return -1;
    return (int)index;
}

uint32_t vb_count_layers(const vb_weight_list *list, const char *prefix)
{
    int last = -1;
    for (size_t i = 0; i < list->count; i++) {
        int index = layer_index(list->weights[i].name, prefix);
        if (index > last)
            last = index;
    }
    return (uint32_t)(last + 1);
}

static bool has_prefix(const vb_weight_list *list, const char *prefix)
{
    for (size_t i = 0; i < list->count; i++)
        if (strncmp(list->weights[i].name, prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

// Dimension `axis` of the first layer's tensor named so, 0 where there is none. A number
// out of all bounds is left to the schema to refuse.
static uint32_t layout_measure(const vb_weight_list *list, const char *prefix,
                               uint32_t layers, const char *tensor, uint32_t axis,
                               uint32_t max)
{
    for (uint32_t i = 0; i < layers; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%u.%s", prefix, i, tensor);
        const vb_weight *w = vb_weight_find(list, name);
        if (w)
            return w->rank > axis && w->shape[axis] <= max ? (uint32_t)w->shape[axis]
                                                           : 0;
    }
    return 0;
}

static vb_text_config text_tower(const reading *s, const char *prefix)
{
    vb_text_config t = s->file->text;
    t.layers = vb_count_layers(s->list, prefix);
    uint32_t weight = layout_measure(s->list, prefix, t.layers,
                                     "intermediate.dense.weight", 0, VB_MAX_MLP);
    uint32_t bias = layout_measure(s->list, prefix, t.layers, "intermediate.dense.bias",
                                   0, VB_MAX_MLP);
    if (weight && weight == bias)
        t.mlp = weight;
    t.cross_width = s->file->vision.width;
    return t;
}

// The first layer with a tensor whose name after the number begins with `tensor`, or
// `layers`.
static uint32_t first_layer_with(const vb_weight_list *list, const char *prefix,
                                 uint32_t layers, const char *tensor)
{
    uint32_t first = layers;
    for (size_t i = 0; i < list->count; i++) {
        const char *name = list->weights[i].name;
        const int index = layer_index(name, prefix);
        if (index < 0 || (uint32_t)index >= first)
            continue;
        const char *rest = strchr(name + strlen(prefix), '.') + 1;
        if (strncmp(rest, tensor, strlen(tensor)) == 0)
            first = (uint32_t)index;
    }
    return first;
}

// Whether the encoder is that of NLVR2, and where it begins to merge: at layer 6 as in
// the original, or earlier when there is a merge_layer, so that one that is missing is
// found missing.
static void read_nlvr(const vb_weight_list *list, vb_text_config *t)
{
    enum { REFERENCE_MERGES_FROM = 6 };
    t->nlvr = first_layer_with(list, VB_ENCODER_LAYERS, t->layers,
                               "crossattention.self0.") < t->layers;
    t->merge_from = first_layer_with(list, VB_ENCODER_LAYERS, t->layers,
                                     "crossattention.output.merge_layer.");
    if (t->merge_from > REFERENCE_MERGES_FROM)
        t->merge_from = REFERENCE_MERGES_FROM;
}

static bool has_projections(const vb_weight_list *list)
{
    return has_prefix(list, "vision_proj.") || has_prefix(list, "text_proj.");
}

static bool has_heads(const vb_weight_list *list)
{
    return has_projections(list) || has_prefix(list, "itm_head.");
}

// What the decoder's cross-attention reads: Dv or D. Anything else is left to the schema
// to refuse.
static uint32_t decoder_cross_width(const reading *s, const vb_config *c)
{
    uint32_t width = layout_measure(s->list, VB_DECODER_LAYERS, c->decoder.layers,
                                    "crossattention.self.key.weight", 1, VB_MAX_WIDTH);
    if (width == c->vision.width || width == c->decoder.width)
        return width;
    bool answers = c->encoder.layers && !has_heads(s->list);
    return answers ? c->decoder.width : c->vision.width;
}

static vblip_status disagree(const reading *s, const char *key, uint32_t stated,
                             uint32_t found)
{
    return vb_fail(s->err, VBLIP_ERR_FORMAT, "%s: %s: %u, but %s has %u",
                   s->config_path, key, stated, s->weights_path, found);
}

static vblip_status check_depths(const reading *s, const vb_config *c)
{
    const vb_config_file *stated = s->file;
    if (c->vision.layers != stated->vision.layers)
        return disagree(s, "vision_config.num_hidden_layers", stated->vision.layers,
                        c->vision.layers);
    uint32_t some = c->encoder.layers ? c->encoder.layers : c->decoder.layers;
    if (c->encoder.layers != stated->text.layers &&
        c->decoder.layers != stated->text.layers)
        return disagree(s, "text_config.num_hidden_layers", stated->text.layers, some);
    return VBLIP_OK;
}

// Where no tower has the MLP that the file states, the schema shall name the tensors.
static void settle_mlp(vb_config *c, uint32_t stated)
{
    bool encoder = c->encoder.layers && c->encoder.mlp == stated;
    bool decoder = c->decoder.layers && c->decoder.mlp == stated;
    if (!encoder && !decoder)
        c->encoder.mlp = c->decoder.mlp = stated;
}

static uint32_t decide_tasks(const reading *s, const vb_config *c)
{
    const char *class = s->file->architecture;
    bool vision = c->vision.layers > 0;
    bool encoder = vision && c->encoder.layers > 0;
    bool plain = encoder && !c->encoder.nlvr;
    bool decoder = vision && c->decoder.layers > 0;
    bool heads = has_heads(s->list), projections = has_projections(s->list);
    bool itm = has_prefix(s->list, "itm_head.");
    bool captions = strcmp(class, "BlipForConditionalGeneration") == 0;

    uint32_t tasks = 0;
    if (plain && projections)
        tasks |= VBLIP_TASK_ITC;
    if (plain && itm)
        tasks |= VBLIP_TASK_RETRIEVAL;
    if (decoder && c->decoder.cross_width == c->vision.width &&
        (!encoder || heads || captions))
        tasks |= VBLIP_TASK_CAPTION;
    if (decoder && plain && c->decoder.cross_width == c->decoder.width)
        tasks |= VBLIP_TASK_VQA;
    if (encoder && c->encoder.nlvr)
        tasks |= VBLIP_TASK_NLVR;
    if (plain && !tasks)
        tasks = VBLIP_TASK_FEATURES;
    return vb_tasks_whole(tasks);
}

vblip_status vb_layout_read(vb_layout *out, const vb_config_file *file,
                            const vb_weight_list *list, const char *config_path,
                            const char *weights_path, vblip_error *err)
{
    *out = (vb_layout){0};
    reading s = {list, file, config_path, weights_path, err};
    vb_config c = {.vision = file->vision, .projection = file->projection};
    memcpy(c.mean, file->mean, sizeof c.mean);
    memcpy(c.deviation, file->deviation, sizeof c.deviation);
    c.vision.layers = vb_count_layers(list, VB_VISION_LAYERS);
    c.encoder = text_tower(&s, VB_ENCODER_LAYERS);
    read_nlvr(list, &c.encoder);
    c.decoder = text_tower(&s, VB_DECODER_LAYERS);
    c.decoder.cross_width = decoder_cross_width(&s, &c);
    settle_mlp(&c, file->text.mlp);

    uint32_t tasks = decide_tasks(&s, &c);
    if (tasks)
        VB_TRY(check_depths(&s, &c));
    uint64_t grid = file->stored_size / file->vision.patch_size;
    *out = (vb_layout){.config = c, .stored_tokens = grid * grid + 1, .tasks = tasks};
    return VBLIP_OK;
}

uint32_t vb_tasks_whole(uint32_t tasks)
{
    return tasks & VBLIP_TASK_RETRIEVAL ? tasks | VBLIP_TASK_ITC : tasks;
}

// "retrieval, vqa"; ITC goes without saying where there is retrieval.
static void task_names(char out[48], uint32_t tasks)
{
    static const struct {
        uint32_t task;
        const char *name;
    } names[] = {
        {VBLIP_TASK_RETRIEVAL, "retrieval"}, {VBLIP_TASK_ITC, "itc"},
        {VBLIP_TASK_CAPTION, "caption"},     {VBLIP_TASK_VQA, "vqa"},
        {VBLIP_TASK_NLVR, "nlvr"},           {VBLIP_TASK_FEATURES, "features"}};
    size_t used = 0;
    if (tasks & VBLIP_TASK_RETRIEVAL)
        tasks &= ~(uint32_t)VBLIP_TASK_ITC;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (tasks & names[i].task)
            used += (size_t)snprintf(out + used, 48 - used, "%s%s", used ? ", " : "",
                                     names[i].name);
}

vblip_status vb_task_refuse(const char *path, const char *what, uint32_t held,
                            uint32_t wanted, vblip_error *err)
{
    char names[48] = "";
    task_names(names, held);
    if (!held)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "%s: this %s holds: no task: beside the vision model retrieval "
                       "needs a text_encoder, captions a text_decoder, questions both",
                       path, what);
    if (held == VBLIP_TASK_FEATURES)
        return vb_fail(
            err, VBLIP_ERR_UNSUPPORTED,
            "%s: no vision_proj, text_proj or itm_head, so no ITC and no ITM: "
            "this %s holds: %s, for embed --what vision, text, multimodal",
            path, what, names);
    if (wanted & ~held & VBLIP_TASK_RETRIEVAL && held & VBLIP_TASK_ITC)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "%s: no itm_head, so no ITM: this %s holds: %s, which is enough "
                       "for embed and for retrieve --rerank 0",
                       path, what, names);
    return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "%s: this %s holds: %s", path, what,
                   names);
}
