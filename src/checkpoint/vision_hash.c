// vision_hash.c - what the ITC vectors of clips depend on in a checkpoint.
#include "checkpoint/checkpoint.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

enum { PART = 1 << 20 }; // bytes read at a time

static bool is_of_vision(const vb_weight *weight)
{
    static const char *const prefixes[] = {"vision_model.", "vision_proj."};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(weight->name, prefixes[i], strlen(prefixes[i])) == 0)
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

static uint64_t hash_numbers(const vb_config *c)
{
    const uint32_t counts[] = {c->vision.width, c->vision.layers,     c->vision.heads,
                               c->vision.mlp,   c->vision.patch_size, c->projection};
    const float values[] = {c->vision.eps,  c->mean[0],      c->mean[1],
                            c->mean[2],     c->deviation[0], c->deviation[1],
                            c->deviation[2]};
    return vb_hash_bytes(vb_hash_bytes(0, counts, sizeof counts), values,
                         sizeof values);
}

vblip_status vb_checkpoint_vision_hash(uint64_t *out, const vb_checkpoint *checkpoint,
                                       vblip_error *err)
{
    const vb_weight_list *list = vb_checkpoint_weights(checkpoint);
    uint8_t *part = malloc(PART);
    vblip_status status = part ? VBLIP_OK : vb_fail_memory(err, "checkpoint");
    *out = hash_numbers(vb_checkpoint_config(checkpoint));
    for (size_t i = 0; status == VBLIP_OK && i < list->count; i++)
        if (is_of_vision(&list->weights[i]))
            status = hash_weight(out, checkpoint, &list->weights[i], part, err);
    free(part);
    return status;
}
