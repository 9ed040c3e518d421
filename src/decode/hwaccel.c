#include "decode/hwaccel.h"

#include "base/text.h"
#include "decode/averror.h"
#include "decode/hwdecode.h"
#include "decode/orient.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/hwcontext.h>
#include <libavutil/pixdesc.h>

struct vb_hwaccel {
    AVBufferRef *device;
    enum AVHWDeviceType type;
    atomic_bool noted; // that something is decoded without it
};

// Frames of a device that wait to be shown: held.h, and those in work.
enum { EXTRA_FRAMES = 24 };

// -------------------------------------------------------------------------- the devices

// How `codec` decodes on devices of that type; NULL when it does not.
static const AVCodecHWConfig *hwaccel_config(const AVCodec *codec,
                                             enum AVHWDeviceType type)
{
    const AVCodecHWConfig *config;
    for (int i = 0; (config = avcodec_get_hw_config(codec, i)) != NULL; i++)
        if (config->device_type == type &&
            (config->methods & AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX))
            return config;
    return NULL;
}

// Whether a decoder that is taken for a file decodes on devices of that type.
static bool hwaccel_decodes(enum AVHWDeviceType type)
{
    static const enum AVCodecID codecs[] = {AV_CODEC_ID_H264, AV_CODEC_ID_HEVC,
                                            AV_CODEC_ID_VP9, AV_CODEC_ID_MPEG2VIDEO};
    for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
        const AVCodec *codec = avcodec_find_decoder(codecs[i]);
        if (codec && hwaccel_config(codec, type))
            return true;
    }
    return false;
}

static bool hwaccel_create(AVBufferRef **out, enum AVHWDeviceType type)
{
    *out = NULL;
    return av_hwdevice_ctx_create(out, type, NULL, NULL, 0) >= 0;
}

// The types that decode, one after another; AV_HWDEVICE_TYPE_NONE at both ends.
static enum AVHWDeviceType hwaccel_next(enum AVHWDeviceType type)
{
    do
        type = av_hwdevice_iterate_types(type);
    while (type != AV_HWDEVICE_TYPE_NONE && !hwaccel_decodes(type));
    return type;
}

void vb_hwaccel_list(int (*fn)(void *user, const char *name, bool opens), void *user)
{
    bool stop = false;
    for (enum AVHWDeviceType type = hwaccel_next(AV_HWDEVICE_TYPE_NONE);
         type != AV_HWDEVICE_TYPE_NONE && !stop; type = hwaccel_next(type)) {
        AVBufferRef *device;
        const bool opens = hwaccel_create(&device, type);
        av_buffer_unref(&device);
        stop = fn(user, av_hwdevice_get_type_name(type), opens) != 0;
    }
}

static vblip_status fail_name(const char *name, vblip_error *err)
{
    vb_string names = {0};
    vb_string_puts(&names, "none, auto");
    for (enum AVHWDeviceType type = hwaccel_next(AV_HWDEVICE_TYPE_NONE);
         type != AV_HWDEVICE_TYPE_NONE; type = hwaccel_next(type))
        vb_string_appendf(&names, ", %s", av_hwdevice_get_type_name(type));
    vb_fail(err, VBLIP_ERR_ARGUMENT,
            "hwaccel %.64s: unknown to this FFmpeg; allowed: %s", name,
            names.failed ? "" : names.bytes);
    vb_string_free(&names);
    return VBLIP_ERR_ARGUMENT;
}

static vblip_status hwaccel_find(AVBufferRef **device, enum AVHWDeviceType *type,
                                 const char *name, vblip_error *err)
{
    *type = av_hwdevice_find_type_by_name(name);
    if (*type == AV_HWDEVICE_TYPE_NONE || !hwaccel_decodes(*type))
        return fail_name(name, err);
    if (hwaccel_create(device, *type))
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_DEVICE,
                   "hwaccel %s: no such device opens; without --hwaccel the processor "
                   "decodes",
                   name);
}

vblip_status vb_hwaccel_open(vb_hwaccel **out, const char *name, vblip_error *err)
{
    AVBufferRef *device = NULL;
    enum AVHWDeviceType type = AV_HWDEVICE_TYPE_NONE;
    *out = NULL;
    if (!name || strcmp(name, "none") == 0)
        return VBLIP_OK;
    if (strcmp(name, "auto") == 0) {
        while ((type = hwaccel_next(type)) != AV_HWDEVICE_TYPE_NONE &&
               !hwaccel_create(&device, type))
            ;
        if (!device)
            return VBLIP_OK;
    } else {
        VB_TRY(hwaccel_find(&device, &type, name, err));
    }
    *out = calloc(1, sizeof **out);
    if (!*out) {
        av_buffer_unref(&device);
        return vb_fail_memory(err, "hwaccel");
    }
    (*out)->device = device;
    (*out)->type = type;
    atomic_init(&(*out)->noted, false);
    return VBLIP_OK;
}

void vb_hwaccel_close(vb_hwaccel **hwaccel)
{
    if (!*hwaccel)
        return;
    av_buffer_unref(&(*hwaccel)->device);
    free(*hwaccel);
    *hwaccel = NULL;
}

// --------------------------------------------------------------------------- the decoder

// The device's format where it is offered. libavcodec asks again without it when the device
// refuses the stream.
static enum AVPixelFormat choose_format(AVCodecContext *codec,
                                        const enum AVPixelFormat *offered)
{
    const vb_hwaccel *hwaccel = codec->opaque;
    const AVCodecHWConfig *config = hwaccel_config(codec->codec, hwaccel->type);
    for (const enum AVPixelFormat *f = offered; *f != AV_PIX_FMT_NONE; f++)
        if (config && *f == config->pix_fmt)
            return *f;
    for (; *offered != AV_PIX_FMT_NONE; offered++)
        if (!(av_pix_fmt_desc_get(*offered)->flags & AV_PIX_FMT_FLAG_HWACCEL))
            return *offered;
    return AV_PIX_FMT_NONE;
}

vblip_status vb_hwdecode_use(AVCodecContext *codec, vb_hwaccel *hwaccel,
                             vblip_error *err)
{
    if (!hwaccel_config(codec->codec, hwaccel->type))
        return VBLIP_OK;
    codec->hw_device_ctx = av_buffer_ref(hwaccel->device);
    if (!codec->hw_device_ctx)
        return vb_fail_memory(err, "hwaccel");
    codec->opaque = hwaccel;
    codec->get_format = choose_format;
    codec->extra_hw_frames = EXTRA_FRAMES;
    return VBLIP_OK;
}

void vb_hwdecode_note(char note[VB_WARNING], vb_hwaccel *hwaccel, const AVFrame *frame)
{
    if (!frame->hw_frames_ctx && !atomic_exchange(&hwaccel->noted, true))
        snprintf(note, VB_WARNING, "decoded by the processor: %s does not take it",
                 av_hwdevice_get_type_name(hwaccel->type));
}

// ---------------------------------------------------------------------------- the frames

// Formats with the two kinds of chroma side by side, and those that keep them apart.
static const struct interleaved {
    enum AVPixelFormat format, planar;
    int bytes, shift; // of a sample; its place in them
} interleaveds[] = {
    {AV_PIX_FMT_NV12, AV_PIX_FMT_YUV420P, 1, 0},
    {AV_PIX_FMT_P010LE, AV_PIX_FMT_YUV420P10LE, 2, 6},
};

// Samples `step` apart, from `from` on, to `to`.
static void copy_samples(const struct interleaved *kind, uint8_t *to,
                         const uint8_t *from, int count, int step)
{
    if (kind->bytes == 1) {
        for (int i = 0; i < count; i++)
            to[i] = from[(ptrdiff_t)i * step];
        return;
    }
    for (int i = 0; i < count; i++) {
        const uint8_t *sample = from + (ptrdiff_t)i * step * 2;
        const int value = (sample[0] | sample[1] << 8) >> kind->shift;
        to[i * 2] = (uint8_t)value;
        to[i * 2 + 1] = (uint8_t)(value >> 8);
    }
}

static vblip_status part_planes(AVFrame *out, const AVFrame *frame,
                                const struct interleaved *kind, vblip_error *err)
{
    VB_TRY(vb_frame_buffer(out, kind->planar, frame->width, frame->height, err));
    for (int plane = 0; plane < 3; plane++) {
        const int width = plane ? (frame->width + 1) / 2 : frame->width;
        const int height = plane ? (frame->height + 1) / 2 : frame->height;
        const int from = plane ? 1 : 0, offset = plane == 2 ? kind->bytes : 0;
        for (int y = 0; y < height; y++)
            copy_samples(kind, out->data[plane] + (ptrdiff_t)y * out->linesize[plane],
                         frame->data[from] + (ptrdiff_t)y * frame->linesize[from] +
                             offset,
                         width, plane ? 2 : 1);
    }
    return VBLIP_OK;
}

// As the processor's decoders lay frames out.
static vblip_status hwdecode_lay_out(AVFrame *frame, vblip_error *err)
{
    for (size_t i = 0; i < sizeof interleaveds / sizeof *interleaveds; i++) {
        if (interleaveds[i].format != frame->format)
            continue;
        AVFrame *planar = av_frame_alloc();
        if (!planar)
            return vb_fail_memory(err, "hwaccel");
        vblip_status status = part_planes(planar, frame, &interleaveds[i], err);
        if (status == VBLIP_OK && av_frame_copy_props(planar, frame) < 0)
            status = vb_fail_memory(err, "hwaccel");
        if (status == VBLIP_OK) {
            av_frame_unref(frame);
            av_frame_move_ref(frame, planar);
        }
        av_frame_free(&planar);
        return status;
    }
    return VBLIP_OK;
}

vblip_status vb_hwdecode_fetch(AVFrame **copy, const AVFrame **frame, vblip_error *err)
{
    if (!(*frame)->hw_frames_ctx && (*frame)->format != AV_PIX_FMT_NV12 &&
        (*frame)->format != AV_PIX_FMT_P010LE)
        return VBLIP_OK;
    if (!*copy)
        *copy = av_frame_alloc();
    if (!*copy)
        return vb_fail_memory(err, "hwaccel");
    av_frame_unref(*copy);
    int code = (*frame)->hw_frames_ctx ? av_hwframe_transfer_data(*copy, *frame, 0)
                                       : av_frame_ref(*copy, *frame);
    if (code >= 0)
        code = av_frame_copy_props(*copy, *frame);
    if (code >= 0)
        code = av_frame_apply_cropping(*copy, AV_FRAME_CROP_UNALIGNED);
    if (code < 0)
        return vb_fail_av(err, code, "hwaccel");
    VB_TRY(hwdecode_lay_out(*copy, err));
    *frame = *copy;
    return VBLIP_OK;
}
