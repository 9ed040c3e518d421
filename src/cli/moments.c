#include "cli/moments.h"

#include "base/list.h"
#include "formats/hit_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool moments_grow(cli_moments *m)
{
    if (m->count < m->capacity)
        return true;
    const uint32_t capacity = m->capacity ? 2 * m->capacity : 16;
    vblip_moment *items = realloc(m->items, capacity * sizeof *items);
    m->items = items ? items : m->items;
    cli_finding *findings =
        items ? realloc(m->findings, capacity * sizeof *findings) : NULL;
    m->findings = findings ? findings : m->findings;
    m->capacity = findings ? capacity : m->capacity;
    return findings;
}

// Strings are copied.
static vblip_status moments_put(cli_moments *m, vblip_moment moment,
                                cli_finding finding, vblip_error *err)
{
    moment.path = vb_arena_string(&m->arena, moment.path, strlen(moment.path));
    if (finding.query)
        finding.query =
            vb_arena_string(&m->arena, finding.query, strlen(finding.query));
    if (!moment.path || !moments_grow(m))
        return vb_fail_memory(err, "hits");
    m->items[m->count] = moment;
    m->findings[m->count++] = finding;
    return VBLIP_OK;
}

vblip_status cli_moments_add(cli_moments *moments, const vblip_hit *hit,
                             const char *query, bool then, vblip_error *err)
{
    const int64_t end_us = then ? hit->then_end_us : hit->end_us;
    moments->images += !hit->timed;
    if (!hit->timed && !moments->images_too)
        return VBLIP_OK;
    return moments_put(
        moments, (vblip_moment){hit->path, hit->start_us, end_us},
        (cli_finding){hit->timed, query, hit->rank, hit->reranked, hit->p_match}, err);
}

// Whether the file holds a video. A GIF may be an image.
static bool is_video_file(const char *path)
{
    const char *dot = strrchr(path, '.');
    vblip_media media;
    vblip_error unused;
    return !(dot && strcasecmp(dot, ".gif") == 0) &&
           vblip_media_look(&media, path, &unused) == VBLIP_OK;
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
    moments->images += !row.timed;
    if (!row.timed && !moments->images_too)
        return is_video_file(row.path)
                   ? vb_fail(err, VBLIP_ERR_ARGUMENT,
                             "%s: %.300s: a video, and the row says neither start nor "
                             "end, in seconds; rows of retrieve say both",
                             subject, row.path)
                   : VBLIP_OK;
    const uint32_t rank = row.rank ? row.rank : moments->count + 1;
    return moments_put(moments, (vblip_moment){row.path, row.start_us, row.end_us},
                       (cli_finding){row.timed, NULL, rank, row.judged, row.p_match},
                       err);
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
    free(moments->findings);
    vb_arena_free(&moments->arena);
    *moments = (cli_moments){0};
}
