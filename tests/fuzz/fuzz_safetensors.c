// fuzz_safetensors.c - no input may crash, leak, or yield an index that lies.
#include "formats/safetensors.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1); // exact size: ASan guards both ends
    if (!copy)
        return 0;
    memcpy(copy, data, size);

    vb_arena arena = {0};
    vb_safetensors st;
    const vb_file file = vb_file_in_memory(copy, size);
    if (vb_safetensors_parse(&st, &arena, &file, NULL) == VBLIP_OK) {
        volatile uint8_t sink = 0;
        for (size_t i = 0; i < st.list.count;
             i++) { // the promise: every byte is readable
            const vb_weight *w = &st.list.weights[i];
            if (vb_weight_find(&st.list, w->name) != w)
                abort();
            for (size_t j = 0; j < w->size; j++)
                sink ^= copy[w->at + j];
        }
        (void)sink;
    }
    vb_arena_free(&arena);
    free(copy);
    return 0;
}
