// cmd_shots.c - where the shots of recordings begin and end (cli.md 6). Loads no device and
// no model.
#include "cli/cmd.h"
#include "terminal/interrupt.h"

static const vb_column columns[] = {
    {"path", VB_CELL_TEXT, NULL},
    {"shot", VB_CELL_WHOLE, NULL},
    {"start", VB_CELL_TIME, NULL},
    {"end", VB_CELL_TIME, NULL},
};
static const vb_table table = {columns, sizeof columns / sizeof *columns};

static int on_shot(void *session, const vblip_shot *shot)
{
    cli_session *s = session;
    const char *path = cli_shown_path(s, shot->path);
    if (s->args->format == VB_FORMAT_TEXT) {
        if (shot->timed) {
            vb_clock_span(&s->line, shot->start_us, shot->end_us);
            vb_string_puts(&s->line, "  ");
        }
        vb_string_appendf(&s->line, "%s\n", path);
        return cli_emit_line(s);
    }
    const vb_cell cells[] = {
        vb_cell_text(path),
        vb_cell_whole(shot->shot),
        vb_cell_time(shot->timed, shot->start_us),
        vb_cell_time(shot->timed, shot->end_us),
    };
    return cli_emit_row(s, cells);
}

static int cmd_shots_stopped(void *session)
{
    (void)session;
    return vb_interrupted();
}

static vblip_status cmd_shots_run(cli_session *s, vblip_error *err)
{
    const vblip_job job = cli_job(s);
    const vblip_shots_options options = {
        .job = &job,
        .threads = s->args->threads,
        .hwaccel = s->args->hwaccel,
        .stopped = cmd_shots_stopped,
    };
    return vblip_shots(s->inputs, &options, on_shot, s, err);
}

cli_exit cli_cmd_shots(cli_session *s)
{
    static const cli_task task = {
        .table = &table,
        .no_model = true,
        .run = cmd_shots_run,
    };
    return cli_session_run(s, &task);
}
