// fuzz_mcp.c - messages to `vblip mcp`: each is answered by one message, or by none.
#include "formats/json.h"
#include "serve/mcp.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_BYTES = 32768 }; // that a pipe holds

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool never(void)
{
    return false;
}

static void ignore(void *user, const char *line)
{
    (void)user;
    (void)line;
}

static bool take_answer(void *user, const vb_string *line)
{
    size_t *answers = user;
    cJSON *message;
    if (!line->size ||
        memchr(line->bytes, '\n', line->size) != line->bytes + line->size - 1)
        abort();
    if (vb_json_parse(&message, line->bytes, line->size, "answer", NULL) != VBLIP_OK)
        abort();
    if (!cJSON_HasObjectItem(message, "id") ||
        cJSON_HasObjectItem(message, "result") == cJSON_HasObjectItem(message, "error"))
        abort();
    cJSON_Delete(message);
    ++*answers;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = {"/dev/null", NULL};
    size_t answers = 0, lines = 1;
    int ends[2];
    if (size > MOST_BYTES || pipe(ends) != 0)
        return 0;
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    if (size && write(ends[1], data, size) != (ssize_t)size)
        abort();
    close(ends[1]);
    const vb_mcp_options options = {
        .jobs = {.paths = paths, .path_count = 1, .note = ignore},
        .lines = {.fd = ends[0],
                  .stopped = never,
                  .write = take_answer,
                  .user = &answers},
    };
    vblip_error err = {0};
    if (vb_mcp(&options, &err) != VBLIP_OK || answers > lines)
        abort();
    close(ends[0]);
    return 0;
}
