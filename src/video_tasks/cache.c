#include "video_tasks/cache.h"

#include <stdlib.h>

static vb_cache_entry *cache_find(vb_cache *cache, vb_clip_key key)
{
    for (uint32_t i = 0; i < cache->count; i++)
        if (cache->entries[i].key.input == key.input &&
            cache->entries[i].key.start_us == key.start_us)
            return &cache->entries[i];
    return NULL;
}

static vb_cache_entry *cache_lowest(vb_cache *cache)
{
    vb_cache_entry *entry = &cache->entries[0];
    for (uint32_t i = 1; i < cache->count; i++)
        if (cache->entries[i].score < entry->score)
            entry = &cache->entries[i];
    return entry;
}

// Whether one more visual, as large as the largest so far, fits. Asked every time:
// visuals grow when their keys and values are made.
static bool one_more_fits(const vb_cache *cache)
{
    uint64_t sum = 0, largest = 0;
    for (uint32_t i = 0; i < cache->count; i++) {
        uint64_t bytes = cache->ops->visual_bytes(cache->entries[i].visual);
        sum += bytes;
        if (bytes > largest)
            largest = bytes;
    }
    return sum <= cache->budget && largest <= cache->budget - sum;
}

static vblip_status cache_grow(vb_cache *cache, vblip_error *err)
{
    if (cache->count < cache->capacity)
        return VBLIP_OK;
    uint32_t capacity = cache->capacity ? cache->capacity * 2 : 16;
    vb_cache_entry *entries = realloc(cache->entries, capacity * sizeof *entries);
    if (!entries)
        return vb_fail_memory(err, "cache of clips");
    cache->entries = entries;
    cache->capacity = capacity;
    return VBLIP_OK;
}

vb_visual *vb_cache_find(vb_cache *cache, vb_clip_key key)
{
    vb_cache_entry *entry = cache_find(cache, key);
    return entry ? entry->visual : NULL;
}

vblip_status vb_cache_put(vb_cache *cache, vb_clip_key key, float score,
                          vb_visual **visual, vblip_error *err)
{
    vb_visual *left_out = NULL;
    vb_cache_entry *entry = NULL;
    if (cache->count == 0 || one_more_fits(cache)) {
        VB_TRY(cache_grow(cache, err));
        entry = &cache->entries[cache->count++];
    } else {
        entry = cache_lowest(cache);
        left_out = entry->visual;
    }
    *entry = (vb_cache_entry){.key = key, .visual = *visual, .score = score};
    *visual = left_out;
    return VBLIP_OK;
}

void vb_cache_drop(vb_cache *cache, vb_clip_key key)
{
    vb_cache_entry *entry = cache_find(cache, key);
    if (!entry)
        return;
    cache->ops->visual_free(&entry->visual);
    *entry = cache->entries[--cache->count];
}

void vb_cache_free(vb_cache *cache)
{
    for (uint32_t i = 0; i < cache->count; i++)
        cache->ops->visual_free(&cache->entries[i].visual);
    free(cache->entries);
    cache->entries = NULL;
    cache->count = cache->capacity = 0;
}
