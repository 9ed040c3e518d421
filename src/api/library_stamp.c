// library_stamp.c - what vectors depend on, and how the file of an index is called by it.
#include "api/library.h"

#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    LONGEST_NAME = 40, // of the root's, in the name of the file
    SAMPLING = 2, // which frames of a segment count (telling.c), and where shots are
};

static const char *const fact_names[VB_STAMP_FACTS] = {
    "model", "image size", "frames", "segments", "precision", "images", "sampling"};

static void name_facts(vb_stamp *stamp)
{
    for (int i = 0; i < VB_STAMP_FACTS; i++)
        stamp->facts[i] = (vb_index_fact){fact_names[i], stamp->values[i]};
}

vblip_status vb_stamp_make(vb_stamp *out, const vblip_model *model, uint32_t frames,
                           const vb_segmenting *segmenting, vblip_error *err)
{
    char(*value)[VB_STAMP_VALUE] = out->values;
    uint64_t hash;
    VB_TRY(vb_checkpoint_vision_hash(&hash, model->checkpoint, err));
    snprintf(value[0], VB_STAMP_VALUE, "%016" PRIx64, hash);
    snprintf(value[1], VB_STAMP_VALUE, "%u",
             (unsigned)vb_model_config(model->model)->vision.image_size);
    snprintf(value[2], VB_STAMP_VALUE, "%u", (unsigned)frames);
    vb_segmenting_write(value[VB_STAMP_SEGMENTS], segmenting);
    snprintf(value[4], VB_STAMP_VALUE, "%s",
             vb_precision_name(model->engine->device->weights));
    snprintf(value[5], VB_STAMP_VALUE, "%s",
             vb_model_ignores_orientation(model->model) ? "as stored" : "as shown");
    snprintf(value[6], VB_STAMP_VALUE, "%d", SAMPLING);
    name_facts(out);
    return VBLIP_OK;
}

vblip_status vb_stamp_read(vb_stamp *out, bool *whole, vb_index *index,
                           vblip_error *err)
{
    *whole = true;
    for (int i = 0; i < VB_STAMP_FACTS; i++) {
        const char *value;
        VB_TRY(vb_index_fact_named(&value, index, fact_names[i], err));
        const int size =
            snprintf(out->values[i], VB_STAMP_VALUE, "%s", value ? value : "");
        *whole = *whole && value && size < VB_STAMP_VALUE;
    }
    name_facts(out);
    return VBLIP_OK;
}

vblip_status vb_match_stamp_make(uint64_t *out, vblip_model *model, vblip_error *err)
{
    const vb_vocab *vocab = vb_model_vocab(model->model);
    const uint32_t reading[] = {model->raw_text, (uint32_t)model->compat};
    VB_TRY(vb_model_match_hash(out, model, err));
    for (uint32_t id = 0; id < vb_vocab_size(vocab); id++) {
        const char *token = vb_vocab_token(vocab, (int32_t)id);
        *out = vb_hash_bytes(*out, token, strlen(token) + 1);
    }
    *out = vb_hash_bytes(*out, reading, sizeof reading) | 1;
    return VBLIP_OK;
}

uint64_t vb_stamp_hash(const vb_stamp *stamp, uint64_t seed)
{
    for (int i = 0; i < VB_STAMP_FACTS; i++)
        seed = vb_hash_bytes(seed, stamp->values[i], strlen(stamp->values[i]) + 1);
    return seed;
}

void vb_default_name(char out[VB_DEFAULT_NAME], const char *root, const vb_stamp *stamp)
{
    const char *last = strrchr(root, '/');
    const uint64_t hash = vb_stamp_hash(stamp, vb_hash_bytes(0, root, strlen(root)));
    snprintf(out, VB_DEFAULT_NAME, "%.*s-%016" PRIx64 ".index", LONGEST_NAME,
             last && last[1] ? last + 1 : "root", hash);
}
