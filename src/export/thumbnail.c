#include "export/thumbnail.h"

#include "decode/averror.h"
#include "decode/decode.h"

#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>
#include <stdlib.h>
#include <string.h>

enum { JPEG_QUALITY = 4, MOST_HEIGHT = 4096 };
enum { PADDING = 64 }; // bytes that libswscale may read behind the last pixel

// As high as it is shown, even.
static int height_for(uint32_t shown_width, uint32_t shown_height, uint32_t width)
{
    const double height = (double)width * shown_height / shown_width;
    const int even = (int)(height / 2 + 0.5) * 2;
    return even < 2 ? 2 : even > MOST_HEIGHT ? MOST_HEIGHT : even;
}

// Stretches what was squashed to a square of `side` pixels.
static vblip_status stretch(AVFrame *out, const uint8_t *rgb, int side, int height,
                            vblip_error *err)
{
    const uint8_t *const planes[] = {rgb};
    const int lines[] = {3 * side};
    out->format = AV_PIX_FMT_YUVJ420P;
    out->width = side;
    out->height = height;
    struct SwsContext *sws =
        sws_getContext(side, side, AV_PIX_FMT_RGB24, side, height, AV_PIX_FMT_YUVJ420P,
                       SWS_AREA, NULL, NULL, NULL);
    const bool ready = sws && av_frame_get_buffer(out, 0) >= 0;
    if (ready)
        sws_scale(sws, planes, lines, 0, side, out->data, out->linesize);
    sws_freeContext(sws);
    return ready ? VBLIP_OK : vb_fail_memory(err, "thumbnail");
}

static vblip_status copy_packet(uint8_t **bytes, size_t *size, const AVPacket *packet,
                                vblip_error *err)
{
    *bytes = malloc((size_t)packet->size);
    if (!*bytes)
        return vb_fail_memory(err, "thumbnail");
    *size = (size_t)packet->size;
    memcpy(*bytes, packet->data, *size);
    return VBLIP_OK;
}

static vblip_status encode_jpeg(uint8_t **bytes, size_t *size, AVFrame *frame,
                                vblip_error *err)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    AVCodecContext *c = codec ? avcodec_alloc_context3(codec) : NULL;
    AVPacket *packet = c ? av_packet_alloc() : NULL;
    vblip_status status = VBLIP_OK;
    int code = AVERROR(ENOMEM);
    if (!codec)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "FFmpeg has no encoder of JPEG");
    if (packet) {
        c->width = frame->width;
        c->height = frame->height;
        c->pix_fmt = (enum AVPixelFormat)frame->format;
        c->color_range = AVCOL_RANGE_JPEG;
        c->time_base = (AVRational){1, 25};
        c->flags |= AV_CODEC_FLAG_QSCALE;
        c->global_quality = JPEG_QUALITY * FF_QP2LAMBDA;
        c->log_level_offset = vb_av_log_offset();
        frame->quality = c->global_quality;
        code = avcodec_open2(c, codec, NULL);
    }
    if (code >= 0)
        code = avcodec_send_frame(c, frame);
    if (code >= 0)
        code = avcodec_send_frame(c, NULL);
    if (code >= 0)
        code = avcodec_receive_packet(c, packet);
    status = code < 0 ? vb_fail_av(err, code, "JPEG")
                      : copy_packet(bytes, size, packet, err);
    av_packet_free(&packet);
    avcodec_free_context(&c);
    return status;
}

vblip_status vb_thumbnail_check_width(uint32_t width, vblip_error *err)
{
    if (width < 16 || width > 1024 || width % 2)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "width: %u pixels, expected an even number from 16 to 1024",
                       (unsigned)width);
    return VBLIP_OK;
}

vblip_status vb_thumbnail_encode(uint8_t **bytes, size_t *size, const uint8_t *rgb,
                                 uint32_t width, uint32_t shown_width,
                                 uint32_t shown_height, vblip_error *err)
{
    *bytes = NULL;
    *size = 0;
    AVFrame *frame = av_frame_alloc();
    if (!frame)
        return vb_fail_memory(err, "thumbnail");
    vblip_status status = stretch(frame, rgb, (int)width,
                                  height_for(shown_width, shown_height, width), err);
    if (status == VBLIP_OK)
        status = encode_jpeg(bytes, size, frame, err);
    av_frame_free(&frame);
    return status;
}

static vblip_status make_of(uint8_t **bytes, size_t *size, vb_video *video,
                            int64_t time_us, uint32_t width, uint8_t *rgb,
                            vblip_error *err)
{
    const vb_video_info *info = vb_video_describe(video);
    vb_frame shown;
    const uint64_t index = info->still ? 0 : vb_video_index_at(video, time_us);
    VB_TRY(vb_video_read(video, index, rgb, &shown, err));
    return vb_thumbnail_encode(bytes, size, shown.rgb, width, info->width, info->height,
                               err);
}

vblip_status vb_thumbnail_make(uint8_t **bytes, size_t *size, const char *path,
                               int64_t time_us, uint32_t width, vblip_error *err)
{
    vb_video *video;
    const vb_decode_options options = {.side = width, .threads = 1};
    *bytes = NULL;
    *size = 0;
    uint8_t *rgb = malloc((size_t)width * width * 3 + PADDING);
    if (!rgb)
        return vb_fail_memory(err, path);
    vblip_status status = vb_video_open(&video, path, &options, err);
    if (status == VBLIP_OK)
        status = make_of(bytes, size, video, time_us, width, rgb, err);
    vb_video_close(&video);
    free(rgb);
    return status;
}
