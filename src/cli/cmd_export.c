// cmd_export.c - what an index holds, for other systems (cli.md 15). Loads no model.
#include "cli/cmd.h"
#include "output/npy_file.h"
#include "terminal/interrupt.h"
#include "vblip_library.h"

static const vb_column export_columns[] = {
    {"path", VB_CELL_TEXT, NULL},
    {"start", VB_CELL_TIME, NULL},
    {"end", VB_CELL_TIME, NULL},
    {"vector", VB_CELL_REALS, NULL},
};
enum { EXPORT_COLUMNS = sizeof export_columns / sizeof *export_columns };
static const vb_table export_table = {export_columns, EXPORT_COLUMNS};
static const vb_table bare_table = {export_columns, EXPORT_COLUMNS - 1};

static int export_row(cli_session *s, const vblip_index_segment *segment)
{
    const vb_cell cells[] = {
        vb_cell_text(segment->path),
        vb_cell_time(segment->timed, segment->start_us),
        vb_cell_time(segment->timed, segment->end_us),
        vb_cell_reals(segment->vector, segment->dims),
    };
    vb_rows_add(&s->rows, &s->line, cells);
    return cli_emit_part(s);
}

static int export_values(cli_session *s, const vblip_index_segment *segment)
{
    if (segment->number == 0)
        vb_npy_begin(&s->line, segment->total, segment->dims);
    vb_string_append(&s->line, (const char *)segment->vector,
                     segment->dims * sizeof *segment->vector);
    return cli_emit_part(s);
}

static int on_segment(void *session, const vblip_index_segment *segment)
{
    cli_session *s = session;
    s->input_count++;
    return s->args->format == VB_FORMAT_NPY ? export_values(s, segment)
                                            : export_row(s, segment);
}

static vblip_status export_run(cli_session *s, vblip_error *err)
{
    VB_TRY(vblip_index_export(s->args->paths.items[0], on_segment, s, err));
    if (s->args->format == VB_FORMAT_NPY && !s->input_count)
        vb_npy_begin(&s->line, 0, 0);
    return VBLIP_OK;
}

cli_exit cli_cmd_export(cli_session *s)
{
    vblip_error err = {0};
    cli_exit code =
        cli_output_begin(s, s->args->no_vectors ? &bare_table : &export_table);
    if (code != CLI_EXIT_DONE)
        return code;
    vb_rows_begin(&s->rows, &s->line);
    const vblip_status status = export_run(s, &err);
    if (vb_interrupted())
        code = CLI_EXIT_INTERRUPTED;
    else if (status != VBLIP_OK && status != VBLIP_ERR_CANCELLED)
        code = cli_fail(s, status, &err);
    if (code != CLI_EXIT_DONE && s->args->format == VB_FORMAT_NPY)
        s->written = 0; // no matrix: it has fewer rows than it says
    return cli_output_end(s, code);
}
