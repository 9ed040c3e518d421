// cmd_reason.c - whether statements are true of two images (cli.md 1).
#include "cli/cmd.h"

#include <string.h>

static const vb_column columns[] = {
    {"left", VB_CELL_TEXT, NULL},      {"right", VB_CELL_TEXT, NULL},
    {"statement", VB_CELL_TEXT, NULL}, {"answer", VB_CELL_FLAG, NULL},
    {"p_true", VB_CELL_REAL, NULL},    {"logits", VB_CELL_PAIR, NULL},
};
static const vb_table table = {columns, sizeof columns / sizeof *columns};

static int cmd_reason_emit_text(cli_session *s, const vblip_reason_row *row)
{
    const bool alone = s->input_count == 2 && s->texts.count == 1;
    vb_string_appendf(&s->line, "%s  %.2f", row->answer ? "true" : "false",
                      (double)row->p_true);
    if (!alone)
        vb_string_appendf(&s->line, "  %s  %s  %s", cli_shown_path(s, row->left),
                          cli_shown_path(s, row->right),
                          s->texts.items[row->statement]);
    vb_string_putc(&s->line, '\n');
    return cli_emit_line(s);
}

static int on_reason_row(void *session, const vblip_reason_row *row)
{
    cli_session *s = session;
    if (s->args->format == VB_FORMAT_TEXT)
        return cmd_reason_emit_text(s, row);
    const vb_cell cells[] = {
        vb_cell_text(cli_shown_path(s, row->left)),
        vb_cell_text(cli_shown_path(s, row->right)),
        vb_cell_bytes(s->texts.items[row->statement], s->texts.sizes[row->statement]),
        vb_cell_flag(row->answer),
        vb_cell_real((double)row->p_true),
        vb_cell_pair(row->logits),
    };
    return cli_emit_row(s, cells);
}

// Only files pair off: a directory stands for any number of them.
static vblip_status cmd_reason_check(cli_session *s, vblip_error *err)
{
    for (uint32_t i = 0; i < s->paths.count; i++)
        if (i >= s->input_count ||
            strcmp(vblip_inputs_at(s->inputs, i)->path, s->paths.items[i]) != 0)
            return cli_misuse(err, "%.400s: a directory; LEFT and RIGHT are files",
                              s->paths.items[i]);
    if (s->input_count % 2)
        return cli_misuse(err, "%.400s: %u paths; LEFT and RIGHT come in pairs",
                          s->args->list, s->input_count);
    return VBLIP_OK;
}

static vblip_status cmd_reason_run(cli_session *s, vblip_error *err)
{
    const vblip_job job = cli_job(s);
    const vblip_reason_options options = {.job = &job};
    return vblip_reason(s->model, s->inputs, (const char *const *)s->texts.items,
                        s->texts.count, &options, on_reason_row, s, err);
}

cli_exit cli_cmd_reason(cli_session *s)
{
    static const cli_task task = {
        .table = &table,
        .needs = VBLIP_TASK_NLVR,
        .weights = "model_base_nlvr.pth",
        .check = cmd_reason_check,
        .run = cmd_reason_run,
    };
    return cli_session_run(s, &task);
}
