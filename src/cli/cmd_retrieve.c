// cmd_retrieve.c - hits, ranked (cli.md 3).
#include "base/set.h"
#include "cli/cmd.h"
#include "cli/date.h"
#include "cli/example.h"
#include "cli/library.h"

#include <string.h>

static const vb_column columns[] = {
    {"query", VB_CELL_TEXT, NULL},      {"rank", VB_CELL_WHOLE, NULL},
    {"path", VB_CELL_TEXT, NULL},       {"start", VB_CELL_TIME, NULL},
    {"end", VB_CELL_TIME, NULL},        {"score", VB_CELL_REAL, NULL},
    {"itc", VB_CELL_REAL, NULL},        {"itm_logit", VB_CELL_REAL, NULL},
    {"p_match", VB_CELL_REAL, NULL},    {"calibration", VB_CELL_TEXT, NULL},
    {"then_start", VB_CELL_TIME, NULL}, {"then_end", VB_CELL_TIME, NULL},
};
enum { ALL_COLUMNS = sizeof columns / sizeof *columns, THEN_COLUMNS = 2 };
static const vb_table table = {columns, ALL_COLUMNS - THEN_COLUMNS};
static const vb_table then_table = {columns, ALL_COLUMNS};

static const float DEFAULT_WITHIN_S = 60;

typedef struct retrieve_state {
    vb_set seen;   // paths printed by --files-only
    uint64_t hits; // hits of all queries
    vblip_index_changes changes;
    uint32_t last_query; // the query of the last hit; in text each query has a heading
    vb_arena arena;      // of examples
    vblip_example *examples;
    uint32_t example_count;
} retrieve_state;

static int cmd_retrieve_emit_row(cli_session *s, const vblip_hit *hit)
{
    const uint32_t q = hit->query;
    vb_cell reranked[3] = {0}, query = {0};
    if (q < s->texts.count)
        query = vb_cell_bytes(s->texts.items[q], s->texts.sizes[q]);
    if (hit->reranked) {
        reranked[0] = vb_cell_real((double)hit->itm_logits[1]);
        reranked[1] = vb_cell_real((double)hit->p_match);
        reranked[2] = vb_cell_text(s->calibration);
    }
    const vb_cell cells[] = {
        query,
        vb_cell_whole(hit->rank),
        vb_cell_text(cli_shown_path(s, hit->path)),
        vb_cell_time(hit->timed, hit->start_us),
        vb_cell_time(hit->timed, hit->end_us),
        vb_cell_real((double)hit->score),
        vb_cell_real((double)hit->itc),
        reranked[0],
        reranked[1],
        reranked[2],
        vb_cell_time(hit->timed, hit->then_start_us),
        vb_cell_time(hit->timed, hit->then_end_us),
    };
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
    else if (s->args->rerank == 0 || state->example_count)
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
    if (s->args->format != VB_FORMAT_TEXT)
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

static vblip_status read_examples(cli_session *s, vblip_error *err)
{
    const cli_args *a = s->args;
    retrieve_state *state = s->state;
    const float weight = a->weight > 0 ? a->weight : 1;
    const struct {
        const cli_words *words;
        float weight;
    } kinds[] = {{&a->like, weight}, {&a->unlike, -weight}};
    state->examples =
        VB_ARENA_NEW(&state->arena, vblip_example, a->like.count + a->unlike.count + 1);
    if (!state->examples)
        return vb_fail_memory(err, "examples");
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (uint32_t i = 0; i < kinds[k].words->count; i++)
            VB_TRY(cli_example_read(&state->examples[state->example_count++],
                                    &state->arena, kinds[k].words->items[i],
                                    kinds[k].weight, err));
    return VBLIP_OK;
}

static int64_t date_ns(const char *typed, bool last)
{
    cli_date date;
    return typed && cli_date_read(&date, typed) ? cli_date_ns(&date, last) : 0;
}

static vblip_search_options search_options(const cli_session *s,
                                           const vblip_retrieve_options *ranking)
{
    const cli_args *a = s->args;
    const retrieve_state *state = s->state;
    const float within_s = a->within_s > 0 ? a->within_s : DEFAULT_WITHIN_S;
    return (vblip_search_options){
        .retrieve = ranking,
        .examples = state->examples,
        .example_count = state->example_count,
        .then = a->then,
        .within_us = a->then ? (int64_t)((double)within_s * 1e6) : 0,
        .by_recording = a->by != 0,
        .same = a->dedupe,
        .offset = a->offset,
        .since_ns = date_ns(a->since, false),
        .until_ns = date_ns(a->until, true),
    };
}

static vblip_status cmd_retrieve_run(cli_session *s, vblip_error *err)
{
    const cli_args *a = s->args;
    const vblip_job job = cli_job(s);
    const vblip_retrieve_options ranking = {
        .job = &job,
        .top = a->top,
        .rerank = a->rerank == CLI_NOT_GIVEN ? VBLIP_RERANK_AUTO
                  : a->rerank                ? (int32_t)a->rerank
                                             : -1,
        .min_p = a->min_p,
    };
    const vblip_library_options kept = cli_library_options(s);
    const vblip_search_options search = search_options(s, &ranking);
    retrieve_state *state = s->state;
    vblip_library *library;
    if (a->rerank && !state->example_count)
        cli_choose_calibration(s, a->frames, false);
    VB_TRY(vblip_library_open(&library, s->model, s->inputs, &kept, err));
    const vblip_status status = vblip_library_retrieve(
        library, (const char *const *)s->texts.items, s->texts.count, &search,
        &state->changes, on_hit, s, err);
    vblip_library_close(&library);
    return status;
}

static cli_exit cmd_retrieve_finish(cli_session *s, cli_exit code)
{
    const retrieve_state *state = s->state;
    if (!s->args->no_index)
        cli_say_changes(s, &state->changes);
    bool stopped = s->failed && s->args->fail_fast;
    bool done = (code == CLI_EXIT_DONE || code == CLI_EXIT_SOME_FAILED) && !stopped;
    if (!done || state->hits || s->out.error)
        return code;
    if (!s->args->quiet)
        vb_console_line(&s->console, "no match");
    return code == CLI_EXIT_DONE && s->args->exit_status ? CLI_EXIT_NO_MATCH : code;
}

cli_exit cli_cmd_retrieve(cli_session *s)
{
    const bool pictures = s->args->like.count || s->args->unlike.count;
    const cli_task task = {
        .table = s->args->then ? &then_table : &table,
        .needs = s->args->rerank && !pictures ? VBLIP_TASK_RETRIEVAL : VBLIP_TASK_ITC,
        .check = read_examples,
        .weights = "Salesforce/blip-itm-base-coco",
        .run = cmd_retrieve_run,
        .finish = cmd_retrieve_finish,
    };
    retrieve_state state = {0};
    s->state = &state;
    cli_exit code = cli_session_run(s, &task);
    vb_set_free(&state.seen);
    vb_arena_free(&state.arena);
    return code;
}
