// cmd_cut.c - hits, cut from their recordings (cli.md 11).
#include "base/file.h"
#include "cli/cmd.h"
#include "cli/moments.h"
#include "cli/searching.h"
#include "cli/sheet.h"
#include "output/beside.h"
#include "output/clip_names.h"
#include "terminal/interrupt.h"

#include <string.h>

static const vb_column columns[] = {
    {"path", VB_CELL_TEXT, NULL},    {"start", VB_CELL_TIME, NULL},
    {"end", VB_CELL_TIME, NULL},     {"file", VB_CELL_TEXT, NULL},
    {"at", VB_CELL_TIME, NULL},      {"cut_start", VB_CELL_TIME, NULL},
    {"cut_end", VB_CELL_TIME, NULL},
};
static const vb_table table = {columns, sizeof columns / sizeof *columns};

typedef struct cut_state {
    cli_search search;
    cli_moments moments;
    vb_list files;    // of each moment, unless there is a reel
    vblip_error *err; // of the callbacks of a search
    // the moments in work
    const vblip_moment *first;
    const char *file;
} cut_state;

static int collect_hit(void *session, const vblip_hit *hit)
{
    cli_session *s = session;
    cut_state *state = s->state;
    return cli_collect_hit(s, &state->moments, hit, state->err);
}

// ---------------------------------------------------------------------------- the files

// A file for each moment: none is there, or it may be replaced and is not read.
static vblip_status plan_files(cli_session *s, cut_state *state, vb_read_files *read,
                               vblip_error *err)
{
    const cli_args *a = s->args;
    vb_set names = {0};
    vb_string folder = {0}, name = {0};
    vblip_status status = VBLIP_OK;
    vb_string_puts(&folder, a->output);
    while (folder.size > 1 && folder.bytes[folder.size - 1] == '/')
        folder.bytes[--folder.size] = '\0';
    for (uint32_t i = 0; i < state->moments.count && status == VBLIP_OK; i++) {
        const vblip_moment *m = &state->moments.items[i];
        const vb_clip_label label = {folder.bytes, m->path,
                                     vblip_cut_extension(m->path, a->exact),
                                     m->start_us, m->end_us};
        vb_string_clear(&name);
        if (folder.failed || !vb_clip_name(&name, &names, &label) ||
            !vb_list_add(&state->files, name.bytes, name.size))
            status = vb_fail_memory(err, "names");
        else
            status = vb_read_files_refuse(read, name.bytes, name.bytes, err);
        if (status == VBLIP_OK && !a->overwrite)
            status = vb_beside_check_free(name.bytes, err);
    }
    vb_string_free(&name);
    vb_string_free(&folder);
    vb_set_free(&names);
    return status;
}

static vblip_status plan_reel(cli_session *s, vb_read_files *read, vblip_error *err)
{
    const char *reel = s->args->reel;
    VB_TRY(vb_read_files_refuse(read, reel, reel, err));
    return s->args->overwrite ? VBLIP_OK : vb_beside_check_free(reel, err);
}

static vblip_status plan_cuts(cli_session *s, cut_state *state, vblip_error *err)
{
    vb_read_files read = {0};
    const cli_sources sources = cli_session_sources(s, false);
    vblip_status status = cli_sources_list(&read, &sources, err);
    for (uint32_t i = 0; i < state->moments.count; i++)
        vb_read_files_add(&read, state->moments.items[i].path,
                          "a recording that is cut");
    if (status == VBLIP_OK && read.failed)
        status = vb_fail_memory(err, "names");
    if (status == VBLIP_OK)
        status =
            s->args->reel ? plan_reel(s, &read, err) : plan_files(s, state, &read, err);
    vb_read_files_free(&read);
    return status == VBLIP_OK && !s->args->reel ? vb_make_folders(s->args->output, err)
                                                : status;
}

// ----------------------------------------------------------------------------- cutting

static int emit_clipping(void *session, const vblip_clipping *clipping)
{
    cli_session *s = session;
    const cut_state *state = s->state;
    const vblip_moment *m = &state->first[clipping->moment];
    if (clipping->left_out)
        vb_console_warn(&s->console, "%s: %u track%s left out, which %s cannot hold",
                        m->path, clipping->left_out,
                        clipping->left_out > 1 ? "s are" : " is", state->file);
    if (s->args->format == VB_FORMAT_TEXT) {
        vb_string_appendf(&s->line, "%s  ", state->file);
        vb_clock_span(&s->line, clipping->start_us, clipping->end_us);
        vb_string_appendf(&s->line, "  %s\n", m->path);
        return cli_emit_line(s);
    }
    const vb_cell cells[] = {
        vb_cell_text(m->path),
        vb_cell_time(true, m->start_us),
        vb_cell_time(true, m->end_us),
        vb_cell_text(state->file),
        vb_cell_time(true, clipping->at_us),
        vb_cell_time(true, clipping->start_us),
        vb_cell_time(true, clipping->end_us),
    };
    return cli_emit_row(s, cells);
}

static int cut_is_stopped(void *session)
{
    const cli_session *s = session;
    return vb_interrupted() || s->out.error;
}

static vblip_status cut_to(cli_session *s, const char *file,
                           const vblip_moment *moments, uint32_t count,
                           vblip_error *err)
{
    cut_state *state = s->state;
    const vblip_cut_options options = {
        .exact = s->args->exact,
        .overwrite = s->args->overwrite,
        .pad_us = (int64_t)((double)s->args->pad_s * 1e6),
        .stopped = cut_is_stopped,
        .stopped_user = s,
    };
    state->first = moments;
    state->file = file;
    return vblip_cut(file, moments, count, &options, emit_clipping, s, err);
}

// Whether the message of a failed cut is about its recording; it begins behind the name.
static const char *about_recording(const vblip_error *err, const char *path)
{
    const size_t size = strlen(path);
    return strncmp(err->message, path, size) == 0 &&
                   strncmp(err->message + size, ": ", 2) == 0
               ? err->message + size + 2
               : NULL;
}

static vblip_status cut_each(cli_session *s, cut_state *state, vblip_error *err)
{
    const vblip_job job = cli_job(s);
    for (uint32_t i = 0; i < state->moments.count; i++) {
        const vblip_moment *m = &state->moments.items[i];
        const vblip_progress progress = {.path = m->path,
                                         .unit = "clips",
                                         .done = i,
                                         .total = state->moments.count,
                                         .seconds_left = -1};
        if (job.progress(s, &progress))
            return VBLIP_ERR_CANCELLED;
        const vblip_status status = cut_to(s, state->files.items[i], m, 1, err);
        const char *message = status == VBLIP_OK ? NULL : about_recording(err, m->path);
        if (status == VBLIP_ERR_CANCELLED || (status != VBLIP_OK && !message))
            return status;
        const vblip_failure failure = {.path = m->path, .message = message};
        if (message && cli_input_failed(s, &failure))
            return VBLIP_ERR_CANCELLED;
    }
    return VBLIP_OK;
}

static vblip_status cmd_cut_run(cli_session *s, vblip_error *err)
{
    cut_state *state = s->state;
    state->err = err;
    if (!s->args->rows)
        VB_TRY(cli_search_run(&state->search, s, collect_hit, err));
    cli_say_images(s, state->moments.images);
    if (!state->moments.count)
        return VBLIP_OK;
    if (s->args->output || s->args->reel)
        VB_TRY(plan_cuts(s, state, err));
    VB_TRY(cli_sheet_write(s, &state->moments, err));
    if (!s->args->output && !s->args->reel)
        return VBLIP_OK;
    return s->args->reel ? cut_to(s, s->args->reel, state->moments.items,
                                  state->moments.count, err)
                         : cut_each(s, state, err);
}

static vblip_status cmd_cut_check(cli_session *s, vblip_error *err)
{
    cut_state *state = s->state;
    VB_TRY(cli_sheet_check(s->args, err));
    return s->args->rows ? cli_moments_read(&state->moments, err)
                         : cli_search_read(&state->search, s, err);
}

static cli_exit cmd_cut_finish(cli_session *s, cli_exit code)
{
    const cut_state *state = s->state;
    const uint64_t hits = (uint64_t)state->moments.count + state->moments.images;
    return cli_search_finish(&state->search, s, hits, code);
}

cli_exit cli_cmd_cut(cli_session *s)
{
    const cli_task task = {
        .table = &table,
        .needs = cli_search_needs(s->args),
        .weights = "Salesforce/blip-itm-base-coco",
        .rows_on_stdout = true,
        .no_model = s->args->rows,
        .check = cmd_cut_check,
        .run = cmd_cut_run,
        .finish = cmd_cut_finish,
    };
    cut_state state = {0};
    s->state = &state;
    const cli_exit code = cli_session_run(s, &task);
    cli_moments_free(&state.moments);
    cli_search_free(&state.search);
    vb_list_free(&state.files);
    return code;
}
