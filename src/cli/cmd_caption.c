// cmd_caption.c - captions as rows or as subtitles (cli.md 5).
#include "cli/cmd.h"
#include "cli/crew.h"
#include "cli/cues.h"
#include "cli/options.h"
#include "output/beside.h"
#include "output/results.h"
#include "output/subtitles.h"
#include "terminal/interrupt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct caption_state {
    bool begun;     // a caption came
    uint32_t input; // that the last caption was of
    bool skip;      // that input is an image, which subtitles cannot show
    vb_subtitles subtitles;
    vb_outfile beside;       // the subtitle file of that input, when each has its own
    vb_beside names;         // the subtitle files, or copies, of all inputs
    cli_cues cues, chapters; // of that input, for its copy
} caption_state;

static bool to_subtitles(const cli_session *s)
{
    return s->args->format == VB_FORMAT_SRT || s->args->format == VB_FORMAT_VTT ||
           s->args->mux;
}

// -------------------------------------------------------------------------- as rows

// A heading when there are several inputs: the path, on a line of its own.
static int cmd_caption_emit_text(cli_session *s, const vblip_caption *caption,
                                 bool new_input)
{
    if (new_input && s->input_count > 1)
        vb_string_appendf(&s->line, "%s%s\n", s->written ? "\n" : "",
                          cli_shown_path(s, caption->path));
    if (caption->timed) {
        vb_clock(&s->line, caption->start_us, '.');
        vb_string_puts(&s->line, "  ");
    }
    vb_string_appendf(&s->line, "%s\n", caption->text);
    return cli_emit_line(s);
}

static int cmd_caption_emit_row(cli_session *s, const vblip_caption *caption)
{
    vb_cell cells[VB_CAPTION_CELLS];
    vb_caption_cells(cells, cli_shown_path(s, caption->path), caption);
    return cli_emit_row(s, cells);
}

// --------------------------------------------------------------------- as subtitles

static bool output_failed(cli_session *s, const vblip_error *err)
{
    vb_console_error(&s->console, "%s", err->message);
    s->failed_output = true;
    return false;
}

// True when each input has a file of its own.
static bool writes_beside(const cli_session *s)
{
    return to_subtitles(s) && !s->args->output && !s->args->mux;
}

static int put_subtitles(cli_session *s)
{
    caption_state *state = s->state;
    if (!writes_beside(s))
        return cli_emit_line(s);
    if (s->line.failed)
        state->beside.error = ENOMEM;
    vb_outfile_write(&state->beside, s->line.bytes, s->line.size);
    bool ok = vb_outfile_flush(&state->beside);
    vb_string_clear(&s->line);
    s->written++;
    return !ok || vb_interrupted();
}

// Writes the last cue of the input before.
static void finish_subtitles(cli_session *s)
{
    caption_state *state = s->state;
    if (!state->subtitles.waiting.size)
        return;
    vb_subtitles_end(&state->subtitles, &s->line);
    if (!s->args->mux)
        put_subtitles(s);
}

// Ends the file of the input before.
static bool close_beside(cli_session *s)
{
    caption_state *state = s->state;
    vblip_error err = {0};
    return vb_outfile_finish(&state->beside, &err) == VBLIP_OK ||
           output_failed(s, &err);
}

static bool open_beside(cli_session *s, uint32_t input)
{
    caption_state *state = s->state;
    vblip_error err = {0};
    const char *name = state->names.names[input];
    vblip_status status = VBLIP_OK;
    if (!s->args->overwrite)
        status = vb_beside_check_free(name, &err); // it may have come meanwhile
    if (status == VBLIP_OK)
        status = vb_outfile_open(&state->beside, name, &err);
    if (status != VBLIP_OK)
        return output_failed(s, &err);
    if (state->beside.temp)
        vb_console_note(&s->console, "writing %s", name);
    return true;
}

// -------------------------------------------------------------- as a track of a copy

static void add_cue(void *user, int64_t start_us, int64_t end_us, const char *text,
                    size_t size)
{
    caption_state *state = user;
    cli_cues_add(&state->cues, start_us, end_us, text, size);
}

static void forget_cues(caption_state *state)
{
    cli_cues_clear(&state->cues);
    cli_cues_clear(&state->chapters);
}

static int mux_stopped(void *session)
{
    (void)session;
    return vb_interrupted();
}

static vblip_status mux_input(cli_session *s, const char *name, const char *path,
                              vblip_error *err)
{
    const caption_state *state = s->state;
    const vblip_mux_options options = {
        .overwrite = s->args->overwrite,
        .chapters = state->chapters.items,
        .chapter_count = state->chapters.count,
        .stopped = mux_stopped,
    };
    uint32_t left_out;
    if (state->cues.failed || state->chapters.failed)
        return vb_fail_memory(err, name);
    vb_console_note(&s->console, "writing %s", name);
    VB_TRY(vblip_mux(name, path, state->cues.items, state->cues.count, &options,
                     &left_out, err));
    if (left_out)
        vb_console_warn(&s->console, "%s: without %u track%s of %s", name, left_out,
                        left_out > 1 ? "s" : "", cli_shown_path(s, path));
    s->written++;
    return VBLIP_OK;
}

// Writes the copy of the input before, which is over. False: the job ends.
static bool finish_copy(cli_session *s)
{
    caption_state *state = s->state;
    vblip_error err = {0};
    if (!s->args->mux || !state->cues.count)
        return true;
    const char *name = state->names.names[state->input];
    const char *path = vblip_inputs_at(s->inputs, state->input)->path;
    const vblip_status status = mux_input(s, name, path, &err);
    forget_cues(state);
    if (status == VBLIP_OK || status == VBLIP_ERR_CANCELLED)
        return status == VBLIP_OK;
    if (strncmp(err.message, name, strlen(name)) == 0)
        return output_failed(s, &err);
    vb_console_error(&s->console, "%s", err.message);
    s->failed++;
    return !s->args->fail_fast;
}

// What failed has no copy.
static int on_failed(void *session, const vblip_failure *failure)
{
    cli_session *s = session;
    caption_state *state = s->state;
    if (s->args->mux && state->begun && state->input == failure->input) {
        state->subtitles.waiting.size = 0;
        vb_subtitles_end(&state->subtitles, &s->line);
        forget_cues(state);
    }
    return cli_input_failed(s, failure);
}

static int begin_subtitles(cli_session *s, const vblip_caption *caption)
{
    caption_state *state = s->state;
    state->skip = !caption->timed;
    if (state->skip) {
        const vblip_failure failure = {
            .input = caption->input,
            .path = caption->path,
            .message = "an image has no times, subtitles need them",
        };
        return cli_input_failed(s, &failure);
    }
    state->subtitles = (vb_subtitles){.format = (vb_format)s->args->format};
    if (s->args->mux) {
        state->subtitles.fn = add_cue;
        state->subtitles.user = state;
        return 0;
    }
    if (writes_beside(s) && !open_beside(s, caption->input))
        return 1;
    vb_subtitles_begin(&state->subtitles, &s->line);
    return 0;
}

static int emit_subtitle(cli_session *s, const vblip_caption *caption, bool new_input)
{
    caption_state *state = s->state;
    if (new_input && begin_subtitles(s, caption))
        return 1;
    if (state->skip)
        return 0;
    // They count from where a player begins to show the file.
    const int64_t start_us = caption->start_us + caption->lead_us;
    const int64_t end_us = caption->end_us + caption->lead_us;
    vb_subtitles_add(&state->subtitles, &s->line, start_us, end_us, caption->text);
    if (s->args->chapters)
        cli_cues_add(&state->chapters, start_us, end_us, caption->text,
                     strlen(caption->text));
    return s->args->mux ? vb_interrupted() : put_subtitles(s);
}

// ------------------------------------------------------------------------ the command

static int on_caption(void *session, const vblip_caption *caption)
{
    cli_session *s = session;
    caption_state *state = s->state;
    const bool new_input = !state->begun || state->input != caption->input;
    if (new_input) {
        finish_subtitles(s);
        if (!finish_copy(s) || !close_beside(s))
            return 1;
    }
    state->begun = true;
    state->input = caption->input;
    if (to_subtitles(s))
        return emit_subtitle(s, caption, new_input);
    if (s->args->format == VB_FORMAT_TEXT)
        return cmd_caption_emit_text(s, caption, new_input);
    return cmd_caption_emit_row(s, caption);
}

static const char *copy_extension(const char *path)
{
    return vblip_cut_extension(path, false);
}

// Names the subtitle files, before anything is written.
static vblip_status plan_beside(cli_session *s, const char *extension, vblip_error *err)
{
    caption_state *state = s->state;
    vb_read_files read = {0};
    const vb_beside_options options = {
        .standard_input = s->spool.path[0] ? s->spool.path : NULL,
        .extension = extension,
        .copy_extension = s->args->mux ? copy_extension : NULL,
        .overwrite = s->args->overwrite,
        .skip_existing = s->args->skip_existing,
        .read = &read,
    };
    cli_sources sources = cli_session_sources(s, false);
    if (s->crew) // what other parts read stays, too
        sources.args = s->crew->lead->args;
    const char **paths = calloc(s->input_count + (size_t)1, sizeof *paths);
    if (!paths)
        return vb_fail_memory(err, "subtitles");
    for (uint32_t i = 0; i < s->input_count; i++) {
        const vblip_input *input = vblip_inputs_at(s->inputs, i);
        paths[i] = input->error ? NULL : input->path;
    }
    vblip_status status = cli_sources_list(&read, &sources, err);
    if (status == VBLIP_OK)
        status = vb_beside_plan(&state->names, paths, s->input_count, &options, err);
    vb_read_files_free(&read);
    free(paths);
    return status;
}

// Rather than found in a directory.
static bool is_named(const cli_session *s, const char *path)
{
    bool named = false;
    for (uint32_t i = 0; i < s->paths.count && !named; i++)
        named = strcmp(s->paths.items[i], path) == 0;
    return named;
}

static void say_left_out(cli_session *s, uint32_t existing, uint32_t images)
{
    if (existing)
        vb_console_warn(&s->console, "%u of %u input%s left out: %s subtitles already",
                        existing, s->input_count, s->input_count > 1 ? "s" : "",
                        existing > 1 ? "they have" : "it has");
    if (images)
        vb_console_warn(&s->console, "%u image%s left out: subtitles need times",
                        images, images > 1 ? "s" : "");
}

// Copies that were made before, and found in directories.
static vblip_status leave_out_copies(cli_session *s, vblip_error *err)
{
    uint32_t left = 0;
    bool *keep = calloc(s->input_count + (size_t)1, sizeof *keep);
    if (!keep)
        return vb_fail_memory(err, "inputs");
    for (uint32_t i = 0; i < s->input_count; i++) {
        const char *path = vblip_inputs_at(s->inputs, i)->path;
        keep[i] = !vb_beside_is_copy(path) || is_named(s, path);
        left += keep[i];
    }
    if (left < s->input_count)
        vb_console_note(&s->console,
                        "%u of %u inputs left out: they are copies with "
                        "subtitles",
                        s->input_count - left, s->input_count);
    vblip_inputs_keep(s->inputs, keep);
    s->nothing_left = s->nothing_left || (left == 0 && s->input_count);
    s->input_count = left;
    free(keep);
    return VBLIP_OK;
}

// Checks -o, where the copy of the one input goes.
static vblip_status plan_copy(cli_session *s, vblip_error *err)
{
    caption_state *state = s->state;
    const char *output = s->args->output;
    const char *dot = strrchr(output, '.');
    if (!dot || strcasecmp(dot, vblip_cut_extension(output, false)) != 0)
        return cli_misuse(
            err, "-o %.300s: takes no subtitles; mp4, m4v, mov, mkv and webm do",
            output);
    if (!s->args->overwrite)
        VB_TRY(vb_beside_check_free(output, err));
    state->names = (vb_beside){.names = calloc(1, sizeof *state->names.names)};
    if (state->names.names)
        state->names.names[0] = strdup(output);
    if (!state->names.names || !state->names.names[0])
        return vb_fail_memory(err, output);
    state->names.count = 1;
    return VBLIP_OK;
}

// Inputs that have their file, and pictures that lie among videos.
static vblip_status leave_out(cli_session *s, vblip_error *err)
{
    caption_state *state = s->state;
    uint32_t existing = 0, images = 0, left = 0;
    bool *keep = calloc(s->input_count + (size_t)1, sizeof *keep);
    if (!keep)
        return vb_fail_memory(err, "inputs");
    for (uint32_t i = 0; i < s->input_count; i++) {
        const vblip_input *input = vblip_inputs_at(s->inputs, i);
        // Of a picture in a directory there is nothing to show.
        const bool image = !input->error && vb_beside_is_image(input->path) &&
                           !is_named(s, input->path);
        keep[i] = !state->names.there[i] && !image;
        existing += state->names.there[i];
        images += image && !state->names.there[i];
        left += keep[i];
    }
    if (left < s->input_count && (left || existing)) {
        say_left_out(s, existing, images);
        vblip_inputs_keep(s->inputs, keep);
        vb_beside_keep(&state->names, keep);
        s->input_count = left;
        s->nothing_left = left == 0;
    }
    free(keep);
    return VBLIP_OK;
}

static vblip_status cmd_caption_check(cli_session *s, vblip_error *err)
{
    const cli_args *a = s->args;
    const char *format = cli_choice_name("format", a->format);
    if (to_subtitles(s) && a->output && s->input_count > 1)
        return cli_misuse(err, "-o %.300s: one input is allowed with --%s%s, not %u",
                          a->output, a->mux ? "mux" : "format ", a->mux ? "" : format,
                          s->input_count);
    if (a->mux && a->output)
        return plan_copy(s, err);
    if (!to_subtitles(s) || a->output)
        return VBLIP_OK;
    if (a->mux && s->spool.path[0])
        return cli_misuse(err, "-: --mux needs -o FILE, the name of its copy");
    if (a->mux)
        VB_TRY(leave_out_copies(s, err));
    VB_TRY(plan_beside(s, format, err));
    return leave_out(s, err);
}

// From which ITC cosine on neighbours are of one picture; 0 = they are not compared.
static float same_picture(const cli_session *s)
{
    static const float alike = 0.98f; // cli.md 5
    const float given = s->args->same_picture;
    return given >= 0 ? given : to_subtitles(s) ? alike : 0.0f;
}

// What is asked for by default is done where the checkpoint can.
static float same_picture_there(cli_session *s)
{
    const float same = same_picture(s);
    if (same <= 0 || s->has_liked || s->args->same_picture >= 0)
        return same;
    vb_console_note(&s->console, "captions are merged by their text alone: the "
                                 "checkpoint has no ITC to compare pictures with");
    return 0.0f;
}

static vblip_status cmd_caption_run(cli_session *s, vblip_error *err)
{
    const cli_args *a = s->args;
    vblip_job job = cli_job(s);
    job.failed = on_failed;
    vblip_caption_options options = cli_caption_options(a);
    options.job = &job;
    options.every_us = a->every_us;
    options.every_frames = a->every_frames;
    options.count = a->count;
    options.same_picture = same_picture_there(s);
    options.merge = a->merge || to_subtitles(s) || options.same_picture > 0;
    options.sample = a->sample;
    options.samples = a->samples;
    options.shots = a->shots;
    if (!a->every_us && !a->every_frames && !a->count && !a->shots)
        s->progress.hint = "--every 60 is one a minute, --count 20 so many of each "
                           "file, --shots one of each shot";
    return vblip_caption_inputs(s->model, s->inputs, &options, on_caption, s, err);
}

// Of an input that is over, for the job is.
static cli_exit finish_last_copy(cli_session *s, cli_exit code)
{
    const uint32_t failed = s->failed;
    finish_copy(s);
    if (vb_interrupted())
        return CLI_EXIT_INTERRUPTED;
    if (s->failed_output)
        return CLI_EXIT_UNUSABLE;
    if (s->failed == failed)
        return code;
    return s->failed < s->input_count ? CLI_EXIT_SOME_FAILED : CLI_EXIT_UNUSABLE;
}

static cli_exit cmd_caption_finish(cli_session *s, cli_exit code)
{
    caption_state *state = s->state;
    finish_subtitles(s);
    if ((code == CLI_EXIT_DONE || code == CLI_EXIT_SOME_FAILED) && s->args->mux)
        code = finish_last_copy(s, code);
    if (state->beside.stream == stdout && state->beside.error == EPIPE)
        vb_outfile_discard(&state->beside);
    return close_beside(s) ? code : CLI_EXIT_UNUSABLE;
}

cli_exit cli_cmd_caption(cli_session *s)
{
    const cli_task task = {
        .table = &vb_caption_table,
        .own_output = s->args->mux,
        .needs = VBLIP_TASK_CAPTION,
        .likes = same_picture(s) > 0 ? VBLIP_TASK_ITC : 0,
        .weights = "Salesforce/blip-image-captioning-base",
        .check = cmd_caption_check,
        .run = cmd_caption_run,
        .finish = cmd_caption_finish,
    };
    caption_state state = {0};
    s->state = &state;
    cli_exit code = cli_session_run(s, &task);
    vb_beside_free(&state.names);
    vb_string_free(&state.subtitles.waiting);
    forget_cues(&state);
    return code;
}
