// cmd_bench.c - timed work.
#include "cli/cmd.h"
#include "terminal/interrupt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const vb_column columns[] = {
    {"name", VB_CELL_TEXT, NULL},     {"detail", VB_CELL_TEXT, NULL},
    {"runs", VB_CELL_WHOLE, NULL},    {"min_s", VB_CELL_REAL, NULL},
    {"median_s", VB_CELL_REAL, NULL}, {"work", VB_CELL_REAL, NULL},
    {"unit", VB_CELL_TEXT, NULL},     {"gflops", VB_CELL_REAL, NULL},
    {"of_peak", VB_CELL_REAL, NULL},
};
static const vb_table table = {columns, sizeof columns / sizeof *columns};

// "437.1" and "95 %" of the peak, or nothing.
static void write_gflops(char rate[16], char share[8], const vblip_bench_result *r)
{
    rate[0] = share[0] = '\0';
    if (r->gflops > 0)
        snprintf(rate, 16, "%.1f", r->gflops);
    if (r->gflops > 0 && r->peak > 0)
        snprintf(share, 8, "%.0f %%", 100 * r->gflops / r->peak);
}

static int on_result(void *session, const vblip_bench_result *r)
{
    cli_session *s = session;
    char rate[16], share[8];
    if (s->args->format == VB_FORMAT_TEXT) {
        if (!s->written)
            vb_string_appendf(&s->line, "%-10s %9s %-10s %10s %10s %4s %8s %5s  %s\n",
                              "name", "rate", "", "min ms", "median ms", "runs",
                              "GFLOP/s", "peak", "what");
        write_gflops(rate, share, r);
        vb_string_appendf(&s->line, "%-10s %9.2f %-10s %10.3f %10.3f %4u %8s %5s  %s\n",
                          r->name, r->work, r->unit, r->min_s * 1e3, r->median_s * 1e3,
                          r->runs, rate, share, r->detail);
        return cli_emit_line(s);
    }
    const vb_cell cells[] = {
        vb_cell_text(r->name),
        vb_cell_text(r->detail),
        vb_cell_whole(r->runs),
        vb_cell_real(r->min_s),
        vb_cell_real(r->median_s),
        vb_cell_real(r->work),
        vb_cell_text(r->unit),
        vb_cell_real(r->gflops > 0 ? r->gflops : (double)NAN),
        vb_cell_real(r->peak > 0 && r->gflops > 0 ? r->gflops / r->peak : (double)NAN),
    };
    return cli_emit_row(s, cells);
}

static bool is_listed(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(*list, name) == 0)
            return true;
    return false;
}

static void write_names(vb_string *out, const char *const *names, const char *before)
{
    for (; *names; names++, before = ", ")
        vb_string_appendf(out, "%s%s", before, *names);
}

void cli_bench_names(vb_string *out)
{
    write_names(out, vblip_bench_names(), "");
    write_names(out, vblip_model_bench_names(), ", ");
    write_names(out, vblip_decode_bench_names(), ", ");
}

static cli_exit cmd_bench_refuse(cli_session *s, const char *name)
{
    vb_string list = {0};
    cli_bench_names(&list);
    vb_console_error(&s->console, "%s: unknown benchmark; allowed: %s", name,
                     list.bytes ? list.bytes : "none");
    vb_string_free(&list);
    return CLI_EXIT_MISUSED;
}

// The model whose stages have that name: the one that --model names, or one of --size,
// which is for one task.
static vblip_status load_model(cli_session *s, const char *name, vblip_error *err)
{
    const vblip_model_options options = cli_model_options(s, 0);
    const uint32_t task = vblip_model_bench_task(name);
    if (s->args->size) {
        if (s->model && (vblip_model_describe(s->model)->tasks & task))
            return VBLIP_OK;
        vblip_model_free(&s->model);
        return vblip_bench_model(&s->model, s->engine,
                                 cli_choice_name("size", s->args->size), task, err);
    }
    if (s->model)
        return VBLIP_OK;
    if (!options.path) {
        vb_console_warn(&s->console, "no model: its stages are left out");
        return VBLIP_OK;
    }
    return vblip_model_load(&s->model, s->engine, &options, err);
}

static int cmd_bench_stopped(void *session)
{
    (void)session;
    return vb_interrupted();
}

static vblip_status run_decode(cli_session *s, const char *name, vblip_error *err)
{
    const cli_args *a = s->args;
    const vblip_decode_bench_options options = {
        .image_size = a->image_size,
        .frames = a->frames,
        .jobs = a->jobs,
        .threads = a->threads,
        .hwaccel = a->hwaccel,
        .stopped = cmd_bench_stopped,
    };
    return vblip_decode_bench(s->inputs, name, &options, on_result, s, err);
}

// The benchmarks of one name.
static vblip_status run_name(cli_session *s, const char *name, vblip_error *err)
{
    if (is_listed(name, vblip_decode_bench_names()))
        return run_decode(s, name, err);
    if (is_listed(name, vblip_bench_names()))
        return vblip_bench(s->engine, name, on_result, s, err);
    const vblip_status status = load_model(s, name, err);
    if (status != VBLIP_OK)
        return status;
    if (!s->model)
        return VBLIP_OK;
    const uint32_t *counts = s->args->counts[0] ? s->args->counts : NULL;
    return vblip_model_bench(s->model, name, counts, on_result, s, err);
}

static vblip_status run_names(cli_session *s, const char *const *names,
                              vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    for (; *names && status == VBLIP_OK && !s->out.error; names++)
        status = run_name(s, *names, err);
    return status;
}

static vblip_status run_all(cli_session *s, vblip_error *err)
{
    vblip_status status = run_names(s, vblip_bench_names(), err);
    if (status == VBLIP_OK)
        status = run_names(s, vblip_model_bench_names(), err);
    if (status == VBLIP_OK && s->inputs)
        status = run_names(s, vblip_decode_bench_names(), err);
    return status;
}

static bool needs_device(const cli_words *names)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (!is_listed(names->items[i], vblip_decode_bench_names()))
            return true;
    return !names->count;
}

static cli_exit cmd_bench_run(cli_session *s)
{
    vblip_error err = {0};
    const cli_words *names = &s->args->texts;
    vblip_status status = VBLIP_OK;
    if (needs_device(names)) {
        status = cli_engine_open(s, NULL, &err);
        if (status != VBLIP_OK)
            return cli_no_engine(s, status, &err);
        vb_console_note(&s->console, "%s", vblip_engine_device(s->engine)->name);
    }
    vb_rows_begin(&s->rows, &s->line);
    for (uint32_t i = 0; i < names->count && status == VBLIP_OK && !s->out.error; i++)
        status = run_name(s, names->items[i], &err);
    if (!names->count)
        status = run_all(s, &err);
    if (vb_interrupted())
        return CLI_EXIT_INTERRUPTED;
    if (status != VBLIP_OK && status != VBLIP_ERR_CANCELLED)
        return cli_fail(s, status, &err);
    return CLI_EXIT_DONE;
}

// The files of --files, which what decodes needs.
static cli_exit open_files(cli_session *s)
{
    vblip_error err = {0};
    const cli_words *files = &s->args->files;
    const cli_words *names = &s->args->texts;
    for (uint32_t i = 0; i < names->count && !files->count; i++)
        if (is_listed(names->items[i], vblip_decode_bench_names()))
            return cli_fail(
                s, cli_misuse(&err, "%s: missing --files MEDIA", names->items[i]),
                &err);
    if (!files->count)
        return CLI_EXIT_DONE;
    const vblip_status status =
        vblip_inputs_open(&s->inputs, files->items, files->count, NULL, &err);
    return status == VBLIP_OK ? CLI_EXIT_DONE : cli_fail(s, status, &err);
}

static bool is_bench(const char *name)
{
    return is_listed(name, vblip_bench_names()) ||
           is_listed(name, vblip_model_bench_names()) ||
           is_listed(name, vblip_decode_bench_names());
}

cli_exit cli_cmd_bench(cli_session *s)
{
    for (uint32_t i = 0; i < s->args->texts.count; i++)
        if (!is_bench(s->args->texts.items[i]))
            return cmd_bench_refuse(s, s->args->texts.items[i]);
    cli_exit code = open_files(s);
    if (code == CLI_EXIT_DONE)
        code = cli_output_begin(s, &table);
    return code == CLI_EXIT_DONE ? cli_output_end(s, cmd_bench_run(s)) : code;
}
