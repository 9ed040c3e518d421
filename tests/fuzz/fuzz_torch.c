// fuzz_torch.c - no archive and no pickle may crash, leak, or yield a list that lies.
//
// Input that begins as a pickle is put into an archive first: few mutations of a zip
// would let one through.
#include "formats/torch_file.h"
#include "formats/zip.h"
#include "support/zip_writer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Bytes from the first element of a tensor to the end of the last, in its file.
static size_t extent_of(const vb_weight *w)
{
    const size_t unit = w->is_double ? sizeof(double) : vb_dtype_size(w->dtype);
    size_t span = 1;
    if (!w->strided)
        return w->size / vb_dtype_size(w->dtype) * unit;
    for (uint32_t d = 0; d < w->rank; d++)
        span += (size_t)((w->shape[d] - 1) * w->strides[d]);
    return span * unit;
}

static void read_all(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1); // exact size: ASan guards both ends
    if (!copy)
        return;
    memcpy(copy, data, size);
    vb_arena arena = {0};
    vb_weight_list list;
    vblip_error err = {0};
    const vb_file file = vb_file_in_memory(copy, size);
    if (vb_torch_parse(&list, &arena, &file, &err) != VBLIP_OK) {
        if (list.count != 0 || err.message[0] == '\0')
            abort();
    } else {
        volatile uint8_t sink = 0;
        for (size_t i = 0; i < list.count; i++) {
            const vb_weight *w = &list.weights[i];
            if (vb_weight_find(&list, w->name) != w)
                abort();
            if (w->unreadable)
                continue;
            const vb_zip_entry *e = w->entry; // which the data lies in
            const size_t extent = extent_of(w);
            if (w->at < e->at || w->at + extent > e->at + e->size)
                abort();
            sink ^= (uint8_t)vb_zip_crc(0, copy + e->at, e->size);
            for (size_t j = 0; j < extent; j++) // the promise: every byte is readable
                sink ^= copy[w->at + j];
        }
        (void)sink;
    }
    vb_arena_free(&arena);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || data[0] != 0x80) {
        read_all(data, size);
        return 0;
    }
    static const char zeros[64] = {0};
    zip_writer zip = {.layout = ZIP_FOLLOW};
    zip_add(&zip, "m/data.pkl", data, size);
    zip_add(&zip, "m/data/0", zeros, 24);
    zip_add(&zip, "m/data/1", zeros, 64);
    zip_add(&zip, "m/version", "3\n", 2);
    zip_end(&zip, "");
    read_all((const uint8_t *)zip.bytes.bytes, zip.bytes.size);
    zip_free(&zip);
    return 0;
}
