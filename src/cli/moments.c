#include "cli/moments.h"

#include "base/list.h"
#include "formats/hit_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

vblip_status cli_moments_add(cli_moments *moments, const vblip_moment *moment,
                             bool timed, vblip_error *err)
{
    moments->images += !timed;
    if (!timed)
        return VBLIP_OK;
    if (moments->count == moments->capacity) {
        const uint32_t capacity = moments->capacity ? 2 * moments->capacity : 16;
        vblip_moment *items = realloc(moments->items, capacity * sizeof *items);
        if (!items)
            return vb_fail_memory(err, "hits");
        moments->items = items;
        moments->capacity = capacity;
    }
    vblip_moment *added = &moments->items[moments->count];
    *added = *moment;
    added->path = vb_arena_string(&moments->arena, moment->path, strlen(moment->path));
    if (!added->path)
        return vb_fail_memory(err, "hits");
    moments->count++;
    return VBLIP_OK;
}

static vblip_status moments_add_line(cli_moments *moments, vb_arena *arena,
                                     const vb_list *lines, uint32_t at,
                                     vblip_error *err)
{
    char subject[48];
    vb_hit_row row;
    snprintf(subject, sizeof subject, "standard input, line %u", at + 1);
    const vblip_status status =
        vb_hit_row_read(&row, arena, lines->items[at], lines->sizes[at], subject, err);
    if (status == VBLIP_ERR_FORMAT && err)
        return err->status = VBLIP_ERR_ARGUMENT; // it is not media that is wrong
    if (status != VBLIP_OK || !row.path)
        return status;
    const vblip_moment moment = {row.path, row.start_us, row.end_us};
    return cli_moments_add(moments, &moment, row.timed, err);
}

vblip_status cli_moments_read(cli_moments *moments, vblip_error *err)
{
    vb_list lines = {0};
    vb_arena arena = {0};
    vblip_status status = vb_list_read(&lines, "-", '\n', VB_ENTRIES_EXACT, err);
    for (uint32_t i = 0; i < lines.count && status == VBLIP_OK; i++)
        status = moments_add_line(moments, &arena, &lines, i, err);
    vb_list_free(&lines);
    vb_arena_free(&arena);
    return status;
}

void cli_moments_free(cli_moments *moments)
{
    free(moments->items);
    vb_arena_free(&moments->arena);
    *moments = (cli_moments){0};
}
