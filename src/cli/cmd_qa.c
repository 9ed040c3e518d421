// cmd_qa.c - answers, generated or ranked (cli.md 4).
#include "cli/cmd.h"

#include "cli/qa_table.h"
#include "cli/questions.h"
#include "output/results.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct qa_state {
    vb_list answers;         // those of all questions that have none of their own
    cli_questions questions; // and those that have; their texts are the session's
    // What is ranked: [answer_count], `each` [questions] of them one behind the other, or for
    // NULL all of every question; none = generated.
    const char **shared;
    uint32_t answer_count, *each;
    vb_cell *ranked; // the ranked answers of a row: [answer_count, 2]
    vb_table rows;
    cli_qa_table table;
    vblip_dialogs *dialogs;
} qa_state;

static int cmd_qa_emit_text(cli_session *s, const vblip_answer *answer)
{
    bool alone = (uint64_t)s->input_count * s->texts.count == 1;
    if (!alone)
        vb_string_appendf(&s->line, "%s\t%s\t", cli_shown_path(s, answer->path),
                          s->texts.items[answer->question]);
    if (s->args->segment && answer->timed)
        vb_clock_span(&s->line, answer->start_us, answer->end_us);
    if (s->args->segment)
        vb_string_puts(&s->line, "\t");
    vb_string_appendf(&s->line, "%s\n", answer->text);
    return cli_emit_line(s);
}

static int on_answer(void *session, const vblip_answer *answer)
{
    cli_session *s = session;
    qa_state *state = s->state;
    if (s->args->table)
        return cli_qa_table_add(&state->table, s, answer);
    if (s->args->format == VB_FORMAT_TEXT)
        return cmd_qa_emit_text(s, answer);
    const uint32_t q = answer->question;
    const vb_ranking ranking = {state->ranked, state->answer_count, state->shared};
    vb_cell cells[VB_ANSWER_CELLS];
    vb_answer_cells(cells, cli_shown_path(s, answer->path),
                    vb_cell_bytes(s->texts.items[q], s->texts.sizes[q]), answer,
                    &ranking);
    return cli_emit_row(s, cells);
}

// A word of a sentence, in a language that parts words by blanks.
static bool is_word_of_question(const char *text, bool last)
{
    for (; *text; text++)
        if (*text == ' ' || (*text == '?' && !last) || (unsigned char)*text >= 0x80)
            return false;
    return true;
}

// `qa clip.mp4 what is this`: nobody asks several questions of one word each.
static void warn_of_words(cli_session *s)
{
    const cli_words *questions = &s->args->texts;
    const uint32_t count = questions->count;
    for (uint32_t i = 0; i < count; i++)
        if (!is_word_of_question(questions->items[i], i + 1 == count))
            return;
    if (count > 1)
        vb_console_warn(&s->console,
                        "%u questions of one word each; a question is one argument, in "
                        "quotes",
                        count);
}

static vblip_status cmd_qa_run(cli_session *s, vblip_error *err)
{
    const cli_args *a = s->args;
    const qa_state *state = s->state;
    const vblip_job job = cli_job(s);
    const vblip_ask_options options = {
        .job = &job,
        .answers = state->answer_count ? state->shared : NULL,
        .answer_count = state->answer_count,
        .answers_each = state->each,
        .k_test = a->k_test,
        .beams = a->beams,
        .max_length = a->max_length,
        .min_length = a->min_length,
        .segment = a->segment,
    };
    return vblip_ask(s->model, s->inputs, (const char *const *)s->texts.items,
                     s->texts.count, &options, on_answer, s, err);
}

// ---------------------------------------------------------------------------- dialogs

static int emit_dialog_text(cli_session *s, const vblip_dialog_row *row)
{
    if ((uint64_t)s->input_count * row->dialogs > 1)
        vb_string_appendf(&s->line, "%s\t%s\t", cli_shown_path(s, row->path),
                          row->question);
    vb_string_appendf(&s->line, "%s\n", row->answers[0]);
    return cli_emit_line(s);
}

static int on_dialog(void *session, const vblip_dialog_row *row)
{
    cli_session *s = session;
    qa_state *state = s->state;
    if (s->args->format == VB_FORMAT_TEXT)
        return emit_dialog_text(s, row);
    vb_cell *grown =
        realloc(state->ranked, 2 * (size_t)row->count * sizeof *state->ranked);
    if (!grown) {
        s->out.error = ENOMEM;
        return 1;
    }
    state->ranked = grown;
    for (uint32_t i = 0; i < row->count; i++) {
        state->ranked[2 * i] = vb_cell_text(row->answers[i]);
        state->ranked[2 * i + 1] = vb_cell_real((double)row->scores[i]);
    }
    const vb_cell cells[VB_ANSWER_CELLS] = {
        vb_cell_text(cli_shown_path(s, row->path)),
        vb_cell_text(row->question),
        vb_cell_text(row->answers[0]),
        vb_cell_real((double)row->scores[0]),
        vb_cell_time(row->timed, row->start_us),
        vb_cell_time(row->timed, row->end_us),
        vb_cell_rows(state->ranked, row->count),
    };
    return cli_emit_row(s, cells);
}

static vblip_status run_dialog(cli_session *s, vblip_error *err)
{
    const qa_state *state = s->state;
    const vblip_job job = cli_job(s);
    return vblip_dialog(s->model, s->inputs, state->dialogs, &job, on_dialog, s, err);
}

static vblip_status open_dialogs(cli_session *s, vblip_error *err)
{
    qa_state *state = s->state;
    return vblip_dialogs_open(&state->dialogs, s->args->dialog, err);
}

static const cli_task dialog_task = {
    .table = &vb_ranked_table,
    .needs = VBLIP_TASK_RETRIEVAL,
    .weights = "Salesforce/blip-itm-base-coco",
    .check = open_dialogs,
    .run = run_dialog,
};

// ------------------------------------------------------------------------- the command

static vblip_status gather_answers(qa_state *state, const cli_args *args,
                                   vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    if (args->answers)
        status = vb_list_split(&state->answers, args->answers, err);
    if (args->answers_file)
        status = vb_list_read(&state->answers, args->answers_file, '\n',
                              VB_ENTRIES_TEXTS, err);
    if (status != VBLIP_OK)
        return status;
    if ((args->answers || args->answers_file) && !state->answers.count)
        return cli_misuse(err, "%.400s: holds no answer",
                          args->answers ? "--answers" : args->answers_file);
    return VBLIP_OK;
}

static vblip_status gather_questions(cli_session *s, vblip_error *err)
{
    const cli_args *a = s->args;
    qa_state *state = s->state;
    cli_questions *questions = &state->questions;
    for (uint32_t i = 0; i < a->texts.count; i++)
        if (!cli_questions_add(questions, a->texts.items[i], strlen(a->texts.items[i])))
            return vb_fail_memory(err, "questions");
    vblip_status status = VBLIP_OK;
    if (a->texts_file)
        status = cli_questions_read(questions, a->texts_file, err);
    s->texts = questions->texts;
    questions->texts = (vb_list){0};
    return status;
}

// Whose answers are whose. `own` is what questions have, NULL for none.
static vblip_status share_answers(qa_state *state, const uint32_t *own,
                                  uint32_t questions, vblip_error *err)
{
    const vb_list *others = &state->answers;
    uint64_t count = own ? 0 : others->count;
    for (uint32_t q = 0; own && q < questions; q++)
        count += own[q] ? own[q] : others->count;
    if (count > UINT32_MAX / 2)
        return cli_misuse(err, "--questions: %llu answers in all, at most %u",
                          (unsigned long long)count, UINT32_MAX / 2);
    state->answer_count = (uint32_t)count;
    state->shared = calloc(count + 1, sizeof *state->shared);
    state->ranked = calloc(count + 1, 2 * sizeof *state->ranked);
    state->each = own ? calloc(questions, sizeof *state->each) : NULL;
    if (!state->shared || !state->ranked || (own && !state->each))
        return vb_fail_memory(err, "--questions");
    const char **to = state->shared;
    char *const *from = state->questions.answers.items;
    for (uint32_t q = 0; q < (own ? questions : 1); q++) {
        const bool has = own && own[q];
        const uint32_t n = has ? own[q] : others->count;
        for (uint32_t i = 0; i < n; i++)
            *to++ = has ? *from++ : others->items[i];
        if (own)
            state->each[q] = n;
    }
    return VBLIP_OK;
}

// Options about what no question of a file asks for.
static vblip_status check_ways(const cli_session *s, vblip_error *err)
{
    const cli_args *a = s->args;
    const qa_state *state = s->state;
    bool all_ranked = state->each != NULL;
    for (uint32_t q = 0; state->each && q < s->texts.count; q++)
        all_ranked = all_ranked && state->each[q];
    if (a->k_test && !state->answer_count)
        return cli_misuse(err, "--k-test: no question has answers to rank");
    if ((a->beams || a->max_length || a->min_length) && all_ranked)
        return cli_misuse(err, "--beams, --max-length, --min-length: every question "
                               "has answers to rank, none is generated");
    return VBLIP_OK;
}

static vblip_status prepare_questions(cli_session *s, vblip_error *err)
{
    qa_state *state = s->state;
    const bool own = state->questions.answers.count;
    warn_of_words(s);
    VB_TRY(
        share_answers(state, own ? state->questions.own : NULL, s->texts.count, err));
    VB_TRY(check_ways(s, err));
    if (s->args->table)
        VB_TRY(cli_qa_table_make(&state->table, s->args, &s->texts, err));
    state->rows = s->args->table        ? state->table.table
                  : state->answer_count ? vb_ranked_table
                                        : vb_generated_table;
    return VBLIP_OK;
}

cli_exit cli_cmd_qa(cli_session *s)
{
    qa_state state = {0};
    vblip_error err = {0};
    s->state = &state;
    vblip_status status = gather_answers(&state, s->args, &err);
    cli_exit code;
    if (status != VBLIP_OK)
        code = cli_fail(s, status, &err);
    else if (s->args->dialog)
        code = cli_session_run(s, &dialog_task);
    else {
        const cli_task task = {
            .table = &state.rows,
            .failed_rows = s->args->table,
            .needs = VBLIP_TASK_VQA,
            .weights = "Salesforce/blip-vqa-base",
            .gather_texts = gather_questions,
            .check = prepare_questions,
            .run = cmd_qa_run,
        };
        code = cli_session_run(s, &task);
    }
    vblip_dialogs_close(&state.dialogs);
    vb_list_free(&state.answers);
    cli_questions_free(&state.questions);
    cli_qa_table_free(&state.table);
    free(state.shared);
    free(state.each);
    free(state.ranked);
    return code;
}
