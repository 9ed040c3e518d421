#include "output/npy_file.h"

#include <inttypes.h>

enum { ALIGNED = 64, BEFORE = 10 }; // of the header; bytes that stand before it

void vb_npy_begin(vb_string *out, uint64_t rows, uint32_t cols)
{
    vb_string header = {0};
    vb_string_appendf(&header,
                      "{'descr': '<f4', 'fortran_order': False, 'shape': (%" PRIu64
                      ", %u), }",
                      rows, (unsigned)cols);
    while ((BEFORE + header.size + 1) % ALIGNED && !header.failed)
        vb_string_putc(&header, ' ');
    vb_string_putc(&header, '\n');
    vb_string_append(out, "\x93NUMPY\1\0", 8);
    vb_string_putc(out, (char)(header.size & 0xff));
    vb_string_putc(out, (char)(header.size >> 8));
    if (!header.failed)
        vb_string_append(out, header.bytes, header.size);
    out->failed = out->failed || header.failed;
    vb_string_free(&header);
}
