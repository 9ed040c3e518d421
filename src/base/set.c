#include "base/set.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

// The slot that holds `text`, or the free one where it belongs.
static uint32_t *find_slot(const vb_set *set, const char *text)
{
    const uint64_t hash = vb_hash_bytes(0, text, strlen(text));
    uint32_t at = (uint32_t)hash & (set->slot_count - 1);
    while (set->slots[at] && strcmp(set->texts.items[set->slots[at] - 1], text) != 0)
        at = (at + 1) & (set->slot_count - 1);
    return &set->slots[at];
}

// At least half of the slots stay free.
static bool make_slots(vb_set *set)
{
    if (2 * (set->texts.count + 1) <= set->slot_count)
        return true;
    const uint32_t count = set->slot_count ? 2 * set->slot_count : 64;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (!slots)
        return false;
    free(set->slots);
    set->slots = slots;
    set->slot_count = count;
    for (uint32_t i = 0; i < set->texts.count; i++)
        *find_slot(set, set->texts.items[i]) = i + 1;
    return true;
}

vb_seen vb_set_add(vb_set *set, const char *text)
{
    if (!make_slots(set))
        return VB_SEEN_FAILED;
    uint32_t *slot = find_slot(set, text);
    if (*slot)
        return VB_SEEN_BEFORE;
    if (!vb_list_add(&set->texts, text, strlen(text)))
        return VB_SEEN_FAILED;
    *slot = set->texts.count;
    return VB_SEEN_NEW;
}

void vb_set_free(vb_set *set)
{
    vb_list_free(&set->texts);
    free(set->slots);
    *set = (vb_set){0};
}
