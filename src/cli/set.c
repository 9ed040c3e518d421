#include "cli/set.h"

#include <stdlib.h>
#include <string.h>

// FNV-1a
static uint32_t hash_text(const char *text)
{
    uint32_t hash = UINT32_C(2166136261);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT32_C(16777619);
    return hash;
}

// The slot that holds `text`, or the free one where it belongs.
static uint32_t *find_slot(const cli_set *set, const char *text)
{
    uint32_t at = hash_text(text) & (set->slot_count - 1);
    while (set->slots[at] && strcmp(set->texts.items[set->slots[at] - 1], text) != 0)
        at = (at + 1) & (set->slot_count - 1);
    return &set->slots[at];
}

// At least half of the slots stay free.
static bool make_slots(cli_set *set)
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

cli_seen cli_set_add(cli_set *set, const char *text)
{
    if (!make_slots(set))
        return CLI_SEEN_FAILED;
    uint32_t *slot = find_slot(set, text);
    if (*slot)
        return CLI_SEEN_BEFORE;
    if (!cli_list_add(&set->texts, text, strlen(text)))
        return CLI_SEEN_FAILED;
    *slot = set->texts.count;
    return CLI_SEEN_NEW;
}

void cli_set_free(cli_set *set)
{
    cli_list_free(&set->texts);
    free(set->slots);
    *set = (cli_set){0};
}
