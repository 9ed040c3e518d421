// model_hash.c - what ITC vectors of clips, and ITM logits, depend on in a checkpoint.
#include "checkpoint/checkpoint.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

enum { PART = 1 << 20 }; // bytes read at a time

static const char *const of_vision[] = {"vision_model.", "vision_proj.", NULL};
static const char *const of_match[] = {"vision_model.", "text_encoder.", "itm_head.",
                                       NULL};

static bool begins_with_any(const char *name, const char *const *prefixes)
{
    for (; *prefixes; prefixes++)
        if (strncmp(name, *prefixes, strlen(*prefixes)) == 0)
            return true;
    return false;
}

static vblip_status hash_weight(uint64_t *hash, const vb_checkpoint *checkpoint,
                                const vb_weight *weight, uint8_t *part,
                                vblip_error *err)
{
    const uint64_t shape[] = {weight->dtype, weight->rank, weight->size};
    *hash = vb_hash_bytes(*hash, weight->name, strlen(weight->name));
    *hash = vb_hash_bytes(*hash, shape, sizeof shape);
    *hash = vb_hash_bytes(*hash, weight->shape, weight->rank * sizeof *weight->shape);
    for (size_t at = 0; at < weight->size; at += PART) {
        const size_t size = weight->size - at < PART ? weight->size - at : PART;
        VB_TRY(vb_checkpoint_read(checkpoint, weight, part, at, size, err));
        *hash = vb_hash_bytes(*hash, part, size);
    }
    return VBLIP_OK;
}

static uint64_t hash_vision_numbers(const vb_config *c)
{
    const uint32_t counts[] = {c->vision.width, c->vision.layers,     c->vision.heads,
                               c->vision.mlp,   c->vision.patch_size, c->projection};
    const float values[] = {c->vision.eps,  c->mean[0],      c->mean[1],
                            c->mean[2],     c->deviation[0], c->deviation[1],
                            c->deviation[2]};
    return vb_hash_bytes(vb_hash_bytes(0, counts, sizeof counts), values,
                         sizeof values);
}

static uint64_t hash_text_numbers(uint64_t hash, const vb_text_config *t)
{
    const uint32_t counts[] = {t->width, t->layers, t->heads, t->mlp, t->vocabulary};
    return vb_hash_bytes(vb_hash_bytes(hash, counts, sizeof counts), &t->eps,
                         sizeof t->eps);
}

static vblip_status hash_weights(uint64_t *hash, const vb_checkpoint *checkpoint,
                                 const char *const *prefixes, vblip_error *err)
{
    const vb_weight_list *list = vb_checkpoint_weights(checkpoint);
    uint8_t *part = malloc(PART);
    vblip_status status = part ? VBLIP_OK : vb_fail_memory(err, "checkpoint");
    for (size_t i = 0; status == VBLIP_OK && i < list->count; i++)
        if (begins_with_any(list->weights[i].name, prefixes))
            status = hash_weight(hash, checkpoint, &list->weights[i], part, err);
    free(part);
    return status;
}

vblip_status vb_checkpoint_vision_hash(uint64_t *out, const vb_checkpoint *checkpoint,
                                       vblip_error *err)
{
    *out = hash_vision_numbers(vb_checkpoint_config(checkpoint));
    return hash_weights(out, checkpoint, of_vision, err);
}

vblip_status vb_checkpoint_match_hash(uint64_t *out, const vb_checkpoint *checkpoint,
                                      vblip_error *err)
{
    const vb_config *config = vb_checkpoint_config(checkpoint);
    *out = hash_text_numbers(hash_vision_numbers(config), &config->encoder);
    return hash_weights(out, checkpoint, of_match, err);
}
