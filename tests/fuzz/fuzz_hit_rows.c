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
    if (status == VBLIP_OK && row.path) {
        static const char *const without[] = {"rank", NULL};
        vb_string out = {0};
        vb_string_putc(&out, '{');
        vb_hit_row_copy(&out, copy, size, without);
        vb_string_puts(&out, "\"rank\":1}");
        if (!out.failed &&
            vb_hit_row_read(&row, &arena, out.bytes, out.size, "f", &err) != VBLIP_OK)
            abort();
        vb_string_free(&out);
    }
    vb_arena_free(&arena);
    free(copy);
    return 0;
}
