// cache.h - visual tokens of clips, kept on the device while a budget lasts.
#ifndef VB_VIDEO_TASKS_CACHE_H
#define VB_VIDEO_TASKS_CACHE_H

#include "video_tasks/model_ops.h"

// What a visual is of: a part of an input.
typedef struct vb_clip_key {
    uint32_t input;
    int64_t start_us;
} vb_clip_key;

typedef struct vb_cache_entry {
    vb_clip_key key;
    vb_visual *visual;
    float score; // the larger, the likelier it is asked for again
} vb_cache_entry;

// All-zero but for `ops` and `budget` is an empty cache.
typedef struct vb_cache {
    const vb_model_ops *ops;
    uint64_t budget; // bytes; one visual is kept even when it is larger
    vb_cache_entry *entries;
    uint32_t count, capacity;
} vb_cache;

// The visual kept for `key`, or NULL.
vb_visual *vb_cache_find(vb_cache *cache, vb_clip_key key);

// Keeps *visual, of `key`, which is not in the cache, and leaves in its place what is not kept for
// it: nothing while the budget lasts, else the visual of the lowest score.
VB_CHECKED vblip_status vb_cache_put(vb_cache *cache, vb_clip_key key, float score,
                                     vb_visual **visual, vblip_error *err);

// Frees the visual of `key`, if there is one.
void vb_cache_drop(vb_cache *cache, vb_clip_key key);

void vb_cache_free(vb_cache *cache);

#endif // VB_VIDEO_TASKS_CACHE_H
