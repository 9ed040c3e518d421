#include "cli/qa_table.h"

#include "base/set.h"

#include <errno.h>
#include <string.h>

// ------------------------------------------------------------------------ its columns

// What columns are made of.
typedef struct qa_columns {
    cli_qa_table *table;
    const vb_list *questions;
    vb_column *columns; // of the table
    vb_set titles;      // that are taken
    uint32_t lead;      // columns in front of those of questions
    bool scores;
} qa_columns;

static vblip_status take_title(qa_columns *c, const char *title, uint32_t number,
                               vblip_error *err)
{
    const vb_seen seen = title ? vb_set_add(&c->titles, title) : VB_SEEN_FAILED;
    if (seen == VB_SEEN_FAILED)
        return vb_fail_memory(err, "--table");
    if (seen == VB_SEEN_NEW)
        return VBLIP_OK;
    return cli_misuse(err, "question %u: the table has a column %.300s already", number,
                      title);
}

static const char *score_title(vb_arena *arena, const char *question)
{
    static const char ending[] = " score";
    const size_t size = strlen(question);
    char *title = VB_ARENA_NEW(arena, char, size + sizeof ending);
    if (title) {
        memcpy(title, question, size);
        memcpy(title + size, ending, sizeof ending);
    }
    return title;
}

// csv and tsv: an answer, and its score beside it.
static vblip_status flat_columns(qa_columns *c, vblip_error *err)
{
    static const char *const taken[] = {"path", "start", "end", "error"};
    cli_qa_table *t = c->table;
    t->stride = c->scores ? 2 : 1;
    t->answers = t->cells + c->lead;
    t->scores = c->scores ? t->answers + 1 : NULL;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        VB_TRY(take_title(c, taken[i], 0, err));
    vb_column *column = c->columns + c->lead;
    for (uint32_t q = 0; q < t->questions; q++) {
        const char *question = c->questions->items[q];
        *column++ = (vb_column){question, VB_CELL_TEXT, NULL};
        VB_TRY(take_title(c, question, q + 1, err));
        if (!c->scores)
            continue;
        const char *title = score_title(&t->arena, question);
        *column++ = (vb_column){title, VB_CELL_REAL, NULL};
        VB_TRY(take_title(c, title, q + 1, err));
    }
    *column = (vb_column){"error", VB_CELL_TEXT, NULL};
    return VBLIP_OK;
}

// An object with a member of `type` for each question, in column `at`; its cells.
static vb_cell *nest_column(const qa_columns *c, uint32_t at, const char *name,
                            vb_cell_type type)
{
    cli_qa_table *t = c->table;
    vb_column *columns = VB_ARENA_NEW(&t->arena, vb_column, t->questions);
    vb_cell *cells = VB_ARENA_NEW(&t->arena, vb_cell, t->questions);
    vb_table *members = VB_ARENA_NEW(&t->arena, vb_table, 1);
    if (!columns || !cells || !members)
        return NULL;
    for (uint32_t q = 0; q < t->questions; q++)
        columns[q] = (vb_column){c->questions->items[q], type, NULL};
    *members = (vb_table){columns, t->questions};
    c->columns[at] = (vb_column){name, VB_CELL_OBJECT, members};
    t->cells[at] = vb_cell_object(cells);
    return cells;
}

static vblip_status nested_columns(qa_columns *c, vblip_error *err)
{
    cli_qa_table *t = c->table;
    t->stride = 1;
    t->answers = nest_column(c, c->lead, "answers", VB_CELL_TEXT);
    if (c->scores)
        t->scores = nest_column(c, c->lead + 1, "scores", VB_CELL_REAL);
    if (!t->answers || (c->scores && !t->scores))
        return vb_fail_memory(err, "--table");
    for (uint32_t q = 0; q < t->questions; q++)
        VB_TRY(take_title(c, c->questions->items[q], q + 1, err));
    return VBLIP_OK;
}

vblip_status cli_qa_table_make(cli_qa_table *out, const cli_args *args,
                               const vb_list *questions, vblip_error *err)
{
    const bool nested =
        args->format == VB_FORMAT_JSON || args->format == VB_FORMAT_JSONL;
    const size_t each = args->table_scores ? 2 : 1;
    qa_columns c = {.table = out,
                    .questions = questions,
                    .lead = args->segment ? 3 : 1,
                    .scores = args->table_scores};
    *out = (cli_qa_table){.questions = questions->count, .segments = args->segment};
    const size_t count = c.lead + (nested ? each : each * questions->count + 1);
    c.columns = VB_ARENA_NEW(&out->arena, vb_column, count);
    out->cells = VB_ARENA_NEW(&out->arena, vb_cell, count);
    if (!c.columns || !out->cells || count > UINT32_MAX)
        return vb_fail_memory(err, "--table");
    c.columns[0] = (vb_column){"path", VB_CELL_TEXT, NULL};
    if (out->segments) {
        c.columns[1] = (vb_column){"start", VB_CELL_TIME, NULL};
        c.columns[2] = (vb_column){"end", VB_CELL_TIME, NULL};
    }
    out->table = (vb_table){c.columns, (uint32_t)count};
    const vblip_status status =
        nested ? nested_columns(&c, err) : flat_columns(&c, err);
    vb_set_free(&c.titles);
    return status;
}

// --------------------------------------------------------------------------- its rows

int cli_qa_table_add(cli_qa_table *table, cli_session *session,
                     const vblip_answer *answer)
{
    const size_t at = (size_t)answer->question * table->stride;
    if (answer->question == 0)
        vb_list_free(&table->kept);
    const char *text = vb_list_add(&table->kept, answer->text, strlen(answer->text));
    if (!text) {
        session->out.error = ENOMEM;
        return 1;
    }
    table->answers[at] = vb_cell_text(text);
    if (table->scores)
        table->scores[at] = vb_cell_real((double)answer->score);
    if (answer->question + 1 < table->questions)
        return 0;
    table->cells[0] = vb_cell_text(cli_shown_path(session, answer->path));
    if (table->segments) {
        table->cells[1] = vb_cell_time(answer->timed, answer->start_us);
        table->cells[2] = vb_cell_time(answer->timed, answer->end_us);
    }
    return cli_emit_row(session, table->cells);
}

void cli_qa_table_free(cli_qa_table *table)
{
    vb_list_free(&table->kept);
    vb_arena_free(&table->arena);
    *table = (cli_qa_table){0};
}
