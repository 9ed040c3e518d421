// questions.h - questions, and the answers that their file brings to be ranked.
#ifndef CLI_QUESTIONS_H
#define CLI_QUESTIONS_H

#include "base/list.h"

// All-zero is empty.
typedef struct cli_questions {
    vb_list texts;
    vb_list answers; // of all questions, in their order
    uint32_t *own;   // [texts.count]: how many of `answers` each question has
} cli_questions;

// Adds a question without answers; false when memory runs out.
bool cli_questions_add(cli_questions *questions, const char *text, size_t size);

// Adds what line `number` of the file `name` says: nothing of blank lines and of comments,
// which begin with #; else a question, or `QUESTION = ANSWER, ANSWER`. Either may be in
// quotes, as in csv. VBLIP_ERR_ARGUMENT for anything else.
VB_CHECKED vblip_status cli_questions_line(cli_questions *questions, const char *name,
                                           uint32_t number, const char *line,
                                           size_t size, vblip_error *err);

// Adds the questions of `file` ("-": standard input). None is VBLIP_ERR_ARGUMENT.
VB_CHECKED vblip_status cli_questions_read(cli_questions *questions, const char *file,
                                           vblip_error *err);

void cli_questions_free(cli_questions *questions);

#endif // CLI_QUESTIONS_H
