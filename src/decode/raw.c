#include "decode/raw.h"

#include "decode/scale.h"

#include <limits.h>
#include <string.h>

static vblip_status scale_raw(uint8_t *rgb, uint32_t side, const vb_raw_image *image,
                              vblip_error *err)
{
    AVFrame *frame = av_frame_alloc();
    if (!frame)
        return vb_fail_memory(err, "frame");
    frame->format = AV_PIX_FMT_RGB24;
    frame->width = (int)image->width;
    frame->height = (int)image->height;
    frame->data[0] = (uint8_t *)(uintptr_t)image->rgb; // read only
    frame->linesize[0] = (int)image->row_bytes;
    vb_scaler scaler = {0};
    vblip_status status = vb_scaler_run(&scaler, rgb, side, frame, 0, err);
    vb_scaler_free(&scaler);
    av_frame_free(&frame);
    return status;
}

vblip_status vb_raw_squash(uint8_t *rgb, uint32_t side, const vb_raw_image *image,
                           vblip_error *err)
{
    enum { MAX_SIZE = 1 << 16 };
    const uint64_t row = (uint64_t)image->width * 3;
    if (!image->width || !image->height || image->width > MAX_SIZE ||
        image->height > MAX_SIZE)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "%ux%u pixels, 1 to %d are allowed",
                       image->width, image->height, MAX_SIZE);
    if (image->row_bytes < row || image->row_bytes > INT_MAX)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "rows of %llu bytes, %u pixels are %llu",
                       (unsigned long long)image->row_bytes, image->width,
                       (unsigned long long)row);
    if (image->width != side || image->height != side)
        return scale_raw(rgb, side, image, err);
    for (uint32_t y = 0; y < side; y++)
        memcpy(rgb + y * row, image->rgb + y * image->row_bytes, row);
    return VBLIP_OK;
}
