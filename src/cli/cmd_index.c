// cmd_index.c - indexes of recordings: brought up to date, and what they hold (cli.md 3).
#include "cli/cmd.h"
#include "cli/library.h"
#include "terminal/interrupt.h"

static const vb_column list_columns[] = {
    {"path", VB_CELL_TEXT, NULL},
    {"size", VB_CELL_WHOLE, NULL},
    {"error", VB_CELL_TEXT, NULL},
};
static const vb_table list_table = {list_columns,
                                    sizeof list_columns / sizeof *list_columns};

static int on_recording(void *session, const vblip_index_recording *recording)
{
    cli_session *s = session;
    if (s->args->format == VB_FORMAT_TEXT) {
        vb_string_puts(&s->line, recording->path);
        if (recording->error)
            vb_string_appendf(&s->line, "  %s", recording->error);
        vb_string_putc(&s->line, '\n');
        return cli_emit_line(s);
    }
    const vb_cell cells[] = {
        vb_cell_text(recording->path),
        vb_cell_whole(recording->size),
        recording->error ? vb_cell_text(recording->error) : (vb_cell){0},
    };
    return cli_emit_row(s, cells);
}

// ------------------------------------------------------------------- without a model

static int on_index(void *session, const char *path)
{
    cli_session *s = session;
    vblip_error err = {0};
    vblip_status status = VBLIP_OK;
    s->input_count++;
    if (s->args->index_verify)
        status = vblip_index_verify(path, &err);
    if (status == VBLIP_OK)
        status = s->args->index_list
                     ? vblip_index_list(path, on_recording, s, &err)
                     : vblip_index_describe(path, cli_emit_totals, s, &err);
    if (status != VBLIP_OK && status != VBLIP_ERR_CANCELLED) {
        vb_console_error(&s->console, "%s", err.message);
        s->failed++;
    }
    return vb_interrupted() || s->out.error;
}

static vblip_status look_at_indexes(cli_session *s, vblip_error *err)
{
    const cli_args *a = s->args;
    if (a->index) {
        (void)on_index(s, a->index);
        return VBLIP_OK;
    }
    if (!s->env.data_dir)
        return VBLIP_OK;
    for (uint32_t i = 0; i < a->paths.count; i++)
        VB_TRY(vblip_index_each(s->env.data_dir, a->paths.items[i], on_index, s, err));
    return a->paths.count ? VBLIP_OK
                          : vblip_index_each(s->env.data_dir, NULL, on_index, s, err);
}

static cli_exit show_indexes(cli_session *s)
{
    vblip_error err = {0};
    cli_exit code =
        cli_output_begin(s, s->args->index_list ? &list_table : &cli_totals_table);
    if (code != CLI_EXIT_DONE)
        return code;
    vb_rows_begin(&s->rows, &s->line);
    const vblip_status status = look_at_indexes(s, &err);
    if (vb_interrupted())
        code = CLI_EXIT_INTERRUPTED;
    else if (status != VBLIP_OK && status != VBLIP_ERR_CANCELLED)
        code = cli_fail(s, status, &err);
    else if (s->input_count == 0)
        vb_console_line(&s->console, "no index");
    else if (s->failed)
        code = s->failed < s->input_count ? CLI_EXIT_SOME_FAILED : CLI_EXIT_UNUSABLE;
    return cli_output_end(s, code);
}

// ----------------------------------------------------------------------- brought up to date

static vblip_status cmd_index_ready(cli_session *s, vblip_error *err)
{
    vblip_library **library = s->state;
    vblip_library_options options = cli_library_options(s);
    options.write = true;
    return vblip_library_open(library, s->model, s->inputs, &options, err);
}

static vblip_status cmd_index_run(cli_session *s, vblip_error *err)
{
    vblip_library *library = *(vblip_library **)s->state;
    vblip_index_changes changes = {0};
    const vblip_job job = cli_job(s);
    vblip_status status = vblip_library_update(library, &job, &changes, err);
    vb_console_bar_clear(&s->console);
    cli_say_changes(s, &changes);
    if (status == VBLIP_OK && !s->crew)
        status = vblip_library_describe(library, cli_emit_totals, s, err);
    return status;
}

static cli_exit cmd_index_finish(cli_session *s, cli_exit code)
{
    if (code == CLI_EXIT_INTERRUPTED)
        vb_console_warn(&s->console, "the same command goes on where this one stopped");
    return code;
}

cli_exit cli_cmd_index(cli_session *s)
{
    static const cli_task task = {
        .table = &cli_totals_table,
        .needs = VBLIP_TASK_ITC,
        .weights = "Salesforce/blip-itm-base-coco",
        .ready = cmd_index_ready,
        .run = cmd_index_run,
        .finish = cmd_index_finish,
    };
    vblip_library *library = NULL;
    if (cli_edits_indexes(s->args))
        return cli_edit_indexes(s);
    if (cli_looks_at_indexes(s->args))
        return show_indexes(s);
    s->state = &library;
    const cli_exit code = cli_session_run(s, &task);
    vblip_library_close(&library);
    return code;
}
