// cmd_match.c - every pair of path and text (cli.md 3).
#include "cli/cmd.h"

static const cli_column columns[] = {
    {"path", CLI_CELL_TEXT, NULL},    {"text", CLI_CELL_TEXT, NULL},
    {"itc", CLI_CELL_REAL, NULL},     {"itm_logits", CLI_CELL_PAIR, NULL},
    {"p_match", CLI_CELL_REAL, NULL},
};
static const cli_table table = {columns, sizeof columns / sizeof *columns};

static int on_row(void *session, const vblip_match_row *row)
{
    cli_session *s = session;
    const char *path = cli_shown_path(s, row->path);
    if (s->args->format == CLI_FORMAT_TEXT) {
        vb_string_appendf(&s->line, "%.2f  %.3f  %s  %s\n", (double)row->p_match,
                          (double)row->itc, path, s->texts.items[row->text]);
        return cli_emit_line(s);
    }
    const cli_cell cells[] = {
        cli_cell_text(path),
        cli_cell_bytes(s->texts.items[row->text], s->texts.sizes[row->text]),
        cli_cell_real((double)row->itc),
        cli_cell_pair(row->itm_logits),
        cli_cell_real((double)row->p_match),
    };
    return cli_emit_row(s, cells);
}

static vblip_status run(cli_session *s, vblip_error *err)
{
    const vblip_match_options options = {
        .job = cli_job(s),
        .itm_cls = s->args->itm_token == 1,
    };
    return vblip_match(s->model, s->inputs, (const char *const *)s->texts.items,
                       s->texts.count, &options, on_row, s, err);
}

cli_exit cli_cmd_match(cli_session *s)
{
    static const cli_task task = {
        .table = &table,
        .needs = VBLIP_TASK_RETRIEVAL,
        .weights = "Salesforce/blip-itm-base-coco",
        .run = run,
    };
    return cli_session_run(s, &task);
}
