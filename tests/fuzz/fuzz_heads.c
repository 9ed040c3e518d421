// fuzz_heads.c - decode's own parsers read nothing but the file and say nothing absurd.
#include "decode/declared.h"
#include "decode/exif.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1); // exact size: ASan guards both ends
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    uint32_t orientation = vb_exif_orientation(copy, size);
    if (orientation < 1 || orientation > 8)
        abort();
    size_t head = size < VB_DECLARED_HEAD ? size : VB_DECLARED_HEAD;
    uint64_t declared = vb_declared_size(copy, head);
    if (declared && declared < 8)
        abort();
    free(copy);
    return 0;
}
