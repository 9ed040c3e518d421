// qa_table.h - answers as a table: a row for each clip, a column for each question.
#ifndef CLI_QA_TABLE_H
#define CLI_QA_TABLE_H

#include "base/arena.h"
#include "base/list.h"
#include "cli/session.h"

// All-zero is none.
typedef struct cli_qa_table {
    vb_table table;            // what rows are made of
    vb_arena arena;            // owns it, and the cells
    vb_cell *cells;            // of the row that is put together
    vb_cell *answers, *scores; // where that of question q is: [q * stride]; or NULL
    uint32_t questions, stride;
    bool segments;
    vb_list kept; // texts of its answers
} cli_qa_table;

// The columns: `path`; with --segment `start` and `end`; in csv and tsv then one for each
// of `questions`, with --scores one more, and `error`; in JSON `answers`, and with
// --scores `scores`, by question. A question with the title of another column is
// VBLIP_ERR_ARGUMENT. `questions` must stay valid.
VB_CHECKED vblip_status cli_qa_table_make(cli_qa_table *out, const cli_args *args,
                                          const vb_list *questions, vblip_error *err);

// Takes the answers of a clip, question by question, and emits a row behind the last: a
// callback of a job.
int cli_qa_table_add(cli_qa_table *table, cli_session *session,
                     const vblip_answer *answer);

void cli_qa_table_free(cli_qa_table *table);

#endif // CLI_QA_TABLE_H
