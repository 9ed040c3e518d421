// cmd_bench.c - timed work.
#include "cli/cmd.h"
#include "cli/interrupt.h"

#include <string.h>

static const cli_column columns[] = {
    {"name", CLI_CELL_TEXT, NULL},     {"detail", CLI_CELL_TEXT, NULL},
    {"runs", CLI_CELL_WHOLE, NULL},    {"min_s", CLI_CELL_REAL, NULL},
    {"median_s", CLI_CELL_REAL, NULL}, {"work", CLI_CELL_REAL, NULL},
    {"unit", CLI_CELL_TEXT, NULL},
};
static const cli_table table = {columns, sizeof columns / sizeof *columns};

static int on_result(void *session, const vblip_bench_result *r)
{
    cli_session *s = session;
    if (s->args->format == CLI_FORMAT_TEXT) {
        cli_bytes_printf(&s->line,
                         "%-10s %8.2f %-8s min %9.3f ms  median %9.3f ms  %3u runs  "
                         "%s\n",
                         r->name, r->work, r->unit, r->min_s * 1e3, r->median_s * 1e3,
                         r->runs, r->detail);
        return cli_emit_line(s);
    }
    const cli_cell cells[] = {
        cli_cell_text(r->name),  cli_cell_text(r->detail),   cli_cell_whole(r->runs),
        cli_cell_real(r->min_s), cli_cell_real(r->median_s), cli_cell_real(r->work),
        cli_cell_text(r->unit),
    };
    return cli_emit_row(s, cells);
}

static bool is_benchmark(const char *name)
{
    for (const char *const *known = vblip_bench_names(); *known; known++)
        if (strcmp(*known, name) == 0)
            return true;
    return false;
}

void cli_bench_names(cli_bytes *out)
{
    const char *const *names = vblip_bench_names();
    for (size_t i = 0; names[i]; i++)
        cli_bytes_printf(out, "%s%s", i ? ", " : "", names[i]);
}

static cli_exit refuse(cli_session *s, const char *name)
{
    cli_bytes list = {0};
    cli_bench_names(&list);
    cli_error(&s->console, "%s: unknown benchmark; allowed: %s", name,
              list.data ? list.data : "none");
    cli_bytes_free(&list);
    return CLI_EXIT_MISUSED;
}

static cli_exit run(cli_session *s)
{
    vblip_error err = {0};
    const cli_words names = s->args->texts;
    const uint32_t rounds = names.count ? names.count : 1;
    vblip_status status = cli_engine_open(s, NULL, &err);
    if (status != VBLIP_OK)
        return cli_no_engine(s, status, &err);
    cli_note(&s->console, "%s", vblip_engine_device(s->engine)->name);
    cli_rows_begin(&s->rows, &s->line);
    for (uint32_t i = 0; i < rounds && !s->out.error; i++) {
        status = vblip_bench(s->engine, names.count ? names.items[i] : NULL, on_result,
                             s, &err);
        if (cli_interrupted())
            return CLI_EXIT_INTERRUPTED;
        if (status != VBLIP_OK && status != VBLIP_ERR_CANCELLED)
            return cli_fail(s, status, &err);
    }
    return CLI_EXIT_DONE;
}

cli_exit cli_cmd_bench(cli_session *s)
{
    for (uint32_t i = 0; i < s->args->texts.count; i++)
        if (!is_benchmark(s->args->texts.items[i]))
            return refuse(s, s->args->texts.items[i]);
    cli_exit code = cli_output_begin(s, &table);
    return code == CLI_EXIT_DONE ? cli_output_end(s, run(s)) : code;
}
