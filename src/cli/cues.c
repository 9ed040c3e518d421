#include "cli/cues.h"

#include <stdlib.h>
#include <string.h>

static bool cues_grow(cli_cues *cues)
{
    if (cues->count < cues->capacity)
        return true;
    const uint32_t capacity = cues->capacity ? 2 * cues->capacity : 64;
    vblip_cue *grown = realloc(cues->items, (size_t)capacity * sizeof *grown);
    if (!grown)
        return false;
    cues->items = grown;
    cues->capacity = capacity;
    return true;
}

void cli_cues_add(cli_cues *cues, int64_t start_us, int64_t end_us, const char *text,
                  size_t size)
{
    if (cues->failed || end_us <= start_us)
        return;
    char *copy = cues_grow(cues) ? strndup(text, size) : NULL;
    cues->failed = !copy;
    if (copy)
        cues->items[cues->count++] = (vblip_cue){start_us, end_us, copy};
}

void cli_cues_clear(cli_cues *cues)
{
    for (uint32_t i = 0; i < cues->count; i++)
        free((char *)(uintptr_t)cues->items[i].text);
    free(cues->items);
    *cues = (cli_cues){0};
}
