// fuzz_hit_rows.c - no row may crash, leak, or be taken without what it stands for.
#include "formats/hit_rows.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1); // exact size: ASan guards its end
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    vb_arena arena = {0};
    vb_hit_row row;
    vblip_error err = {0};
    const vblip_status status = vb_hit_row_read(&row, &arena, copy, size, "f", &err);
    if (status != VBLIP_OK
            ? row.path != NULL || !err.message[0]
            : row.timed && (row.start_us < 0 || row.end_us <= row.start_us ||
                            !row.path || !*row.path))
        abort();
    vb_arena_free(&arena);
    free(copy);
    return 0;
}
