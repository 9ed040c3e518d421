// cmd_merge.c - indexes are joined (cli.md 3). Loads no device and no model.
#include "cli/cmd.h"
#include "cli/library.h"
#include "terminal/interrupt.h"

static int on_merged(void *session, const vblip_merged *merged)
{
    cli_session *s = session;
    if (merged->differs)
        vb_console_warn(&s->console, "%s: %s has another file of that path, which %s",
                        merged->path, merged->index,
                        merged->taken ? "stands" : "is left out");
    return vb_interrupted();
}

static vblip_status check_and_merge(cli_session *s, vblip_error *err)
{
    const cli_args *a = s->args;
    const cli_sources sources = cli_session_sources(s, false);
    VB_TRY(cli_outputs_check(&sources, err));
    return vblip_index_merge(a->output, a->paths.items, a->paths.count, a->overwrite,
                             on_merged, s, err);
}

// What was made, to standard output: -o is the index.
static cli_exit show_merged(cli_session *s)
{
    vblip_error err = {0};
    s->rows =
        (vb_rows){.format = (vb_format)s->args->format, .table = &cli_totals_table};
    vblip_status status = vb_outfile_open(&s->out, NULL, &err);
    if (status == VBLIP_OK) {
        vb_rows_begin(&s->rows, &s->line);
        status = vblip_index_describe(s->args->output, cli_emit_totals, s, &err);
    }
    const bool failed = status != VBLIP_OK && status != VBLIP_ERR_CANCELLED;
    return cli_output_end(s, failed ? cli_fail(s, status, &err) : CLI_EXIT_DONE);
}

cli_exit cli_cmd_merge(cli_session *s)
{
    vblip_error err = {0};
    const vblip_status status = check_and_merge(s, &err);
    return status == VBLIP_OK ? show_merged(s) : cli_fail(s, status, &err);
}
