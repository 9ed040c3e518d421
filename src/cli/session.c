#include "cli/session.h"

#include "cli/crew.h"
#include "cli/options.h"
#include "cli/order.h"
#include "terminal/interrupt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// ---------------------------------------------------------------------------- failing

cli_exit cli_fail(cli_session *s, vblip_status status, const vblip_error *err)
{
    if (status == VBLIP_ERR_CANCELLED)
        return CLI_EXIT_INTERRUPTED;
    vb_console_error(&s->console, "%s", err->message);
    if (status == VBLIP_ERR_ARGUMENT)
        return CLI_EXIT_MISUSED;
    return status == VBLIP_ERR_DEVICE ? CLI_EXIT_NO_DEVICE : CLI_EXIT_UNUSABLE;
}

cli_exit cli_no_engine(cli_session *s, vblip_status status, const vblip_error *err)
{
    const cli_exit code = cli_fail(s, status, err);
    return code == CLI_EXIT_UNUSABLE ? CLI_EXIT_NO_DEVICE : code;
}

const char *cli_shown_path(const cli_session *s, const char *path)
{
    return path && s->spool.path[0] && strcmp(path, s->spool.path) == 0 ? "-" : path;
}

// ----------------------------------------------------------------- what the run reads

const char *cli_model_path(const cli_session *s)
{
    const cli_args *a = s->args;
    if (a->command == CLI_MODELS && a->paths.count)
        return a->paths.items[0];
    return a->model ? a->model : s->env.model ? s->env.model : vblip_bundled_model();
}

static bool tells_p_match(cli_command command)
{
    return cli_option_by_label("--calibration")->commands & 1u << command;
}

vblip_model_options cli_model_options(const cli_session *s, uint32_t tasks)
{
    const cli_args *a = s->args;
    return (vblip_model_options){
        .path = cli_model_path(s),
        .hub_dir = s->env.hub_dir,
        .vocab = a->vocab,
        .image_size = a->image_size,
        .tasks = tasks,
        .raw_text = a->raw_text,
        .compat = (vblip_compat)a->compat,
        .calibration = tells_p_match(a->command) ? a->calibration : "none",
    };
}

void cli_choose_calibration(cli_session *s, uint32_t frames, bool itm_cls)
{
    vblip_error why = {0};
    const vblip_calibration *c =
        vblip_model_calibration(s->model, frames, itm_cls, &why);
    s->calibration = c ? c->path : NULL;
    if (why.status != VBLIP_OK && !s->args->calibration)
        vb_console_warn(&s->console, "%s: not used, P(match) is plain softmax",
                        why.message);
}

cli_sources cli_session_sources(const cli_session *s, bool annotated)
{
    return (cli_sources){.args = s->args,
                         .inputs = s->inputs,
                         .model = cli_model_options(s, 0),
                         .annotated = annotated,
                         .data_dir = s->env.data_dir};
}

// ---------------------------------------------------------------------------- output

static vblip_status check_outputs(const cli_session *s, bool annotated,
                                  vblip_error *err)
{
    const cli_sources sources = cli_session_sources(s, annotated);
    return cli_outputs_check(&sources, err);
}

static vblip_status open_output(cli_session *s, const vb_table *table, const char *path,
                                vblip_error *err)
{
    s->rows = (vb_rows){.format = (vb_format)s->args->format, .table = table};
    return vb_outfile_open(&s->out, path, err);
}

cli_exit cli_output_begin(cli_session *s, const vb_table *table)
{
    vblip_error err = {0};
    vblip_status status = check_outputs(s, false, &err);
    if (status == VBLIP_OK)
        status = open_output(s, table, s->args->output, &err);
    return status == VBLIP_OK ? CLI_EXIT_DONE : cli_fail(s, status, &err);
}

// What is finished is kept; a result without a row replaces nothing unless it is one.
static bool worth_keeping(const cli_session *s, cli_exit code)
{
    return s->written || code == CLI_EXIT_DONE || code == CLI_EXIT_NO_MATCH ||
           code == CLI_EXIT_SOME_FAILED;
}

cli_exit cli_output_end(cli_session *s, cli_exit code)
{
    vblip_error err = {0};
    if (!s->out.stream)
        return code;
    bool pipe_closed = s->out.error == EPIPE;
    if (worth_keeping(s, code) || s->rows.any)
        vb_rows_end(&s->rows, &s->line);
    else
        vb_string_clear(&s->line); // a header without a job
    vb_outfile_write(&s->out, s->line.bytes, s->line.size);
    if (!pipe_closed && s->out.temp && !worth_keeping(s, code)) {
        bool failed = s->out.error;
        if (failed)
            vb_console_error_errno(&s->console, s->out.name, s->out.error);
        vb_outfile_discard(&s->out);
        return failed ? CLI_EXIT_UNUSABLE : code;
    }
    if (!vb_outfile_flush(&s->out))
        pipe_closed = s->out.error == EPIPE;
    if (vb_outfile_finish(&s->out, &err) == VBLIP_OK || pipe_closed)
        return code;
    vb_console_error(&s->console, "%s", err.message);
    return CLI_EXIT_UNUSABLE;
}

// Writes s->line and empties it.
static int put_line(cli_session *s, bool flush)
{
    if (s->line.failed)
        s->out.error = s->out.error ? s->out.error : ENOMEM;
    if (s->out.stream == stdout && s->console.shared)
        vb_console_bar_clear(&s->console);
    vb_outfile_write(&s->out, s->line.bytes, s->line.size);
    if (flush)
        vb_outfile_flush(&s->out);
    vb_string_clear(&s->line);
    return s->out.error || vb_interrupted();
}

int cli_emit_line(cli_session *s)
{
    s->written++;
    return put_line(s, true);
}

int cli_emit_part(cli_session *s)
{
    s->written++;
    return put_line(s, false);
}

int cli_emit_row(cli_session *s, const vb_cell *cells)
{
    vb_rows_add(&s->rows, &s->line, cells);
    return cli_emit_line(s);
}

int cli_input_failed(void *session, const vblip_failure *failure)
{
    cli_session *s = session;
    const char *path = cli_shown_path(s, failure->path);
    s->failed++;
    if (!cli_crew_has_said(s, path, failure->message))
        vb_console_error(&s->console, "%s: %s", path, failure->message);
    vb_rows_failure(&s->rows, &s->line, path, failure->message);
    return put_line(s, true) || s->args->fail_fast;
}

static void on_warning(void *session, const vblip_failure *damage)
{
    cli_session *s = session;
    const char *path = cli_shown_path(s, damage->path);
    if (!cli_crew_has_said(s, path, damage->message))
        vb_console_warn(&s->console, "%s: %s", path, damage->message);
}

static int on_progress(void *session, const vblip_progress *progress)
{
    cli_session *s = session;
    vblip_progress shown = *progress;
    shown.path = cli_shown_path(s, progress->path);
    vb_progress_report(&s->progress, &shown);
    return s->out.error || vb_interrupted();
}

vblip_job cli_job(cli_session *s)
{
    return (vblip_job){
        .frames = s->args->frames,
        .batch = s->args->batch,
        .jobs = s->args->jobs,
        .failed = cli_input_failed,
        .progress = on_progress,
        .user = s,
        .warned = on_warning,
        .member = s->member,
    };
}

// ----------------------------------------------------------------------------- inputs

static vblip_status gather_texts(cli_session *s, vblip_error *err)
{
    const cli_args *a = s->args;
    for (uint32_t i = 0; i < a->texts.count; i++)
        if (!vb_list_add(&s->texts, a->texts.items[i], strlen(a->texts.items[i])))
            return vb_fail_memory(err, "texts");
    if (!a->texts_file)
        return VBLIP_OK;
    vblip_status status =
        vb_list_read(&s->texts, a->texts_file, '\n', VB_ENTRIES_TEXTS, err);
    if (status == VBLIP_OK && !s->texts.count)
        return cli_misuse(err, "%.400s: holds no text", a->texts_file);
    return status;
}

// A day of a camera at 1.5 Mbit/s.
static const uint64_t most_of_stdin = UINT64_C(16) << 30;

static vblip_status gather_paths(cli_session *s, bool annotated, vblip_error *err)
{
    const cli_args *a = s->args;
    for (uint32_t i = 0; i < a->paths.count && !annotated; i++) {
        const char *path = a->paths.items[i];
        if (strcmp(path, "-") == 0) {
            vblip_status status =
                vb_spool_stdin(&s->spool, s->env.temp_dir, most_of_stdin, err);
            if (status != VBLIP_OK)
                return status;
            path = s->spool.path;
        }
        if (!vb_list_add(&s->paths, path, strlen(path)))
            return vb_fail_memory(err, path);
    }
    if (!a->list)
        return VBLIP_OK;
    vblip_status status = vb_list_read(&s->paths, a->list, a->list_nul ? '\0' : '\n',
                                       VB_ENTRIES_PATHS, err);
    if (status == VBLIP_OK && !s->paths.count)
        return cli_misuse(err, "%.400s: holds no path", a->list);
    return status;
}

// What folders hold beside that may be missed.
static void say_skipped(cli_session *s)
{
    uint32_t count = 0;
    const char *kinds = s->inputs ? vblip_inputs_skipped(s->inputs, &count) : "";
    if (count)
        vb_console_warn(&s->console,
                        "%u file%s skipped, of kinds that are not read: %s",
                        (unsigned)count, count > 1 ? "s" : "", kinds);
}

vblip_status cli_open_inputs(cli_session *s, vblip_error *err)
{
    static const char *const none[] = {NULL};
    const vblip_inputs_options options = {
        .include = s->args->include.items,
        .exclude = s->args->exclude.items,
        .shard = s->args->shard.index,
        .shards = s->args->shard.count,
    };
    VB_TRY(vblip_inputs_open(
        &s->inputs, s->paths.count ? (const char *const *)s->paths.items : none,
        s->paths.count, &options, err));
    s->input_count = vblip_inputs_count(s->inputs);
    s->nothing_left = options.shards && !s->input_count;
    if (s->nothing_left && !s->crew)
        vb_console_note(&s->console, "no file is in shard %u of %u", options.shard,
                        options.shards);
    return VBLIP_OK;
}

vblip_status cli_gather_inputs(cli_session *s, bool annotated, vblip_error *err)
{
    vblip_status status = gather_paths(s, annotated, err);
    if (status == VBLIP_OK && !annotated)
        status = cli_open_inputs(s, err);
    if (status != VBLIP_OK)
        return vb_interrupted() ? VBLIP_ERR_CANCELLED : status;
    say_skipped(s);
    return VBLIP_OK;
}

static vblip_status session_gather(cli_session *s, const cli_task *task,
                                   vblip_error *err)
{
    vblip_status status =
        task->gather_texts ? task->gather_texts(s, err) : gather_texts(s, err);
    if (status == VBLIP_OK && !s->crew)
        status = cli_gather_inputs(s, task->annotated, err);
    return status != VBLIP_OK && vb_interrupted() ? VBLIP_ERR_CANCELLED : status;
}

// Inputs that are all known to have failed need no model to say so.
static bool all_failed_already(const cli_session *s)
{
    for (uint32_t i = 0; i < s->input_count; i++)
        if (!vblip_inputs_at(s->inputs, i)->error)
            return false;
    return true;
}

static void report_failed_inputs(cli_session *s)
{
    for (uint32_t i = 0; i < s->input_count; i++) {
        const vblip_input *input = vblip_inputs_at(s->inputs, i);
        const vblip_failure failure = {
            .input = i, .path = input->path, .message = input->error};
        if (cli_input_failed(s, &failure))
            return;
    }
}

// ------------------------------------------------------------------- engine and model

static void on_log(void *session, const char *line)
{
    cli_session *s = session;
    vb_console_note(&s->console, "%s", line);
}

static int on_device_work(void *session)
{
    (void)session;
    return vb_interrupted();
}

vblip_status cli_engine_open(cli_session *s, const char *device, vblip_error *err)
{
    const cli_args *a = s->args;
    const vblip_engine_options options = {
        .device = device ? device : a->device,
        .kernels = a->kernels,
        .precision = cli_choice_name("precision", a->precision),
        .cache_dir = s->env.cache_dir,
        .cache_weights = a->cache_weights,
        .validate = a->validate,
        .profile = a->profile,
        .log = s->opening   ? s->opening
               : a->verbose ? on_log
                            : NULL,
        .log_user = s,
        .stopped = s->finishes_jobs ? NULL : on_device_work,
        .threads = a->threads,
        .hwaccel = a->hwaccel,
    };
    vblip_status status = vblip_engine_open(&s->engine, &options, err);
    if (status != VBLIP_OK)
        return status;
    const vblip_device_info *info = vblip_engine_device(s->engine);
    const char *name =
        info->kind == VBLIP_DEVICE_PROCESSOR ? "the processor" : info->name;
    const char *detail = strstr(name, " (");
    size_t size = detail ? (size_t)(detail - name) : strlen(name);
    snprintf(s->device, sizeof s->device, "%.*s", (int)(size < 60 ? size : 60), name);
    return VBLIP_OK;
}

static vblip_status load_what_there_is(cli_session *s, const cli_task *task,
                                       vblip_error *err)
{
    const vblip_model_options most = cli_model_options(s, task->needs | task->likes);
    const vblip_model_options least = cli_model_options(s, task->needs);
    s->has_liked =
        task->likes && vblip_model_load(&s->model, s->engine, &most, err) == VBLIP_OK;
    return s->has_liked ? VBLIP_OK
                        : vblip_model_load(&s->model, s->engine, &least, err);
}

void cli_say_demo(cli_session *s, const char *weights)
{
    vb_console_warn(&s->console,
                    "the bundled demo model answers; it knows only generated emoji "
                    "scenes. Real weights: hf download %s, then --model %s",
                    weights, weights);
}

static cli_exit open_model(cli_session *s, const cli_task *task)
{
    vblip_error err = {0};
    vblip_status status = cli_crew_engine(s, &err);
    if (status != VBLIP_OK)
        return cli_no_engine(s, status, &err);
    if (load_what_there_is(s, task, &err) != VBLIP_OK)
        return cli_fail(s, err.status, &err);
    if (vblip_model_describe(s->model)->demo && !cli_crew_has_said(s, "demo", ""))
        cli_say_demo(s, task->weights);
    return vb_interrupted() ? CLI_EXIT_INTERRUPTED : CLI_EXIT_DONE;
}

static int on_op_time(void *session, const vblip_op_time *time)
{
    cli_session *s = session;
    char line[160];
    snprintf(line, sizeof line, "%-24s %10llu calls %12.6f s", time->op,
             (unsigned long long)time->calls, time->seconds);
    vb_console_line(&s->console, line);
    return 0;
}

void cli_report_profile(cli_session *s)
{
    vblip_error err = {0};
    if (s->args->profile && s->engine &&
        vblip_engine_profile(s->engine, on_op_time, s, &err) != VBLIP_OK)
        vb_console_warn(&s->console, "--profile: %s", err.message);
}

// ------------------------------------------------------------------------- the whole

// The exit status of a job that ended with `status`.
static cli_exit job_exit(cli_session *s, vblip_status status, const vblip_error *err)
{
    if (s->failed_output)
        return CLI_EXIT_UNUSABLE;
    if (vb_interrupted())
        return CLI_EXIT_INTERRUPTED;
    if (status != VBLIP_OK && status != VBLIP_ERR_CANCELLED)
        return cli_fail(s, status, err);
    if (!s->failed)
        return CLI_EXIT_DONE;
    bool some_left = s->input_count ? s->failed < s->input_count : s->written > 0;
    return some_left ? CLI_EXIT_SOME_FAILED : CLI_EXIT_UNUSABLE;
}

// From an open output to the exit status.
static cli_exit run_job(cli_session *s, const cli_task *task)
{
    vblip_error err = {0};
    vblip_status status = VBLIP_OK;
    bool hopeless = s->input_count && all_failed_already(s);
    if (!hopeless && !task->no_model) {
        const bool refused = cli_crew_exit(s, CLI_EXIT_DONE) != CLI_EXIT_DONE;
        cli_exit code = refused ? CLI_EXIT_DONE : open_model(s, task);
        if (!refused && code == CLI_EXIT_DONE && task->ready &&
            (status = task->ready(s, &err)) != VBLIP_OK)
            code = cli_fail(s, status, &err);
        if (!cli_crew_agrees(s, code))
            return cli_crew_exit(s, code);
    }
    s->progress = (vb_progress){
        .console = &s->console,
        .style = (vb_progress_style)s->args->progress,
        .device = s->device,
    };
    vb_rows_begin(&s->rows, &s->line);
    if (put_line(s, true))
        status = VBLIP_ERR_CANCELLED;
    else if (hopeless)
        report_failed_inputs(s);
    else
        status = task->run(s, &err);
    vb_console_bar_clear(&s->console);
    if (!s->crew) // who speaks for all of them
        cli_report_profile(s);
    cli_exit code = job_exit(s, status, &err);
    return task->finish ? task->finish(s, code) : code;
}

// Whether a result without rows is one: of a share that has no files, where rows are written.
static bool is_empty_result(const cli_session *s)
{
    return s->args->shard.count && s->args->command != CLI_EMBED &&
           s->args->format <= VB_FORMAT_JSONL;
}

cli_exit cli_session_run(cli_session *s, const cli_task *task)
{
    vblip_error err = {0};
    vblip_status status = cli_order_check(s->args, &err);
    if (status == VBLIP_OK)
        status = session_gather(s, task, &err);
    if (status == VBLIP_OK)
        status = cli_options_check_readable(s->args, &err);
    if (status == VBLIP_OK)
        status = check_outputs(s, task->annotated, &err);
    if (status == VBLIP_OK && task->check)
        status = task->check(s, &err);
    if (status == VBLIP_OK && s->nothing_left && !is_empty_result(s))
        return CLI_EXIT_DONE;
    if (status == VBLIP_OK && !task->own_output)
        status = open_output(s, task->table,
                             task->rows_on_stdout ? NULL : s->args->output, &err);
    s->rows.failed_rows = task->failed_rows;
    const cli_exit code =
        status == VBLIP_OK ? CLI_EXIT_DONE : cli_fail(s, status, &err);
    if (code == CLI_EXIT_DONE && s->nothing_left) { // as many files as there are shards
        vb_rows_begin(&s->rows, &s->line);
        return cli_output_end(s, CLI_EXIT_DONE);
    }
    if (!cli_crew_agrees(s, code))
        return cli_output_end(s, cli_crew_exit(s, code));
    return cli_output_end(s, run_job(s, task));
}
