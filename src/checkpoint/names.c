#include "checkpoint/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum side { ORIGINAL, HF };

// A name, or the start of names up to a dot, in both.
typedef const char *rule[2];

static const rule vision[] = {
    {"visual_encoder.cls_token", "vision_model.embeddings.class_embedding"},
    {"visual_encoder.pos_embed", "vision_model.embeddings.position_embedding"},
    {"visual_encoder.patch_embed.proj.", "vision_model.embeddings.patch_embedding."},
    {"visual_encoder.blocks.", "vision_model.encoder.layers."},
    {"visual_encoder.norm.", "vision_model.post_layernorm."},
    {NULL, NULL},
};

// After the number of a block.
static const rule block[] = {
    {"norm1.", "layer_norm1."},
    {"norm2.", "layer_norm2."},
    {"attn.qkv.", "self_attn.qkv."},
    {"attn.proj.", "self_attn.projection."},
    {NULL, NULL},
};

// One parameter of the original code under two names: the second is loaded last.
static const char *const shared[][2] = {
    {"text_decoder.bert.embeddings.word_embeddings.weight",
     "text_decoder.cls.predictions.decoder.weight"},
    {"text_decoder.cls.predictions.bias", "text_decoder.cls.predictions.decoder.bias"},
};

// The rule of `rules` for a name on side `from`, NULL when it is the same on both.
static const rule *rule_for(const rule *rules, const char *name, enum side from)
{
    for (; (*rules)[from]; rules++) {
        const char *start = (*rules)[from];
        const size_t size = strlen(start);
        if (strncmp(name, start, size) != 0)
            continue;
        if (start[size - 1] == '.' || name[size] == '\0')
            return rules;
    }
    return NULL;
}

// The digits and the dot that `name` starts with.
static size_t layer_number_length(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    return name[digits] == '.' ? digits + 1 : 0;
}

static void translate(char *out, size_t size, const char *name, enum side from)
{
    const enum side to = from == HF ? ORIGINAL : HF;
    const rule *outer = rule_for(vision, name, from);
    if (!outer) {
        snprintf(out, size, "%s", name);
        return;
    }
    const char *rest = name + strlen((*outer)[from]);
    const int number = (int)layer_number_length(rest);
    const rule *inner = number ? rule_for(block, rest + number, from) : NULL;
    const char *tail = rest + number + (inner ? strlen((*inner)[from]) : 0);
    snprintf(out, size, "%s%.*s%s%s", (*outer)[to], number, rest,
             inner ? (*inner)[to] : "", tail);
}

vb_naming vb_naming_of(const vb_weight_list *list)
{
    static const char prefix[] = "visual_encoder.";
    for (size_t i = 0; i < list->count; i++)
        if (strncmp(list->weights[i].name, prefix, sizeof prefix - 1) == 0)
            return VB_NAMING_ORIGINAL;
    return VB_NAMING_HF;
}

void vb_name_in(char *out, size_t size, const char *hf, vb_naming naming)
{
    if (naming == VB_NAMING_ORIGINAL)
        translate(out, size, hf, HF);
    else
        snprintf(out, size, "%s", hf);
}

static int names_by_name(const void *a, const void *b)
{
    return strcmp(((const vb_weight *)a)->name, ((const vb_weight *)b)->name);
}

static bool same_shape(const vb_weight *a, const vb_weight *b)
{
    return a->rank == b->rank && memcmp(a->shape, b->shape, sizeof a->shape) == 0;
}

static void share_parameters(vb_weight *weights, const vb_weight_list *list)
{
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        const vb_weight *first = vb_weight_find(list, shared[i][0]);
        const vb_weight *last = vb_weight_find(list, shared[i][1]);
        if (!first || !last || last->unreadable || !same_shape(first, last))
            continue;
        vb_weight *w = &weights[first - list->weights];
        w->dtype = last->dtype;
        w->file = last->file;
        w->at = last->at;
        w->size = last->size;
        w->entry = last->entry;
        w->is_double = last->is_double;
        w->strided = last->strided;
        memcpy(w->strides, last->strides, sizeof w->strides);
    }
}

vblip_status vb_names_to_hf(vb_weight_list *list, vb_arena *arena, vblip_error *err)
{
    vb_weight *weights = VB_ARENA_NEW(arena, vb_weight, list->count);
    if (!weights)
        return vb_fail_memory(err, "names of tensors");
    for (size_t i = 0; i < list->count; i++) {
        const char *name = list->weights[i].name;
        char hf[256];
        weights[i] = list->weights[i];
        if (!rule_for(vision, name, ORIGINAL))
            continue;
        translate(hf, sizeof hf, name, ORIGINAL);
        weights[i].name = vb_arena_string(arena, hf, strlen(hf));
        if (!weights[i].name)
            return vb_fail_memory(err, "names of tensors");
    }
    qsort(weights, list->count, sizeof *weights, names_by_name);
    for (size_t i = 1; i < list->count; i++)
        if (strcmp(weights[i - 1].name, weights[i].name) == 0)
            return vb_fail(err, VBLIP_ERR_FORMAT,
                           "%s: there under this name and under the original one",
                           weights[i].name);
    list->weights = weights;
    share_parameters(weights, list);
    return VBLIP_OK;
}
