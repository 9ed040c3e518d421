// cmd_filter.c - CapFilt: pairs in, those that match out, and made-up captions (cli.md).
#include "cli/cmd.h"
#include "cli/stamp.h"
#include "output/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

static const vb_column columns[] = {
    {"path", VB_CELL_TEXT, NULL},
    {"caption", VB_CELL_TEXT, NULL},
    {"source", VB_CELL_TEXT, NULL},
    {"p_match", VB_CELL_REAL, NULL},
};
static const vb_table table = {columns, sizeof columns / sizeof *columns};

enum { BOTH = VBLIP_TASK_RETRIEVAL | VBLIP_TASK_CAPTION };

typedef struct filter_state {
    vblip_dataset *pairs;
    vb_journal journal;
    vblip_model *captioner; // NULL = the model itself
    vb_rows rows;
    vb_string line; // what is kept of a pair, as rows
} filter_state;

// ------------------------------------------------------------------------------ pairs

static void cmd_filter_add_row(filter_state *state, const char *path,
                               const vblip_filtered_text *text, const char *source)
{
    const vb_cell cells[] = {
        vb_cell_text(path),
        vb_cell_text(text->caption),
        vb_cell_text(source),
        vb_cell_real((double)text->p_match),
    };
    if (text->kept)
        vb_rows_add(&state->rows, &state->line, cells);
}

static int on_filtered(void *session, const vblip_filtered *f)
{
    cli_session *s = session;
    filter_state *state = s->state;
    vb_string_clear(&state->line);
    if (!f->error) {
        cmd_filter_add_row(state, f->path, &f->web, "web");
        cmd_filter_add_row(state, f->path, &f->synthetic, "synthetic");
        s->written++;
    }
    if (!vb_journal_add(&state->journal, f->pair, &state->line, f->error != NULL,
                        f->web.kept, f->synthetic.kept)) {
        s->failed_output = true;
        vb_console_error_errno(&s->console, state->journal.path,
                               errno ? errno : ENOMEM);
    }
    return s->failed_output;
}

// "web 60 kept, 40 dropped (40.0 %)"
static void add_share(vb_string *out, const char *source, uint64_t kept,
                      uint64_t judged)
{
    const uint64_t dropped = judged - kept;
    vb_string_appendf(out, "; %s: %" PRIu64 " kept, %" PRIu64 " dropped", source, kept,
                      dropped);
    if (judged)
        vb_string_appendf(out, " (%.1f %%)", 100.0 * (double)dropped / (double)judged);
}

static void say_summary(cli_session *s, const vb_journal *j)
{
    const uint64_t judged = j->pairs - j->failed;
    vb_string text = {0};
    vb_string_appendf(&text, "vblip: %" PRIu64 " pairs", j->pairs);
    if (j->failed)
        vb_string_appendf(&text, ", %" PRIu64 " failed", j->failed);
    add_share(&text, "web", j->web_kept, judged);
    add_share(&text, "synthetic", j->synthetic_kept, judged);
    if (!s->args->quiet && !text.failed) {
        vb_console_bar_clear(&s->console);
        vb_console_line(&s->console, text.bytes);
    }
    vb_string_free(&text);
}

// ------------------------------------------------------------------------------ models

static int cmd_filter_on_model(void *tasks, const vblip_model_info *info)
{
    *(uint32_t *)tasks = info->tasks;
    return (info->tasks & BOTH) == BOTH; // this one will do
}

// What the model is loaded for: both, where one checkpoint can, else to judge.
static uint32_t wanted_tasks(cli_session *s)
{
    vblip_error err = {0};
    const vblip_model_options options = cli_model_options(s, 0);
    uint32_t tasks = 0;
    if (s->args->captioner)
        return VBLIP_TASK_RETRIEVAL;
    vblip_status status =
        vblip_model_inspect(&options, cmd_filter_on_model, &tasks, &err);
    return status == VBLIP_ERR_CANCELLED ? BOTH : VBLIP_TASK_RETRIEVAL;
}

// The captioner where it is another checkpoint: --captioner, or a member of a set.
static vblip_status load_captioner(cli_session *s, filter_state *state,
                                   vblip_error *err)
{
    vblip_model_options options = cli_model_options(s, VBLIP_TASK_CAPTION);
    if ((vblip_model_describe(s->model)->tasks & BOTH) == BOTH && !s->args->captioner)
        return VBLIP_OK;
    if (s->args->captioner)
        options.path = s->args->captioner;
    return vblip_model_load(&state->captioner, s->engine, &options, err);
}

// ---------------------------------------------------------------------------- the run

static vblip_status open_journal(cli_session *s, vblip_error *err)
{
    filter_state *state = s->state;
    char stamp[CLI_STAMP_SIZE];
    vblip_status status = cli_stamp_make(stamp, s->args, cli_model_path(s), err);
    if (status == VBLIP_OK)
        status = vb_journal_open(&state->journal, s->args->output, stamp, err);
    if (status != VBLIP_OK)
        return status;
    s->failed += (uint32_t)state->journal.failed;
    s->written += state->journal.pairs - state->journal.failed;
    if (state->journal.pairs)
        vb_console_note(&s->console, "%s: goes on after pair %" PRIu64,
                        state->journal.path, state->journal.last);
    return VBLIP_OK;
}

// The result must be a file: it appears beside its journal.
static vblip_status cmd_filter_check(cli_session *s, vblip_error *err)
{
    const char *output = s->args->output;
    filter_state *state = s->state;
    const vblip_dataset_options options = {.media = s->args->media};
    VB_TRY(vblip_dataset_open(&state->pairs, VBLIP_CAPFILT, s->args->paths.items[0],
                              &options, err));
    struct stat out;
    if (stat(output, &out) == 0 && !S_ISREG(out.st_mode))
        return cli_misuse(err, "-o %.400s: not a regular file", output);
    return open_journal(s, err);
}

static vblip_status filter_pairs(cli_session *s, filter_state *state, vblip_error *err)
{
    const cli_args *a = s->args;
    const vblip_job job = cli_job(s);
    const vblip_caption_options caption = cli_caption_options(a);
    const vblip_filter_options options = {
        .job = &job,
        .min_p = a->min_p > 0 ? a->min_p : -1,
        .after = state->journal.last,
        .caption = &caption,
    };
    return vblip_filter(s->model, state->captioner, state->pairs, &options, on_filtered,
                        s, err);
}

static vblip_status cmd_filter_run(cli_session *s, vblip_error *err)
{
    filter_state *state = s->state;
    vblip_status status = load_captioner(s, state, err);
    cli_choose_calibration(s, s->args->frames, false);
    if (status == VBLIP_OK)
        status = filter_pairs(s, state, err);
    if (status != VBLIP_OK)
        return status;
    say_summary(s, &state->journal);
    if (s->written)
        return vb_journal_finish(&state->journal, s->args->output, err);
    vb_journal_discard(&state->journal); // every pair failed
    return VBLIP_OK;
}

cli_exit cli_cmd_filter(cli_session *s)
{
    filter_state state = {.rows = {.format = VB_FORMAT_JSONL, .table = &table}};
    s->state = &state;
    const cli_task task = {
        .table = &table,
        .needs = wanted_tasks(s),
        .weights = "Salesforce/blip-itm-base-coco",
        .annotated = true,
        .own_output = true,
        .check = cmd_filter_check,
        .run = cmd_filter_run,
    };
    cli_exit code = cli_session_run(s, &task);
    vblip_model_free(&state.captioner);
    vblip_dataset_close(&state.pairs);
    if (state.journal.stream && !state.journal.pairs)
        vb_journal_discard(&state.journal);
    vb_journal_close(&state.journal);
    vb_string_free(&state.line);
    return code;
}
