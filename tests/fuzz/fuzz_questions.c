// fuzz_questions.c - no file of questions may crash, leak, or lack what it was taken for.
#include "cli/questions.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

// Every answer belongs to a question, and none of either is empty.
static void check_questions(const cli_questions *q, size_t size)
{
    size_t answers = 0, bytes = 0;
    for (uint32_t i = 0; i < q->texts.count; i++) {
        must(q->texts.items[i][0]);
        bytes += q->texts.sizes[i] + 1;
        answers += q->own[i];
    }
    must(answers == q->answers.count);
    for (uint32_t i = 0; i < q->answers.count; i++) {
        must(q->answers.items[i][0]);
        bytes += q->answers.sizes[i] + 1;
    }
    must(bytes <= size + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cli_questions q = {0};
    const char *text = (const char *)data;
    vblip_status status = VBLIP_OK;
    size_t at = 0;
    for (uint32_t number = 1; status == VBLIP_OK && at <= size; number++) {
        const char *end = size > at ? memchr(text + at, '\n', size - at) : NULL;
        const size_t length = end ? (size_t)(end - text) - at : size - at;
        char *line = malloc(length ? length : 1); // exact size: ASan guards its end
        if (!line)
            break;
        if (length)
            memcpy(line, text + at, length);
        status = cli_questions_line(&q, "f", number, line, length, NULL);
        free(line);
        at += length + 1;
    }
    if (status == VBLIP_OK)
        check_questions(&q, size);
    cli_questions_free(&q);
    return 0;
}
