#include "serve/clip_cache.h"

#include <stdlib.h>
#include <string.h>

static void forget_clip(vb_kept_clip *kept)
{
    vblip_clip_close(&kept->clip);
    free(kept->path);
    *kept = (vb_kept_clip){0};
}

vblip_status vb_clip_cache_get(vblip_clip **out, vb_clip_cache *cache,
                               vblip_model *model, const char *path,
                               const vblip_clip_options *options, vblip_error *err)
{
    vb_kept_clip *oldest = &cache->items[0];
    vb_file_facts file;
    VB_TRY(vb_file_look(&file, path, err));
    for (vb_kept_clip *k = cache->items; k < cache->items + VB_CLIPS_KEPT; k++) {
        if (k->clip && k->model == model && k->start_us == options->start_us &&
            k->end_us == options->end_us && k->file.size == file.size &&
            k->file.modified_ns == file.modified_ns && strcmp(k->path, path) == 0) {
            k->used = ++cache->uses;
            *out = k->clip;
            return VBLIP_OK;
        }
        if (k->used < oldest->used)
            oldest = k;
    }
    forget_clip(oldest);
    char *copy = strdup(path);
    if (!copy)
        return vb_fail_memory(err, path);
    const vblip_status status =
        vblip_clip_open(&oldest->clip, model, path, options, err);
    if (status != VBLIP_OK) {
        free(copy);
        return status;
    }
    oldest->model = model;
    oldest->path = copy;
    oldest->start_us = options->start_us;
    oldest->end_us = options->end_us;
    oldest->file = file;
    oldest->used = ++cache->uses;
    *out = oldest->clip;
    return VBLIP_OK;
}

void vb_clip_cache_free(vb_clip_cache *cache)
{
    for (int i = 0; i < VB_CLIPS_KEPT; i++)
        forget_clip(&cache->items[i]);
}
