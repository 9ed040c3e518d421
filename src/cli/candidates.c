#include "cli/candidates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUBJECT = 320 };

// Index of `query` in the list, to which it is added where it is new.
static vblip_status find_query(uint32_t *out, vb_list *queries, const char *query,
                               vblip_error *err)
{
    for (*out = queries->count; *out > 0; (*out)--)
        if (strcmp(queries->items[*out - 1], query) == 0) {
            (*out)--;
            return VBLIP_OK;
        }
    *out = queries->count;
    return vb_list_add(queries, query, strlen(query)) ? VBLIP_OK
                                                      : vb_fail_memory(err, "queries");
}

static vblip_status take_candidate(cli_candidates *c, const char *file, uint32_t line,
                                   const char *query, vblip_error *err)
{
    char subject[SUBJECT];
    cli_candidate candidate = {.line = line};
    snprintf(subject, sizeof subject, "%.300s, line %u",
             strcmp(file, "-") == 0 ? "standard input" : file, line + 1);
    const vblip_status status =
        vb_hit_row_read(&candidate.row, &c->arena, c->lines.items[line],
                        c->lines.sizes[line], subject, err);
    if (status == VBLIP_ERR_FORMAT && err)
        return err->status = VBLIP_ERR_ARGUMENT; // it is not media that is wrong
    if (status != VBLIP_OK || !candidate.row.path)
        return status;
    query = query ? query : candidate.row.query;
    if (!query)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "%s: query: missing; name one for all behind the file", subject);
    VB_TRY(find_query(&candidate.query, &c->queries, query, err));
    c->items[c->count++] = candidate;
    return VBLIP_OK;
}

vblip_status cli_candidates_read(cli_candidates *out, const char *file,
                                 const char *query, vblip_error *err)
{
    VB_TRY(vb_list_read(&out->lines, file, '\n', VB_ENTRIES_EXACT, err));
    out->items = calloc((size_t)out->lines.count + 1, sizeof *out->items);
    if (!out->items)
        return vb_fail_memory(err, "candidates");
    for (uint32_t i = 0; i < out->lines.count; i++)
        VB_TRY(take_candidate(out, file, i, query, err));
    return VBLIP_OK;
}

void cli_candidates_free(cli_candidates *candidates)
{
    vb_arena_free(&candidates->arena);
    vb_list_free(&candidates->lines);
    vb_list_free(&candidates->queries);
    free(candidates->items);
    *candidates = (cli_candidates){0};
}

// ------------------------------------------------------------------------------- order

static int order_clips(const vb_hit_row *a, const vb_hit_row *b)
{
    const int by_path = strcmp(a->path, b->path);
    if (by_path)
        return by_path;
    if (a->start_us != b->start_us)
        return a->start_us < b->start_us ? -1 : 1;
    return (a->end_us > b->end_us) - (a->end_us < b->end_us);
}

bool cli_candidates_alike(const cli_candidate *a, const cli_candidate *b)
{
    return order_clips(&a->row, &b->row) == 0;
}

static int by_clip(const void *left, const void *right)
{
    const cli_candidate *a = left, *b = right;
    const int by = order_clips(&a->row, &b->row);
    return by ? by : (a->line > b->line) - (a->line < b->line);
}

static int by_judgement(const void *left, const void *right)
{
    const cli_candidate *a = left, *b = right;
    if (a->query != b->query)
        return a->query < b->query ? -1 : 1;
    if (a->scored != b->scored)
        return a->scored ? -1 : 1;
    if (a->score > b->score || a->score < b->score)
        return a->score > b->score ? -1 : 1;
    return (a->line > b->line) - (a->line < b->line);
}

void cli_candidates_by_clip(cli_candidates *c)
{
    qsort(c->items, c->count, sizeof *c->items, by_clip);
}

void cli_candidates_by_score(cli_candidates *c)
{
    qsort(c->items, c->count, sizeof *c->items, by_judgement);
}
