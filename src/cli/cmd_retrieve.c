// cmd_retrieve.c - hits, ranked (cli.md 3).
#include "base/set.h"
#include "cli/cmd.h"
#include "cli/playlists.h"
#include "cli/searching.h"
#include "cli/sheet.h"
#include "output/results.h"

#include <string.h>

typedef struct retrieve_state {
    vb_set seen;         // paths printed by --files-only
    uint64_t hits;       // hits of all queries
    uint32_t last_query; // the query of the last hit; in text each query has a heading
    cli_search search;
    cli_moments moments; // of a playlist
    vblip_error *err;    // of the callbacks
} retrieve_state;

static int cmd_retrieve_emit_row(cli_session *s, const vblip_hit *hit)
{
    const uint32_t q = hit->query;
    vb_cell query = {0}, cells[VB_HIT_CELLS];
    if (q < s->texts.count)
        query = vb_cell_bytes(s->texts.items[q], s->texts.sizes[q]);
    vb_hit_cells(cells, query, cli_shown_path(s, hit->path), s->calibration, hit);
    return cli_emit_row(s, cells);
}

// A heading when there are several queries: the query, on a line of its own.
static void add_heading(cli_session *s, retrieve_state *state, uint32_t query)
{
    if (s->texts.count < 2 || (state->hits && state->last_query == query))
        return;
    if (state->hits)
        vb_string_putc(&s->line, '\n');
    if (s->args->mpv)
        vb_string_puts(&s->line, "# ");
    for (const char *c = s->texts.items[query]; *c; c++)
        vb_string_putc(&s->line, *c == '\n' ? ' ' : *c);
    vb_string_putc(&s->line, '\n');
}

static int cmd_retrieve_emit_text(cli_session *s, retrieve_state *state,
                                  const vblip_hit *hit)
{
    add_heading(s, state, hit->query);
    vb_string_appendf(&s->line, "%u  ", hit->rank);
    if (hit->reranked)
        vb_string_appendf(&s->line, "%.2f  ", (double)hit->p_match);
    else if (s->args->rerank == 0 || state->search.example_count)
        vb_string_appendf(&s->line, "%.2f  ", (double)hit->score);
    else
        vb_string_puts(&s->line, "-  "); // beyond the K that ITM looked at
    if (hit->timed) {
        vb_clock_span(&s->line, hit->start_us, hit->end_us);
        vb_string_puts(&s->line, "  ");
    }
    if (hit->timed && s->args->then) {
        vb_clock_span(&s->line, hit->then_start_us, hit->then_end_us);
        vb_string_puts(&s->line, "  ");
    }
    vb_string_puts(&s->line, cli_shown_path(s, hit->path));
    vb_string_putc(&s->line, s->args->null_paths ? '\0' : '\n');
    return cli_emit_line(s);
}

// As a shell takes it for one word.
static void put_quoted(vb_string *line, const char *text)
{
    vb_string_putc(line, '\'');
    for (; *text; text++)
        if (*text == '\'')
            vb_string_puts(line, "'\\''");
        else
            vb_string_putc(line, *text);
    vb_string_putc(line, '\'');
}

static int cmd_retrieve_emit_player(cli_session *s, retrieve_state *state,
                                    const vblip_hit *hit)
{
    const int64_t end_us = s->args->then ? hit->then_end_us : hit->end_us;
    add_heading(s, state, hit->query);
    vb_string_puts(&s->line, "mpv ");
    if (hit->timed) {
        vb_string_puts(&s->line, "--start=");
        vb_clock(&s->line, hit->start_us, '.');
        vb_string_puts(&s->line, " --end=");
        vb_clock(&s->line, end_us, '.');
        vb_string_putc(&s->line, ' ');
    }
    vb_string_puts(&s->line, "-- ");
    put_quoted(&s->line, cli_shown_path(s, hit->path));
    vb_string_putc(&s->line, '\n');
    return cli_emit_line(s);
}

static int cmd_retrieve_emit_file(cli_session *s, retrieve_state *state,
                                  const vblip_hit *hit)
{
    const char *path = cli_shown_path(s, hit->path);
    const vb_seen seen = vb_set_add(&state->seen, path);
    if (seen == VB_SEEN_BEFORE)
        return 0;
    if (seen == VB_SEEN_FAILED)
        s->line.failed = true;
    vb_string_puts(&s->line, path);
    vb_string_putc(&s->line, s->args->null_paths ? '\0' : '\n');
    return cli_emit_line(s);
}

static int on_hit(void *session, const vblip_hit *hit)
{
    cli_session *s = session;
    retrieve_state *state = s->state;
    int stop;
    if ((s->args->contact_sheet || cli_is_playlist(s->args->format)) &&
        cli_collect_hit(s, &state->moments, hit, state->err))
        stop = 1;
    else if (cli_is_playlist(s->args->format))
        stop = 0;
    else if (s->args->format != VB_FORMAT_TEXT)
        stop = cmd_retrieve_emit_row(s, hit);
    else if (s->args->files_only)
        stop = cmd_retrieve_emit_file(s, state, hit);
    else if (s->args->mpv)
        stop = cmd_retrieve_emit_player(s, state, hit);
    else
        stop = cmd_retrieve_emit_text(s, state, hit);
    state->hits++;
    state->last_query = hit->query;
    return stop;
}

static vblip_status cmd_retrieve_check(cli_session *s, vblip_error *err)
{
    retrieve_state *state = s->state;
    VB_TRY(cli_sheet_check(s->args, err));
    return cli_search_read(&state->search, s, err);
}

static vblip_status cmd_retrieve_run(cli_session *s, vblip_error *err)
{
    retrieve_state *state = s->state;
    state->err = err;
    VB_TRY(cli_search_run(&state->search, s, on_hit, err));
    if (cli_is_playlist(s->args->format)) {
        cli_say_images(s, state->moments.images);
        VB_TRY(cli_playlist_emit(s, &state->moments, err));
    }
    return cli_sheet_write(s, &state->moments, err);
}

static cli_exit cmd_retrieve_finish(cli_session *s, cli_exit code)
{
    const retrieve_state *state = s->state;
    return cli_search_finish(&state->search, s, state->hits, code);
}

cli_exit cli_cmd_retrieve(cli_session *s)
{
    const cli_task task = {
        .table = s->args->then ? &vb_hit_then_table : &vb_hit_table,
        .needs = cli_search_needs(s->args),
        .check = cmd_retrieve_check,
        .weights = "Salesforce/blip-itm-base-coco",
        .run = cmd_retrieve_run,
        .finish = cmd_retrieve_finish,
    };
    retrieve_state state = {.moments.images_too = s->args->contact_sheet != NULL};
    s->state = &state;
    cli_exit code = cli_session_run(s, &task);
    vb_set_free(&state.seen);
    cli_moments_free(&state.moments);
    cli_search_free(&state.search);
    return code;
}
