#include "decode/avimage.h"

#include "decode/averror.h"

#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>

// To 8 bits: PIL keeps the high byte of 16, and scales up what has fewer than 8.
static uint8_t to_byte(uint32_t value, int depth)
{
    if (depth >= 8)
        return (uint8_t)(value >> (depth - 8));
    return (uint8_t)(value * 255 / ((1U << depth) - 1));
}

static void read_palette(uint8_t *rgb, const AVFrame *frame)
{
    for (int y = 0; y < frame->height; y++) {
        const uint8_t *row = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
        for (int x = 0; x < frame->width; x++, rgb += 3) {
            uint32_t argb;
            memcpy(&argb, frame->data[1] + 4 * (size_t)row[x], 4);
            rgb[0] = (uint8_t)(argb >> 16);
            rgb[1] = (uint8_t)(argb >> 8);
            rgb[2] = (uint8_t)argb;
        }
    }
}

static void read_components(uint8_t *rgb, const AVFrame *frame, uint16_t *line,
                            const AVPixFmtDescriptor *desc)
{
    uint8_t invert = frame->format == AV_PIX_FMT_MONOWHITE ? 0xFF : 0;
    for (int y = 0; y < frame->height; y++, rgb += (size_t)frame->width * 3)
        for (int c = 0; c < 3; c++) {
            int from = (desc->flags & AV_PIX_FMT_FLAG_RGB) ? c : 0;
            av_read_image_line2(line, (const uint8_t **)(uintptr_t)frame->data,
                                frame->linesize, desc, 0, y, from, frame->width, 0,
                                sizeof *line);
            for (int x = 0; x < frame->width; x++)
                rgb[(size_t)x * 3 + (size_t)c] =
                    to_byte(line[x], desc->comp[from].depth) ^ invert;
        }
}

static vblip_status read_pixels(uint8_t *rgb, const AVFrame *frame, vblip_error *err)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    if (desc->flags & AV_PIX_FMT_FLAG_PAL) {
        read_palette(rgb, frame);
        return VBLIP_OK;
    }
    if (!(desc->flags & AV_PIX_FMT_FLAG_RGB) && desc->nb_components >= 3)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "%s pixels in an image", desc->name);
    uint16_t *line = malloc((size_t)frame->width * sizeof *line);
    if (!line)
        return vb_fail_memory(err, "image");
    read_components(rgb, frame, line, desc);
    free(line);
    return VBLIP_OK;
}

vblip_status vb_image_from_frame(vb_image *out, const AVFrame *frame, vblip_error *err)
{
    VB_TRY(vb_image_make(out, (uint32_t)frame->width, (uint32_t)frame->height,
                         UINT64_MAX, err));
    vblip_status status = read_pixels(out->rgb, frame, err);
    if (status != VBLIP_OK)
        vb_image_free(out);
    return status;
}

static vblip_status check_codec_size(const AVCodecContext *codec, uint64_t max_pixels,
                                     vblip_error *err)
{
    return vb_image_check_size(codec->width > 0 ? (uint64_t)codec->width : 0,
                               codec->height > 0 ? (uint64_t)codec->height : 0,
                               max_pixels, err);
}

// Keeps the decoder from making a picture that is larger than `opaque` says.
static int bounded_buffer(AVCodecContext *codec, AVFrame *frame, int flags)
{
    const uint64_t *max_pixels = codec->opaque;
    if (check_codec_size(codec, *max_pixels, NULL) != VBLIP_OK)
        return AVERROR(EINVAL);
    return avcodec_default_get_buffer2(codec, frame, flags);
}

static vblip_status decode_packet(AVFrame *frame, AVCodecContext *codec,
                                  const AVPacket *packet, uint64_t max_pixels,
                                  vblip_error *err)
{
    int code = avcodec_open2(codec, codec->codec, NULL);
    if (code >= 0)
        code = avcodec_send_packet(codec, packet);
    if (code >= 0)
        code = avcodec_send_packet(codec, NULL);
    if (code >= 0)
        code = avcodec_receive_frame(codec, frame);
    if (code == AVERROR(ENOMEM))
        return vb_fail_memory(err, "image");
    VB_TRY(
        check_codec_size(codec, max_pixels, err)); // first: it may be why that failed
    if (code < 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT) || frame->decode_error_flags)
        return vb_fail(err, VBLIP_ERR_FORMAT, "broken or unsupported %s image",
                       codec->codec->name);
    return VBLIP_OK;
}

static vblip_status decode_frame(AVFrame *frame, enum AVCodecID id,
                                 const AVPacket *packet, uint64_t max_pixels,
                                 vblip_error *err)
{
    const AVCodec *decoder = avcodec_find_decoder(id);
    AVCodecContext *codec = decoder ? avcodec_alloc_context3(decoder) : NULL;
    if (!codec)
        return decoder ? vb_fail_memory(err, "decoder")
                       : vb_fail(err, VBLIP_ERR_UNSUPPORTED, "no decoder for images");
    codec->thread_count = 1;
    codec->log_level_offset = vb_av_log_offset();
    codec->err_recognition = AV_EF_EXPLODE;
    codec->get_buffer2 = bounded_buffer;
    codec->opaque = &max_pixels;
    vblip_status status = decode_packet(frame, codec, packet, max_pixels, err);
    avcodec_free_context(&codec);
    return status;
}

// Decoders want the bytes padded: they read a copy.
static vblip_status decode_by_ffmpeg(vb_image *out, enum AVCodecID id,
                                     const uint8_t *file, size_t size,
                                     uint64_t max_pixels, vblip_error *err)
{
    *out = (vb_image){0};
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    vblip_status status = VBLIP_OK;
    if (!packet || !frame || av_new_packet(packet, (int)size) < 0)
        status = vb_fail_memory(err, "image");
    if (status == VBLIP_OK) {
        memcpy(packet->data, file, size);
        status = decode_frame(frame, id, packet, max_pixels, err);
    }
    if (status == VBLIP_OK)
        status = vb_image_from_frame(out, frame, err);
    av_packet_free(&packet);
    av_frame_free(&frame);
    return status;
}

static uint32_t big_endian(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

vblip_status vb_png_decode(vb_image *out, const uint8_t *file, size_t size,
                           uint64_t max_pixels, vblip_error *err)
{
    // FFmpeg refuses what is too large for it without saying so.
    *out = (vb_image){0};
    enum { WIDTH_AT = 16, HEIGHT_AT = 20, HEADER = 24 };
    if (size >= HEADER)
        VB_TRY(vb_image_check_size(big_endian(file + WIDTH_AT),
                                   big_endian(file + HEIGHT_AT), max_pixels, err));
    return decode_by_ffmpeg(out, AV_CODEC_ID_PNG, file, size, max_pixels, err);
}

vblip_status vb_bmp_decode(vb_image *out, const uint8_t *file, size_t size,
                           uint64_t max_pixels, vblip_error *err)
{
    return decode_by_ffmpeg(out, AV_CODEC_ID_BMP, file, size, max_pixels, err);
}
