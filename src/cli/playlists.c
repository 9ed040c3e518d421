#include "cli/playlists.h"

#include "base/path.h"
#include "output/playlists.h"

#include <stdlib.h>
#include <string.h>

// A list in the making.
typedef struct list {
    cli_session *session;
    const cli_moments *moments;
    vb_arena arena; // of the absolute paths
    vb_playlist_item *items;
    uint32_t *moment; // of each item
    uint32_t count;
} list;

// Fills what is known of the recording: mostly another hit is of the same.
static vblip_status look_at_media(list *l, vb_playlist_item *item, const char *path,
                                  vblip_error *err)
{
    vblip_media media;
    for (uint32_t i = 0; i < l->count; i++)
        if (strcmp(l->moments->items[l->moment[i]].path, path) == 0) {
            *item = l->items[i];
            return VBLIP_OK;
        }
    VB_TRY(vblip_media_look(&media, path, err));
    *item = (vb_playlist_item){
        .duration_us = media.duration_us,
        .zero_us = media.zero_us,
        .lead_us = media.lead_us,
        .rate_num = media.rate_num,
        .rate_den = media.rate_den,
    };
    return vb_path_absolute(&item->path, &l->arena, path, err);
}

// VBLIP_ERR_CANCELLED when the list is to end.
static vblip_status list_moment(list *l, uint32_t at, vblip_error *err)
{
    const vblip_moment *m = &l->moments->items[at];
    const cli_finding *finding = &l->moments->findings[at];
    vb_playlist_item item;
    const vblip_status status = look_at_media(l, &item, m->path, err);
    if (status == VBLIP_ERR_MEMORY)
        return status;
    if (status != VBLIP_OK) {
        const vblip_failure failure = {.path = m->path, .message = err->message};
        const int stop = cli_input_failed(l->session, &failure);
        *err = (vblip_error){0};
        return stop ? VBLIP_ERR_CANCELLED : VBLIP_OK;
    }
    item.start_us = m->start_us;
    item.end_us = m->end_us;
    item.query = finding->query;
    item.rank = finding->rank;
    item.judged = finding->judged;
    item.p_match = finding->p_match;
    l->items[l->count] = item;
    l->moment[l->count++] = at;
    return VBLIP_OK;
}

static void (*writer_of(uint32_t format))(vb_string *, const vb_playlist_item *,
                                          uint32_t)
{
    return format == VB_FORMAT_M3U8  ? vb_m3u8_write
           : format == VB_FORMAT_EDL ? vb_edl_write
                                     : vb_otio_write;
}

vblip_status cli_playlist_emit(cli_session *s, const cli_moments *moments,
                               vblip_error *err)
{
    const uint32_t room = moments->count ? moments->count : 1;
    list l = {.session = s,
              .moments = moments,
              .items = calloc(room, sizeof *l.items),
              .moment = calloc(room, sizeof *l.moment)};
    vblip_status status =
        l.items && l.moment ? VBLIP_OK : vb_fail_memory(err, "playlist");
    for (uint32_t i = 0; i < moments->count && status == VBLIP_OK; i++)
        status = moments->findings[i].timed ? list_moment(&l, i, err) : VBLIP_OK;
    if (status == VBLIP_OK) {
        writer_of(s->args->format)(&s->line, l.items, l.count);
        if (cli_emit_line(s))
            status = VBLIP_ERR_CANCELLED;
    }
    free(l.items);
    free(l.moment);
    vb_arena_free(&l.arena);
    return status;
}
