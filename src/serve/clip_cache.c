#include "serve/clip_cache.h"

#include "vblip_lab.h"

#include <stdlib.h>
#include <string.h>

static void forget_clip(vb_kept_clip *kept)
{
    vblip_clip_close(&kept->clip);
    free(kept->path);
    *kept = (vb_kept_clip){0};
}

// Of floats: tokens, and of each a key and a value in every layer of a text transformer.
static uint64_t most_clip_bytes(const vblip_model *model, uint32_t frames)
{
    const vblip_model_info *info = vblip_model_describe(model);
    const uint64_t side = info->patch_size ? info->image_size / info->patch_size : 0;
    const uint64_t tokens = (side * side + 1) * (frames ? frames : 1);
    const uint64_t layers = info->encoder_layers > info->decoder_layers
                                ? info->encoder_layers
                                : info->decoder_layers;
    return tokens * (info->vision_width + 2 * layers * info->text_width) *
           sizeof(float);
}

static bool is_kept(const vb_kept_clip *k, const vblip_model *model, const char *path,
                    const vblip_clip_options *options, const vb_file_facts *file)
{
    return k->clip && k->model == model && k->start_us == options->start_us &&
           k->end_us == options->end_us && k->frames == options->frames &&
           k->file.size == file->size && k->file.modified_ns == file->modified_ns &&
           strcmp(k->path, path) == 0;
}

// Forgets what was used longest ago until there is a place, and `bytes` fit; the place.
static vb_kept_clip *make_room_for_clip(vb_clip_cache *cache, uint64_t bytes)
{
    for (;;) {
        vb_kept_clip *oldest = NULL, *empty = NULL;
        uint64_t sum = bytes;
        for (vb_kept_clip *k = cache->items; k < cache->items + VB_CLIPS_KEPT; k++) {
            sum += k->bytes;
            if (!k->clip)
                empty = k;
            else if (!oldest || k->used < oldest->used)
                oldest = k;
        }
        if (empty && (sum <= VB_CLIPS_BYTES || !oldest))
            return empty;
        forget_clip(oldest);
    }
}

vblip_status vb_clip_cache_get(vblip_clip **out, vb_clip_cache *cache,
                               vblip_model *model, const char *path,
                               const vblip_clip_options *options, vblip_error *err)
{
    vb_file_facts file;
    VB_TRY(vb_file_look(&file, path, err));
    for (vb_kept_clip *k = cache->items; k < cache->items + VB_CLIPS_KEPT; k++)
        if (is_kept(k, model, path, options, &file)) {
            k->used = ++cache->uses;
            *out = k->clip;
            return VBLIP_OK;
        }
    const uint64_t bytes = most_clip_bytes(model, options->frames);
    vb_kept_clip *place = make_room_for_clip(cache, bytes);
    char *copy = strdup(path);
    if (!copy)
        return vb_fail_memory(err, path);
    const vblip_status status =
        vblip_clip_open(&place->clip, model, path, options, err);
    if (status != VBLIP_OK) {
        free(copy);
        return status;
    }
    *place = (vb_kept_clip){
        .clip = place->clip,
        .model = model,
        .path = copy,
        .start_us = options->start_us,
        .end_us = options->end_us,
        .frames = options->frames,
        .bytes = bytes,
        .file = file,
        .used = ++cache->uses,
    };
    *out = place->clip;
    return VBLIP_OK;
}

void vb_clip_cache_free(vb_clip_cache *cache)
{
    for (int i = 0; i < VB_CLIPS_KEPT; i++)
        forget_clip(&cache->items[i]);
}
