#include "cli/questions.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

// A line that is read field by field.
typedef struct question_line {
    const char *name;
    uint32_t number;
    const char *at, *stop; // what is left of it
    vb_string field;       // taken last
    bool more;             // something parted it from another field
} question_line;

static vblip_status refuse_question(const question_line *line, const char *why,
                                    vblip_error *err)
{
    return vb_fail(err, VBLIP_ERR_ARGUMENT, "%.300s: line %u: %s", line->name,
                   line->number, why);
}

static bool is_blank_char(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blank_chars(question_line *line)
{
    while (line->at < line->stop && is_blank_char(*line->at))
        line->at++;
}

static vblip_status take_quoted(question_line *line, char end, vblip_error *err)
{
    for (line->at++;; line->at++) {
        if (line->at == line->stop)
            return refuse_question(line, "a quote that is not closed", err);
        if (*line->at == '"' && (++line->at == line->stop || *line->at != '"'))
            break;
        vb_string_putc(&line->field, *line->at);
    }
    skip_blank_chars(line);
    if (line->at < line->stop && *line->at != end)
        return refuse_question(line,
                               "text behind a closing quote; a quote within quotes is "
                               "written twice",
                               err);
    return VBLIP_OK;
}

static void take_plain(question_line *line, char end)
{
    const char *from = line->at;
    const char *found = memchr(from, end, (size_t)(line->stop - from));
    const char *to = found ? found : line->stop;
    line->at = to;
    while (to > from && is_blank_char(to[-1]))
        to--;
    vb_string_append(&line->field, from, (size_t)(to - from));
}

// Takes what stands in front of the next `end`, without the blanks around it.
static vblip_status take_question_field(question_line *line, char end, vblip_error *err)
{
    vb_string_clear(&line->field);
    skip_blank_chars(line);
    if (line->at < line->stop && *line->at == '"')
        VB_TRY(take_quoted(line, end, err));
    else
        take_plain(line, end);
    if (line->field.failed)
        return vb_fail_memory(err, line->name);
    line->more = line->at < line->stop;
    line->at += line->more;
    return VBLIP_OK;
}

bool cli_questions_add(cli_questions *questions, const char *text, size_t size)
{
    const uint32_t count = questions->texts.count;
    uint32_t *own = realloc(questions->own, (count + (size_t)1) * sizeof *own);
    if (!own)
        return false;
    questions->own = own;
    own[count] = 0;
    return vb_list_add(&questions->texts, text, size) != NULL;
}

static vblip_status add_answers(cli_questions *questions, question_line *line,
                                vblip_error *err)
{
    uint32_t *own = &questions->own[questions->texts.count - 1];
    while (line->more) {
        VB_TRY(take_question_field(line, ',', err));
        if (!line->field.size)
            return refuse_question(
                line,
                *own || line->more ? "an empty answer" : "no answer behind the =", err);
        if (!vb_list_add(&questions->answers, line->field.bytes, line->field.size))
            return vb_fail_memory(err, line->name);
        ++*own;
    }
    return VBLIP_OK;
}

static vblip_status add_question(cli_questions *questions, question_line *line,
                                 vblip_error *err)
{
    if (memchr(line->at, '\0', (size_t)(line->stop - line->at)))
        return refuse_question(line, "holds a NUL byte", err);
    VB_TRY(take_question_field(line, '=', err));
    if (!line->field.size)
        return refuse_question(
            line, line->more ? "no question in front of the =" : "an empty question",
            err);
    if (!cli_questions_add(questions, line->field.bytes, line->field.size))
        return vb_fail_memory(err, line->name);
    return add_answers(questions, line, err);
}

vblip_status cli_questions_line(cli_questions *questions, const char *name,
                                uint32_t number, const char *line, size_t size,
                                vblip_error *err)
{
    static const char mark[] = "\xEF\xBB\xBF"; // some editors put it before all else
    question_line reading = {
        .name = name, .number = number, .at = line, .stop = line + size};
    if (number == 1 && size >= strlen(mark) && memcmp(line, mark, strlen(mark)) == 0)
        reading.at += strlen(mark);
    skip_blank_chars(&reading);
    if (reading.at == reading.stop || *reading.at == '#')
        return VBLIP_OK;
    const vblip_status status = add_question(questions, &reading, err);
    vb_string_free(&reading.field);
    return status;
}

vblip_status cli_questions_read(cli_questions *questions, const char *file,
                                vblip_error *err)
{
    const char *name = strcmp(file, "-") == 0 ? "standard input" : file;
    const uint32_t before = questions->texts.count;
    vb_list lines = {0};
    vblip_status status = vb_list_read(&lines, file, '\n', VB_ENTRIES_EXACT, err);
    for (uint32_t i = 0; status == VBLIP_OK && i < lines.count; i++)
        status = cli_questions_line(questions, name, i + 1, lines.items[i],
                                    lines.sizes[i], err);
    vb_list_free(&lines);
    if (status == VBLIP_OK && questions->texts.count == before)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "%.300s: holds no question", name);
    return status;
}

void cli_questions_free(cli_questions *questions)
{
    vb_list_free(&questions->texts);
    vb_list_free(&questions->answers);
    free(questions->own);
    *questions = (cli_questions){0};
}
