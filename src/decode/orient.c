#include "decode/orient.h"

#include "decode/averror.h"

#include <string.h>

#include <libavutil/pixdesc.h>

uint32_t vb_orientation_from_exif(uint32_t value)
{
    static const uint32_t table[9] = {
        [2] = VB_FLIP_X,
        [3] = VB_FLIP_X | VB_FLIP_Y,
        [4] = VB_FLIP_Y,
        [5] = VB_TRANSPOSE,
        [6] = VB_TRANSPOSE | VB_FLIP_Y,
        [7] = VB_TRANSPOSE | VB_FLIP_X | VB_FLIP_Y,
        [8] = VB_TRANSPOSE | VB_FLIP_X,
    };
    return value < 9 ? table[value] : 0;
}

// x' = m0 x + m3 y, y' = m1 x + m4 y
uint32_t vb_orientation_from_matrix(const int32_t *matrix)
{
    if (!matrix)
        return 0;
    int32_t a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
    if (b == 0 && c == 0)
        return (a < 0 ? VB_FLIP_X : 0U) | (d < 0 ? VB_FLIP_Y : 0U);
    if (a == 0 && d == 0)
        return VB_TRANSPOSE | (b < 0 ? VB_FLIP_X : 0U) | (c < 0 ? VB_FLIP_Y : 0U);
    return 0;
}

void vb_orient_plane(vb_plane dst, vb_plane src, uint32_t width, uint32_t height,
                     uint32_t step, uint32_t orientation)
{
    bool transpose = (orientation & VB_TRANSPOSE) != 0;
    const uint8_t *from = src.bytes;
    ptrdiff_t right = step, down = src.stride; // in the stored picture
    if (orientation & VB_FLIP_X) {
        from += (ptrdiff_t)(width - 1) * step;
        right = -right;
    }
    if (orientation & VB_FLIP_Y) {
        from += (ptrdiff_t)(height - 1) * src.stride;
        down = -down;
    }
    uint32_t cols = transpose ? height : width, rows = transpose ? width : height;
    ptrdiff_t per_col = transpose ? down : right, per_row = transpose ? right : down;
    for (uint32_t y = 0; y < rows; y++) {
        const uint8_t *in = from + (ptrdiff_t)y * per_row;
        uint8_t *out = dst.bytes + (ptrdiff_t)y * dst.stride;
        for (uint32_t x = 0; x < cols; x++, in += per_col, out += step)
            memcpy(out, in, step);
    }
}

vblip_status vb_orient_image(vb_image *image, uint32_t orientation, vblip_error *err)
{
    if (orientation == 0)
        return VBLIP_OK;
    bool transpose = (orientation & VB_TRANSPOSE) != 0;
    vb_image turned;
    VB_TRY(vb_image_make(&turned, transpose ? image->height : image->width,
                         transpose ? image->width : image->height, UINT64_MAX, err));
    vb_orient_plane((vb_plane){turned.rgb, (ptrdiff_t)turned.width * 3},
                    (vb_plane){image->rgb, (ptrdiff_t)image->width * 3}, image->width,
                    image->height, 3, orientation);
    memcpy(turned.warning, image->warning, sizeof turned.warning);
    vb_image_free(image);
    *image = turned;
    return VBLIP_OK;
}

// Bytes from pixel to pixel in `plane`; 0 where its components disagree.
static int plane_step(const AVPixFmtDescriptor *desc, int plane)
{
    int step = 0;
    for (int i = 0; i < desc->nb_components; i++) {
        if (desc->comp[i].plane != plane)
            continue;
        if (step && step != desc->comp[i].step)
            return 0;
        step = desc->comp[i].step;
    }
    return step;
}

bool vb_orient_can(int format, uint32_t orientation)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    const uint64_t odd = AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM |
                         AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BAYER;
    if (!desc || (desc->flags & odd))
        return false;
    if ((orientation & VB_TRANSPOSE) && desc->log2_chroma_w != desc->log2_chroma_h)
        return false;
    for (int i = 0; i < desc->nb_components; i++)
        if (plane_step(desc, desc->comp[i].plane) == 0)
            return false;
    return true;
}

vblip_status vb_frame_buffer(AVFrame *dst, int format, int width, int height,
                             vblip_error *err)
{
    if (dst->buf[0] && dst->format == format && dst->width == width &&
        dst->height == height)
        return VBLIP_OK;
    av_frame_unref(dst);
    dst->format = format;
    dst->width = width;
    dst->height = height;
    int code = av_frame_get_buffer(dst, 0);
    return code < 0 ? vb_fail_av(err, code, "frame") : VBLIP_OK;
}

vblip_status vb_orient_frame(AVFrame *dst, const AVFrame *src, uint32_t orientation,
                             vblip_error *err)
{
    bool transpose = (orientation & VB_TRANSPOSE) != 0;
    VB_TRY(vb_frame_buffer(dst, src->format, transpose ? src->height : src->width,
                           transpose ? src->width : src->height, err));
    dst->colorspace = src->colorspace;
    dst->color_range = src->color_range;
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(src->format);
    for (int plane = 0; plane < av_pix_fmt_count_planes(src->format); plane++) {
        bool chroma = plane == 1 || plane == 2;
        int width = AV_CEIL_RSHIFT(src->width, chroma ? desc->log2_chroma_w : 0);
        int height = AV_CEIL_RSHIFT(src->height, chroma ? desc->log2_chroma_h : 0);
        vb_orient_plane((vb_plane){dst->data[plane], dst->linesize[plane]},
                        (vb_plane){src->data[plane], src->linesize[plane]},
                        (uint32_t)width, (uint32_t)height,
                        (uint32_t)plane_step(desc, plane), orientation);
    }
    return VBLIP_OK;
}
