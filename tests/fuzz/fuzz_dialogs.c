// fuzz_dialogs.c - no file of dialogs may crash, leak, or lack what it was taken for.
#include "datasets/dialogs.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1); // exact size: ASan guards its end
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    vb_arena arena = {0};
    vb_dialogs all;
    size_t bytes = 0;
    if (vb_dialogs_parse(&all, &arena, copy, size, "f", NULL) == VBLIP_OK) {
        must(all.count > 0);
        for (uint32_t i = 0; i < all.count; i++) {
            const vb_dialog *d = &all.items[i];
            must(d->candidate_count > 0);
            bytes += strlen(d->question) + (d->caption ? strlen(d->caption) : 0);
            for (uint32_t t = 0; t < d->turn_count; t++)
                bytes += strlen(d->turns[t].question) + strlen(d->turns[t].answer);
            for (uint32_t c = 0; c < d->candidate_count; c++)
                bytes += strlen(d->candidates[c]);
        }
        must(bytes < size);
    }
    vb_arena_free(&arena);
    free(copy);
    return 0;
}
