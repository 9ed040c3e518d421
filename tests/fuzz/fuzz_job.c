// fuzz_job.c - jobs of `vblip worker`: what is refused says why, and an id comes back whole.
#include "serve/request.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t read_texts(const vb_request_texts *texts)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < texts->count; i++)
        sum += strlen(texts->items[i]);
    if (texts->count && texts->items[texts->count])
        abort();
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vb_request request;
    vb_request_kind kind;
    vb_string id = {0};
    vblip_error err = {0};
    cJSON *again = NULL;
    const vblip_status status =
        vb_request_read_job(&request, &kind, &id, (const char *)data, size, &err);
    if ((status == VBLIP_OK) != (err.message[0] == '\0'))
        abort();
    if (status == VBLIP_OK && kind < VB_JOB_CAPTION)
        abort();
    if (vb_json_parse(&again, id.bytes, id.size, "id", NULL) != VBLIP_OK)
        abort();
    const uint64_t sum = read_texts(&request.texts) + read_texts(&request.answers) +
                         read_texts(&request.include) + read_texts(&request.exclude);
    if (sum > size)
        abort();
    cJSON_Delete(again);
    vb_request_free(&request);
    vb_string_free(&id);
    return 0;
}
