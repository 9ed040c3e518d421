// cmd_worker.c - jobs on standard input (cli.md 16).
#include "cli/cmd.h"
#include "cli/serving.h"
#include "serve/worker.h"
#include "terminal/interrupt.h"

#include <unistd.h>

static bool write_worker_line(void *session, const vb_string *line)
{
    cli_session *s = session;
    vb_string_append(&s->line, line->bytes, line->size);
    (void)cli_emit_line(s); // interrupted or not: what was done is told
    return s->out.error != 0;
}

static vblip_status cmd_worker_run(cli_session *s, vblip_error *err)
{
    vb_worker_options options = {
        .fd = STDIN_FILENO,
        .stopped = vb_interrupted,
        .write = write_worker_line,
        .user = s,
    };
    VB_TRY(cli_serving_begin(&options.jobs, s, err));
    return vb_worker(&options, err);
}

cli_exit cli_cmd_worker(cli_session *s)
{
    static const vb_table table = {NULL, 0}; // its lines are no rows
    static const cli_task task = {
        .table = &table,
        .no_model = true, // each is loaded when a job asks for it
        .run = cmd_worker_run,
    };
    s->finishes_jobs = true;
    return cli_session_run(s, &task);
}
