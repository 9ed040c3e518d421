#include "decode/image.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MAX_SIDE = 65535 }; // pixels; keeps the rows of a resize in proportion

vblip_status vb_image_check_size(uint64_t width, uint64_t height, uint64_t max_pixels,
                                 vblip_error *err)
{
    if (width && height > max_pixels / width)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "%" PRIu64 "x%" PRIu64 " pixels, at most %" PRIu64
                       " in all are read",
                       width, height, max_pixels);
    if (width > MAX_SIDE || height > MAX_SIDE)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "%" PRIu64 "x%" PRIu64 " pixels, at most %d a side are read",
                       width, height, MAX_SIDE);
    return VBLIP_OK;
}

vblip_status vb_image_make(vb_image *out, uint32_t width, uint32_t height,
                           uint64_t max_pixels, vblip_error *err)
{
    *out = (vb_image){0};
    VB_TRY(vb_image_check_size(width, height, max_pixels, err));
    uint8_t *rgb = malloc((size_t)width * height * 3);
    if (!rgb)
        return vb_fail_memory(err, "image");
    *out = (vb_image){.rgb = rgb, .width = width, .height = height};
    return VBLIP_OK;
}

void vb_image_free(vb_image *image)
{
    free(image->rgb);
    *image = (vb_image){0};
}
