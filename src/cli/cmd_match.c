// cmd_match.c - every pair of path and text (cli.md 3).
#include "cli/cmd.h"
#include "output/results.h"

static int on_match_row(void *session, const vblip_match_row *row)
{
    cli_session *s = session;
    const char *path = cli_shown_path(s, row->path);
    if (s->args->format == VB_FORMAT_TEXT) {
        vb_string_appendf(&s->line, "%.2f  %.3f  %s  %s\n", (double)row->p_match,
                          (double)row->itc, path, s->texts.items[row->text]);
        return cli_emit_line(s);
    }
    vb_cell cells[VB_MATCH_CELLS];
    const vb_cell text =
        vb_cell_bytes(s->texts.items[row->text], s->texts.sizes[row->text]);
    vb_match_cells(cells, path, text, s->calibration, row);
    return cli_emit_row(s, cells);
}

static vblip_status cmd_match_run(cli_session *s, vblip_error *err)
{
    const vblip_job job = cli_job(s);
    const vblip_match_options options = {
        .job = &job,
        .itm_cls = s->args->itm_token == 1,
    };
    cli_choose_calibration(s, job.frames, options.itm_cls);
    return vblip_match(s->model, s->inputs, (const char *const *)s->texts.items,
                       s->texts.count, &options, on_match_row, s, err);
}

cli_exit cli_cmd_match(cli_session *s)
{
    static const cli_task task = {
        .table = &vb_match_table,
        .needs = VBLIP_TASK_RETRIEVAL,
        .weights = "Salesforce/blip-itm-base-coco",
        .run = cmd_match_run,
    };
    return cli_session_run(s, &task);
}
