#include "cli/sheet.h"

#include "output/beside.h"
#include "terminal/interrupt.h"

#include <stdlib.h>

enum { MOST_TILES = 400 }; // on a sheet

vblip_status cli_sheet_check(const cli_args *args, vblip_error *err)
{
    return args->contact_sheet && !args->overwrite
               ? vb_beside_check_free(args->contact_sheet, err)
               : VBLIP_OK;
}

static int sheet_is_stopped(void *session)
{
    (void)session;
    return vb_interrupted();
}

vblip_status cli_sheet_write(cli_session *s, const cli_moments *moments,
                             vblip_error *err)
{
    const cli_args *a = s->args;
    const uint32_t count = moments->count < MOST_TILES ? moments->count : MOST_TILES;
    const vblip_sheet_options options = {
        .title = s->texts.count == 1 ? s->texts.items[0] : NULL,
        .overwrite = a->overwrite,
        .stopped = sheet_is_stopped,
        .failed = cli_input_failed,
        .user = s,
    };
    if (!a->contact_sheet || !count)
        return VBLIP_OK;
    if (count < moments->count)
        vb_console_warn(&s->console, "%s: shows the first %u of %u hits",
                        a->contact_sheet, count, moments->count);
    vblip_tile *tiles = calloc(count, sizeof *tiles);
    if (!tiles)
        return vb_fail_memory(err, a->contact_sheet);
    for (uint32_t i = 0; i < count; i++) {
        const vblip_moment *m = &moments->items[i];
        const cli_finding *f = &moments->findings[i];
        tiles[i] = (vblip_tile){m->path, f->timed,  m->start_us, m->end_us,
                                f->rank, f->judged, f->p_match};
    }
    const vblip_status status =
        vblip_contact_sheet(a->contact_sheet, tiles, count, &options, err);
    free(tiles);
    return status;
}
