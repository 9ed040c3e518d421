#include "decode/scale.h"

#include "decode/averror.h"
#include "decode/orient.h"

#include <string.h>

#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

// swscale warns of the formats whose name says that their range is full.
static int without_range(int format)
{
    static const struct {
        enum AVPixelFormat full, plain;
    } formats[] = {
        {AV_PIX_FMT_YUVJ411P, AV_PIX_FMT_YUV411P},
        {AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV420P},
        {AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUV422P},
        {AV_PIX_FMT_YUVJ440P, AV_PIX_FMT_YUV440P},
        {AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUV444P},
    };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].full == format)
            return formats[i].plain;
    return format;
}

// The same with a row of chroma for each row; AV_PIX_FMT_NONE of what is not planar 4:2:0
// of 8 to 12 bits.
static int with_all_rows(int format)
{
    static const struct {
        enum AVPixelFormat half, all;
    } formats[] = {
        {AV_PIX_FMT_YUV420P, AV_PIX_FMT_YUV422P},
        {AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUVJ422P},
        {AV_PIX_FMT_YUVA420P, AV_PIX_FMT_YUVA422P},
        {AV_PIX_FMT_YUV420P9, AV_PIX_FMT_YUV422P9},
        {AV_PIX_FMT_YUV420P10, AV_PIX_FMT_YUV422P10},
        {AV_PIX_FMT_YUV420P12, AV_PIX_FMT_YUV422P12},
    };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].half == format)
            return formats[i].all;
    return AV_PIX_FMT_NONE;
}

// A frame as high as the picture keeps its rows of luma. There FFmpeg up to 7.1 gives row
// 2k + 1 the chroma of row k, and row 2k the mean of chroma rows k - 1 and k, wherever
// chroma is said to lie; FFmpeg 9 interpolates. With chroma at BELOW both give the
// former, but for the last row, which has a mean of two as well up to 7.1. So that row is
// made once more: as the last of BOTTOM rows with a row of chroma for each, half a row
// higher. What keeps columns too is converted otherwise when it has 8 bits, alike by all.
enum { HALFWAY = 128, BELOW = 256, ANYWHERE = -513, BOTTOM = 8 };

static bool keeps_rows(const AVFrame *frame, int side)
{
    if (frame->height != side || side % 2 || side < 2 * BOTTOM ||
        with_all_rows(frame->format) == AV_PIX_FMT_NONE)
        return false;
    return frame->width != side ||
           av_pix_fmt_desc_get(frame->format)->comp[0].depth > 8;
}

// As the scale filter has it: chroma halfway between the rows of 8-bit 4:2:0, elsewhere
// where swscale puts it.
static int chroma_position(const AVFrame *frame, int side)
{
    if (keeps_rows(frame, side))
        return BELOW;
    return frame->format == AV_PIX_FMT_YUV420P ? HALFWAY : ANYWHERE;
}

static vblip_status make_context(struct SwsContext **out, const AVFrame *frame,
                                 int width, int height, int chroma, vblip_error *err)
{
    sws_freeContext(*out);
    *out = sws_alloc_context();
    if (!*out)
        return vb_fail_memory(err, "scaler");
    const struct {
        const char *name;
        int64_t value;
    } options[] = {
        {"sws_flags", SWS_BILINEAR},
        {"srcw", frame->width},
        {"srch", frame->height},
        {"src_format", without_range(frame->format)},
        {"src_range", without_range(frame->format) != frame->format},
        {"dstw", width},
        {"dsth", height},
        {"dst_format", AV_PIX_FMT_RGB24},
        {"src_v_chr_pos", chroma},
    };
    int code = 0;
    for (size_t i = 0; code >= 0 && i < sizeof options / sizeof *options; i++)
        code = av_opt_set_int(*out, options[i].name, options[i].value, 0);
    if (code >= 0)
        code = sws_init_context(*out, NULL, NULL);
    if (code >= 0)
        return VBLIP_OK;
    const char *name = av_get_pix_fmt_name(frame->format);
    sws_freeContext(*out);
    *out = NULL;
    return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "no conversion from %s %dx%d",
                   name ? name : "unknown pixels", frame->width, frame->height);
}

// Matrix and range by the frame's tags: without a matrix BT.601, without a range
// whatever the pixel format implies.
static void set_colours(struct SwsContext *sws, const AVFrame *frame)
{
    int *from, *to, from_full, to_full, brightness, contrast, saturation;
    if (sws_getColorspaceDetails(sws, &from, &from_full, &to, &to_full, &brightness,
                                 &contrast, &saturation) < 0)
        return; // nothing to choose between these two formats
    int space = (int)frame->colorspace;
    if (space < 1 || space > 10 || space == 8) // RGB, and what swscale does not know
        space = SWS_CS_ITU601;
    const int *matrix = sws_getCoefficients(space);
    if (frame->color_range != AVCOL_RANGE_UNSPECIFIED)
        from_full = frame->color_range == AVCOL_RANGE_JPEG;
    sws_setColorspaceDetails(sws, matrix, from_full, matrix, to_full, brightness,
                             contrast, saturation);
}

static vblip_status run_context(struct SwsContext *sws, AVFrame *out,
                                const AVFrame *frame, vblip_error *err)
{
    set_colours(sws, frame);
    int code = sws_scale(sws, (const uint8_t *const *)frame->data, frame->linesize, 0,
                         frame->height, out->data, out->linesize);
    return code < 0 ? vb_fail_av(err, code, "scaler") : VBLIP_OK;
}

// The last rows of `frame`, with one of chroma for each.
static AVFrame bottom_of(const AVFrame *frame)
{
    AVFrame bottom = {
        .width = frame->width,
        .height = BOTTOM,
        .format = with_all_rows(frame->format),
        .colorspace = frame->colorspace,
        .color_range = frame->color_range,
    };
    for (int i = 0; i < 4 && frame->data[i]; i++) {
        const int rows = i == 1 || i == 2 ? frame->height / 2 : frame->height;
        bottom.linesize[i] = frame->linesize[i];
        bottom.data[i] =
            frame->data[i] + (ptrdiff_t)(rows - BOTTOM) * frame->linesize[i];
    }
    return bottom;
}

static vblip_status scale_last_row(vb_scaler *s, AVFrame *out, const AVFrame *frame,
                                   vblip_error *err)
{
    const int side = frame->height;
    if (!s->scaled_bottom)
        s->scaled_bottom = av_frame_alloc();
    if (!s->scaled_bottom)
        return vb_fail_memory(err, "scaler");
    AVFrame *scaled = s->scaled_bottom;
    VB_TRY(vb_frame_buffer(scaled, AV_PIX_FMT_RGB24, side, BOTTOM, err));
    const AVFrame bottom = bottom_of(frame);
    VB_TRY(run_context(s->sws_bottom, scaled, &bottom, err));
    memcpy(out->data[0] + (ptrdiff_t)(side - 1) * out->linesize[0],
           scaled->data[0] + (ptrdiff_t)(BOTTOM - 1) * scaled->linesize[0],
           (size_t)side * 3);
    return VBLIP_OK;
}

static vblip_status scale(vb_scaler *s, AVFrame *out, const AVFrame *frame,
                          vblip_error *err)
{
    VB_TRY(run_context(s->sws, out, frame, err));
    return s->sws_bottom ? scale_last_row(s, out, frame, err) : VBLIP_OK;
}

// Whether swscale can write rows of `side` pixels to `rgb`: it does so in groups of 16,
// and their bytes must be aligned.
static bool can_write_to(const uint8_t *rgb, uint32_t side)
{
    return side % 16 == 0 && (uintptr_t)rgb % 16 == 0;
}

// Turns `*frame` where that can be done before scaling; then `*orientation` is 0.
static vblip_status turn_first(vb_scaler *s, const AVFrame **frame,
                               uint32_t *orientation, vblip_error *err)
{
    if (*orientation == 0 || !vb_orient_can((*frame)->format, *orientation))
        return VBLIP_OK;
    if (!s->turned)
        s->turned = av_frame_alloc();
    if (!s->turned)
        return vb_fail_memory(err, "scaler");
    VB_TRY(vb_orient_frame(s->turned, *frame, *orientation, err));
    *frame = s->turned;
    *orientation = 0;
    return VBLIP_OK;
}

// The contexts for frames like `frame`, kept while they stay alike.
static vblip_status choose_contexts(vb_scaler *s, const AVFrame *frame, int side,
                                    vblip_error *err)
{
    if (s->sws && s->width == frame->width && s->height == frame->height &&
        s->format == frame->format)
        return VBLIP_OK;
    s->width = frame->width;
    s->height = frame->height;
    s->format = frame->format;
    sws_freeContext(s->sws_bottom);
    s->sws_bottom = NULL;
    VB_TRY(make_context(&s->sws, frame, side, side, chroma_position(frame, side), err));
    if (!keeps_rows(frame, side))
        return VBLIP_OK;
    const AVFrame bottom = bottom_of(frame);
    vblip_status status =
        make_context(&s->sws_bottom, &bottom, side, BOTTOM, HALFWAY, err);
    if (status != VBLIP_OK) {
        sws_freeContext(s->sws);
        s->sws = NULL;
    }
    return status;
}

// Scales into a frame of our own and copies, or turns, from there into `rgb`.
static vblip_status scale_and_copy(vb_scaler *s, uint8_t *rgb, uint32_t side,
                                   const AVFrame *frame, uint32_t orientation,
                                   vblip_error *err)
{
    if (!s->scaled)
        s->scaled = av_frame_alloc();
    if (!s->scaled)
        return vb_fail_memory(err, "scaler");
    VB_TRY(vb_frame_buffer(s->scaled, AV_PIX_FMT_RGB24, (int)side, (int)side, err));
    VB_TRY(scale(s, s->scaled, frame, err));
    vb_orient_plane((vb_plane){rgb, (ptrdiff_t)side * 3},
                    (vb_plane){s->scaled->data[0], s->scaled->linesize[0]}, side, side,
                    3, orientation);
    return VBLIP_OK;
}

vblip_status vb_scaler_run(vb_scaler *scaler, uint8_t *rgb, uint32_t side,
                           const AVFrame *frame, uint32_t orientation, vblip_error *err)
{
    VB_TRY(turn_first(scaler, &frame, &orientation, err));
    VB_TRY(choose_contexts(scaler, frame, (int)side, err));
    if (orientation || !can_write_to(rgb, side))
        return scale_and_copy(scaler, rgb, side, frame, orientation, err);
    AVFrame out = {.data = {rgb}, .linesize = {(int)side * 3}};
    return scale(scaler, &out, frame, err);
}

void vb_scaler_free(vb_scaler *scaler)
{
    sws_freeContext(scaler->sws);
    sws_freeContext(scaler->sws_bottom);
    av_frame_free(&scaler->turned);
    av_frame_free(&scaler->scaled);
    av_frame_free(&scaler->scaled_bottom);
    *scaler = (vb_scaler){0};
}
