#include "decode/upsample.h"

#include "decode/averror.h"

#include <string.h>

#include <libavutil/pixdesc.h>

bool vb_upsample_can(int format)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    return desc && !(desc->flags & AV_PIX_FMT_FLAG_RGB) &&
           (desc->flags & AV_PIX_FMT_FLAG_PLANAR) && desc->nb_components >= 3 &&
           desc->comp[0].depth == 8 && desc->comp[1].step == 1 &&
           desc->log2_chroma_w <= 1 && desc->log2_chroma_h <= 1 &&
           desc->log2_chroma_w + desc->log2_chroma_h > 0;
}

// The sample that pixel `at` takes a quarter of: the neighbour on its side.
static int neighbour(int at, int count)
{
    int other = at / 2 + (at % 2 ? 1 : -1);
    return other < 0 ? 0 : other >= count ? count - 1 : other;
}

// One row of `width` pixels. `own` and `other` are rows of chroma, weighted 3 to 1. The
// sixteenths that are added before rounding down alternate as libjpeg has them.
static void upsample_row(uint8_t *dst, int width, const uint8_t *own,
                         const uint8_t *other, bool halved)
{
    const int even = own == other ? 4 : 8, odd = own == other ? 8 : 7;
    int samples = halved ? (width + 1) / 2 : width;
    for (int x = 0; x < width; x++) {
        int i = halved ? x / 2 : x, j = halved ? neighbour(x, samples) : x;
        int near = 3 * own[i] + other[i], far = 3 * own[j] + other[j];
        dst[x] = (uint8_t)((3 * near + far + (x % 2 ? odd : even)) >> 4);
    }
}

static void upsample_plane(AVFrame *dst, const AVFrame *src, int plane)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(src->format);
    bool wide = desc->log2_chroma_w, tall = desc->log2_chroma_h;
    int rows = tall ? (src->height + 1) / 2 : src->height;
    for (int y = 0; y < src->height; y++) {
        ptrdiff_t own = tall ? y / 2 : y, other = tall ? neighbour(y, rows) : y;
        upsample_row(dst->data[plane] + (ptrdiff_t)y * dst->linesize[plane], src->width,
                     src->data[plane] + own * src->linesize[plane],
                     src->data[plane] + other * src->linesize[plane], wide);
    }
}

vblip_status vb_upsample_chroma(AVFrame *dst, const AVFrame *src, vblip_error *err)
{
    dst->format = AV_PIX_FMT_YUV444P;
    dst->width = src->width;
    dst->height = src->height;
    dst->colorspace = src->colorspace;
    dst->color_range = src->color_range;
    int code = av_frame_get_buffer(dst, 0);
    if (code < 0)
        return vb_fail_av(err, code, "image");
    for (int y = 0; y < src->height; y++)
        memcpy(dst->data[0] + (ptrdiff_t)y * dst->linesize[0],
               src->data[0] + (ptrdiff_t)y * src->linesize[0], (size_t)src->width);
    upsample_plane(dst, src, 1);
    upsample_plane(dst, src, 2);
    return VBLIP_OK;
}
