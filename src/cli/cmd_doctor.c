// cmd_doctor.c - what each device is, whether it computes right, and how fast.
#include "cli/cmd.h"
#include "terminal/interrupt.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const vb_column check_columns[] = {
    {"op", VB_CELL_TEXT, NULL},   {"kernels", VB_CELL_TEXT, NULL},
    {"nmse", VB_CELL_REAL, NULL}, {"bound", VB_CELL_REAL, NULL},
    {"ok", VB_CELL_FLAG, NULL},
};
enum { CHECK_COLUMNS = sizeof check_columns / sizeof *check_columns };
static const vb_table check_table = {check_columns, CHECK_COLUMNS};

static const vb_column speed_columns[] = {
    {"name", VB_CELL_TEXT, NULL},  {"detail", VB_CELL_TEXT, NULL},
    {"min_s", VB_CELL_REAL, NULL}, {"median_s", VB_CELL_REAL, NULL},
    {"work", VB_CELL_REAL, NULL},  {"unit", VB_CELL_TEXT, NULL},
};
enum { SPEED_COLUMNS = sizeof speed_columns / sizeof *speed_columns };
static const vb_table speed_table = {speed_columns, SPEED_COLUMNS};

static const vb_column columns[] = {
    {"index", VB_CELL_WHOLE, NULL},
    {"name", VB_CELL_TEXT, NULL},
    {"kind", VB_CELL_TEXT, NULL},
    {"driver", VB_CELL_TEXT, NULL},
    {"api", VB_CELL_TEXT, NULL},
    {"memory_bytes", VB_CELL_WHOLE, NULL},
    {"subgroup_size", VB_CELL_WHOLE, NULL},
    {"max_binding_mib", VB_CELL_WHOLE, NULL},
    {"f16_storage", VB_CELL_FLAG, NULL},
    {"kernels", VB_CELL_TEXT, NULL},
    {"precision", VB_CELL_TEXT, NULL},
    {"problem", VB_CELL_TEXT, NULL},
    {"checks", VB_CELL_ROWS, &check_table},
    {"speed", VB_CELL_ROWS, &speed_table},
};
static const vb_table table = {columns, sizeof columns / sizeof *columns};

// Rows that grow; their texts live in `strings`.
typedef struct cells {
    vb_cell *items;
    uint32_t rows;
    bool failed;
} cells;

// What is found out about one device.
typedef struct examination {
    cli_session *session;
    vblip_device_info info;
    vb_list strings;
    const char *problem; // NULL = none
    cells checks, speed;
    uint32_t wrong; // checks that did not pass
    bool checking;  // the name of a check is told, its result is not
} examination;

static const char *const kinds[] = {
    [VBLIP_DEVICE_OTHER] = "other",
    [VBLIP_DEVICE_DISCRETE_GPU] = "discrete GPU",
    [VBLIP_DEVICE_INTEGRATED_GPU] = "integrated GPU",
    [VBLIP_DEVICE_VIRTUAL_GPU] = "virtual GPU",
    [VBLIP_DEVICE_SOFTWARE] = "software",
    [VBLIP_DEVICE_PROCESSOR] = "processor",
};

static const char *cmd_doctor_keep(examination *e, const char *text)
{
    return text ? vb_list_add(&e->strings, text, strlen(text)) : NULL;
}

static void cmd_doctor_add_row(cells *list, const vb_cell *row, uint32_t count)
{
    size_t old = (size_t)list->rows * count;
    vb_cell *items = realloc(list->items, (old + count) * sizeof *items);
    if (!items) {
        list->failed = true;
        return;
    }
    memcpy(items + old, row, count * sizeof *row);
    list->items = items;
    list->rows++;
}

// ----------------------------------------------------------------------------- telling

static const char *kind_name(vblip_device_kind kind)
{
    return (size_t)kind < sizeof kinds / sizeof *kinds ? kinds[kind] : "other";
}

// Text appears as it is found out: of a check that a driver does not survive, its name.
static bool as_it_goes(const cli_session *s)
{
    return s->args->format == VB_FORMAT_TEXT;
}

static void tell_processor(vb_string *out, const vblip_device_info *d)
{
    vb_string_appendf(out, "   library    %s\n", d->driver);
    vb_string_appendf(out, "   features   %s\n", d->api);
    vb_string_appendf(out, "   memory     %" PRIu64 " MiB\n", d->memory_bytes >> 20);
}

static void tell_vulkan(vb_string *out, const vblip_device_info *d)
{
    vb_string_appendf(out, "   driver     %s, Vulkan %s\n", d->driver, d->api);
    vb_string_appendf(out, "   memory     %" PRIu64 " MiB, largest binding %u MiB\n",
                      d->memory_bytes >> 20, d->max_binding_mib);
    vb_string_appendf(out, "   features   subgroups of %u, 16-bit storage: %s\n",
                      d->subgroup_size, d->f16_storage ? "yes" : "no");
}

static int tell_device(const examination *e)
{
    const vblip_device_info *d = &e->info;
    vb_string *out = &e->session->line;
    vb_string_appendf(out, "%u  %s\n", d->index, d->name);
    vb_string_appendf(out, "   kind       %s\n", kind_name(d->kind));
    if (d->kind == VBLIP_DEVICE_PROCESSOR)
        tell_processor(out, d);
    else
        tell_vulkan(out, d);
    if (d->kernels)
        vb_string_appendf(out, "   kernels    %s\n", d->kernels);
    if (d->precision)
        vb_string_appendf(out, "   precision  %s\n", d->precision);
    return cli_emit_line(e->session);
}

// A device whose kernels were never tried has them tried while it is opened.
static void tell_opening(void *session, const char *line)
{
    cli_session *s = session;
    if (!strstr(line, "self-test"))
        return;
    vb_string_appendf(&s->line, "   opening    %s\n", line);
    (void)cli_emit_line(s); // an interrupt also stops the device
}

static int tell_check(examination *e, const vblip_check *check)
{
    vb_string *out = &e->session->line;
    e->checking = !check->ran;
    if (!check->ran)
        vb_string_appendf(out, "   self-test  %-24s %-12s ", check->op, check->kernels);
    else
        vb_string_appendf(out, "%s  error %.1e, allowed %.1e\n",
                          check->ok ? "ok   " : "WRONG", check->nmse, check->bound);
    return cli_emit_line(e->session);
}

static int tell_speed(const examination *e, const vblip_bench_result *r)
{
    vb_string_appendf(&e->session->line, "   speed      %s %s  %.2f %s\n", r->name,
                      r->detail, r->work, r->unit);
    return cli_emit_line(e->session);
}

static int tell_problem(const examination *e)
{
    if (e->checking)
        vb_string_puts(&e->session->line, "did not run\n");
    if (e->problem)
        vb_string_appendf(&e->session->line, "   problem    %s\n", e->problem);
    return cli_emit_line(e->session);
}

static int tell_row(const examination *e)
{
    const vblip_device_info *d = &e->info;
    const vb_cell row[] = {
        vb_cell_whole(d->index),
        vb_cell_text(d->name),
        vb_cell_text(kind_name(d->kind)),
        vb_cell_text(d->driver),
        vb_cell_text(d->api),
        vb_cell_whole(d->memory_bytes),
        vb_cell_whole(d->subgroup_size),
        vb_cell_whole(d->max_binding_mib),
        vb_cell_flag(d->f16_storage),
        vb_cell_text(d->kernels),
        vb_cell_text(d->precision),
        vb_cell_text(e->problem),
        vb_cell_rows(e->checks.items, e->checks.rows),
        vb_cell_rows(e->speed.items, e->speed.rows),
    };
    return cli_emit_row(e->session, row);
}

// ------------------------------------------------------------------------ finding out

static int on_check(void *user, const vblip_check *check)
{
    examination *e = user;
    if (as_it_goes(e->session) && tell_check(e, check))
        return 1;
    if (!check->ran)
        return vb_interrupted();
    const vb_cell row[CHECK_COLUMNS] = {
        vb_cell_text(cmd_doctor_keep(e, check->op)),
        vb_cell_text(cmd_doctor_keep(e, check->kernels)),
        vb_cell_real(check->nmse),
        vb_cell_real(check->bound),
        vb_cell_flag(check->ok),
    };
    e->wrong += !check->ok;
    cmd_doctor_add_row(&e->checks, row, CHECK_COLUMNS);
    return e->checks.failed || vb_interrupted();
}

// One result is enough: the first is of the kernels that `auto` takes.
static int on_speed(void *user, const vblip_bench_result *r)
{
    examination *e = user;
    const vb_cell row[SPEED_COLUMNS] = {
        vb_cell_text(cmd_doctor_keep(e, r->name)),
        vb_cell_text(cmd_doctor_keep(e, r->detail)),
        vb_cell_real(r->min_s),
        vb_cell_real(r->median_s),
        vb_cell_real(r->work),
        vb_cell_text(cmd_doctor_keep(e, r->unit)),
    };
    if (as_it_goes(e->session))
        (void)tell_speed(e, r); // stops anyway
    cmd_doctor_add_row(&e->speed, row, SPEED_COLUMNS);
    return 1;
}

// "linear" tells most about a device; a library without it has its first benchmark.
static const char *speed_benchmark(void)
{
    const char *const *names = vblip_bench_names();
    for (const char *const *name = names; *name; name++)
        if (strcmp(*name, "linear") == 0)
            return *name;
    return *names;
}

// Self-test and speed of the device that s->engine has open.
static void cmd_doctor_examine(cli_session *s, examination *e)
{
    vblip_error err = {0};
    vblip_status status = vblip_engine_selftest(s->engine, on_check, e, &err);
    const char *benchmark = speed_benchmark();
    if (status == VBLIP_OK && benchmark)
        status = vblip_bench(s->engine, benchmark, on_speed, e, &err);
    if (status != VBLIP_OK && status != VBLIP_ERR_CANCELLED)
        e->problem = cmd_doctor_keep(e, err.message);
    else if (e->wrong)
        e->problem = "self-test failed";
}

static void cmd_doctor_forget(examination *e)
{
    vb_list_free(&e->strings);
    free(e->checks.items);
    free(e->speed.items);
    *e = (examination){0};
}

// -------------------------------------------------------------------------- every one

typedef struct round {
    cli_session *session;
    uint32_t usable, wrong; // devices that can be tried, and those of them that fail
} round;

// Examines the device `d`, whose engine is opened by index unless it is open already.
static int cmd_doctor_visit(round *r, const vblip_device_info *d)
{
    cli_session *s = r->session;
    vblip_error err = {0};
    examination e = {.session = s, .info = *d, .problem = d->unusable};
    char index[16];
    snprintf(index, sizeof index, "%u", d->index);
    if (as_it_goes(s) && tell_device(&e))
        return 1;
    if (!e.problem && !s->engine && cli_engine_open(s, index, &err) != VBLIP_OK)
        e.problem = cmd_doctor_keep(&e, err.message);
    if (!e.problem)
        cmd_doctor_examine(s, &e);
    r->usable += !d->unusable;
    r->wrong += !d->unusable && e.problem;
    int stop = vb_interrupted() || (as_it_goes(s) ? tell_problem(&e) : tell_row(&e));
    cmd_doctor_forget(&e);
    vblip_engine_close(&s->engine);
    return stop;
}

static int on_device(void *user, const vblip_device_info *device)
{
    return cmd_doctor_visit(user, device);
}

// ------------------------------------------------------------------ devices that decode

typedef struct decoders {
    vb_string opens, others; // names
} decoders;

static int on_hwaccel(void *user, const char *name, bool opens)
{
    decoders *d = user;
    vb_string *list = opens ? &d->opens : &d->others;
    vb_string_appendf(list, "%s%s", list->size ? ", " : "", name);
    return vb_interrupted();
}

static void tell_hwaccels(cli_session *s)
{
    decoders d = {0};
    if (vblip_hwaccels(on_hwaccel, &d, NULL) == VBLIP_OK && !d.opens.failed &&
        !d.others.failed) {
        vb_string_appendf(&s->line, "hwaccel       %s",
                          d.opens.size ? d.opens.bytes : "none");
        if (d.others.size)
            vb_string_appendf(&s->line, " (no device: %s)", d.others.bytes);
        vb_string_puts(&s->line, "\n");
        (void)cli_emit_line(s);
    }
    vb_string_free(&d.opens);
    vb_string_free(&d.others);
}

// Says why there are no devices of Vulkan, where there are none.
static void tell_no_vulkan(cli_session *s)
{
    vblip_error err = {0};
    if (vblip_vulkan(&err) == VBLIP_OK)
        return;
    vb_string_appendf(&s->line, "vulkan        none: %s\n", err.message);
    (void)cli_emit_line(s);
}

static cli_exit cmd_doctor_run(cli_session *s)
{
    vblip_error err = {0};
    round r = {.session = s};
    vblip_status status;
    s->opening = as_it_goes(s) ? tell_opening : NULL;
    vb_rows_begin(&s->rows, &s->line);
    if (s->args->device) {
        status = cli_engine_open(s, NULL, &err);
        if (status == VBLIP_OK) {
            const vblip_device_info info = *vblip_engine_device(s->engine);
            cmd_doctor_visit(&r, &info);
        }
    } else
        status = vblip_devices(on_device, &r, &err);
    if (status == VBLIP_OK && as_it_goes(s)) {
        tell_no_vulkan(s);
        tell_hwaccels(s);
    }
    if (vb_interrupted())
        return CLI_EXIT_INTERRUPTED;
    if (status != VBLIP_OK && status != VBLIP_ERR_CANCELLED)
        return cli_no_engine(s, status, &err);
    if (r.wrong == r.usable)
        return CLI_EXIT_NO_DEVICE;
    return r.wrong ? CLI_EXIT_SOME_FAILED : CLI_EXIT_DONE;
}

cli_exit cli_cmd_doctor(cli_session *s)
{
    cli_exit code = cli_output_begin(s, &table);
    return code == CLI_EXIT_DONE ? cli_output_end(s, cmd_doctor_run(s)) : code;
}
