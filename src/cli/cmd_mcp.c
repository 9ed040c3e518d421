// cmd_mcp.c - recordings as tools for agents (cli.md 17).
#include "cli/cmd.h"
#include "cli/serving.h"
#include "serve/mcp.h"
#include "terminal/interrupt.h"

#include <stdlib.h>
#include <unistd.h>

static vblip_status cmd_mcp_run(cli_session *s, vblip_error *err)
{
    vb_mcp_options options = {
        .lines = {.fd = STDIN_FILENO,
                  .stopped = vb_interrupted,
                  .write = cli_serving_write,
                  .user = s},
    };
    char *only = NULL;
    VB_TRY(cli_only_index(&only, s, err));
    vblip_status status = cli_serving_begin(&options.jobs, s, err);
    options.jobs.paths = (const char *const *)s->paths.items;
    options.jobs.path_count = s->paths.count;
    options.jobs.include = s->args->include.items;
    options.jobs.exclude = s->args->exclude.items;
    options.jobs.index = only ? only : s->args->index;
    options.jobs.segment = s->args->segment;
    if (status == VBLIP_OK)
        status = vb_mcp(&options, err);
    free(only);
    return status;
}

// To be stopped is how a server ends.
static cli_exit cmd_mcp_finish(cli_session *s, cli_exit code)
{
    (void)s;
    return code == CLI_EXIT_INTERRUPTED ? CLI_EXIT_DONE : code;
}

cli_exit cli_cmd_mcp(cli_session *s)
{
    static const vb_table table = {NULL, 0}; // its messages are no rows
    static const cli_task task = {
        .table = &table,
        .no_model = true, // each is loaded when a tool needs it
        .run = cmd_mcp_run,
        .finish = cmd_mcp_finish,
    };
    return cli_session_run(s, &task);
}
