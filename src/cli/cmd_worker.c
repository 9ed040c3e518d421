// cmd_worker.c - jobs on standard input (cli.md 16).
#include "cli/cmd.h"
#include "cli/serving.h"
#include "serve/worker.h"
#include "terminal/interrupt.h"

#include <unistd.h>

static vblip_status cmd_worker_run(cli_session *s, vblip_error *err)
{
    vb_worker_options options = {
        .lines = {.fd = STDIN_FILENO,
                  .stopped = vb_interrupted,
                  .write = cli_serving_write,
                  .user = s},
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
