// fuzz_stills.c - an image file becomes all the pixels it promises, or is refused.
#include "decode/still.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *file, size_t size)
{
    enum { LIMIT = 1 << 14 }; // pixels
    vb_image image;
    vblip_error err = {0};
    vblip_status status = vb_still_decode(&image, file, size, LIMIT, false, &err);
    uint64_t pixels = (uint64_t)image.width * image.height;
    if ((status == VBLIP_OK) != (image.rgb != NULL) || pixels > LIMIT)
        abort();
    if (status != VBLIP_OK && err.message[0] == '\0')
        abort();
    uint8_t *copy = image.rgb ? malloc(pixels * 3) : NULL;
    if (copy)
        memcpy(copy, image.rgb, pixels * 3);
    free(copy);
    vb_image_free(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1); // exact size: ASan guards both ends
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    check(copy, size);
    free(copy);
    return 0;
}
