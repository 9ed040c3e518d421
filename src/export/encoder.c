#include "export/encoder.h"

#include "decode/averror.h"

#include <errno.h>
#include <inttypes.h>

#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

enum {
    MOST_TICKS = 60000, // a second, of MPEG-4, whose clock has 16 bits
    QUALITY = 2         // of MPEG-4: 1 best, 31 worst
};
static const char quality_of_x264[] =
    "18"; // of 0 to 51: hardly to be told from the source

// ---------------------------------------------------------------------------- opening

// What the encoder takes without loss of colour, else what every player shows.
static enum AVPixelFormat choose_pixels(const AVCodec *codec,
                                        const AVCodecParameters *p)
{
    const enum AVPixelFormat *known = NULL;
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100) // FFmpeg 7.1
    const void *list = NULL;
    if (avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_PIX_FORMAT, 0, &list,
                                     NULL) >= 0)
        known = list;
#else
    known = codec->pix_fmts;
#endif
    const bool odd = p->width % 2 || p->height % 2;
    const AVPixFmtDescriptor *is = av_pix_fmt_desc_get((enum AVPixelFormat)p->format);
    const bool halved = is && (is->log2_chroma_w || is->log2_chroma_h);
    for (; known && *known != AV_PIX_FMT_NONE; known++)
        if ((int)*known == p->format &&
            !(odd && halved && codec->id == AV_CODEC_ID_H264))
            return *known;
    return odd && codec->id == AV_CODEC_ID_H264 ? AV_PIX_FMT_YUV444P
                                                : AV_PIX_FMT_YUV420P;
}

static AVRational rate_of(const AVStream *stream)
{
    const AVRational rate = stream->avg_frame_rate;
    return rate.num > 0 && rate.den > 0 ? rate : (AVRational){25, 1};
}

static void describe_encoder(AVCodecContext *c, const AVCodec *codec,
                             const AVStream *from, bool global_header)
{
    const AVCodecParameters *p = from->codecpar;
    const bool fine = codec->id == AV_CODEC_ID_H264 && from->time_base.den <= 1000000 &&
                      from->time_base.num == 1;
    c->width = p->width;
    c->height = p->height;
    c->pix_fmt = choose_pixels(codec, p);
    c->sample_aspect_ratio = from->sample_aspect_ratio;
    c->color_range = p->color_range;
    c->color_primaries = p->color_primaries;
    c->color_trc = p->color_trc;
    c->colorspace = p->color_space;
    c->framerate = rate_of(from);
    c->time_base = fine ? from->time_base : (AVRational){1, MOST_TICKS};
    c->log_level_offset = vb_av_log_offset();
    if (global_header)
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (codec->id == AV_CODEC_ID_MPEG4) {
        c->flags |= AV_CODEC_FLAG_QSCALE;
        c->global_quality = QUALITY * FF_QP2LAMBDA;
    } else {
        av_opt_set(c->priv_data, "crf", quality_of_x264, 0);
    }
}

vblip_status vb_encoder_open(vb_encoder *out, vb_muxer *muxer,
                             const vb_recording *recording, vblip_error *err)
{
    const AVStream *from = recording->picture.stream;
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    if (!codec)
        codec = avcodec_find_encoder(AV_CODEC_ID_MPEG4);
    *out = (vb_encoder){.last_time = INT64_MIN};
    if (!codec)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "FFmpeg has no encoder of H.264 or MPEG-4: cut without exact");
    out->codec = avcodec_alloc_context3(codec);
    out->scaled = av_frame_alloc();
    out->stream = avformat_new_stream(muxer->format, NULL);
    if (!out->codec || !out->scaled || !out->stream)
        return vb_fail_memory(err, "encoder");
    describe_encoder(out->codec, codec, from,
                     muxer->format->oformat->flags & AVFMT_GLOBALHEADER);
    const int code = avcodec_open2(out->codec, codec, NULL);
    if (code < 0)
        return vb_fail_av(err, code, codec->name);
    out->frame_ticks =
        av_rescale_q(1, av_inv_q(out->codec->framerate), out->codec->time_base);
    out->stream->time_base = out->codec->time_base;
    out->stream->avg_frame_rate = from->avg_frame_rate;
    VB_TRY(vb_muxer_copy_tags(out->stream, from, err));
    if (avcodec_parameters_from_context(out->stream->codecpar, out->codec) < 0)
        return vb_fail_memory(err, "encoder");
    return VBLIP_OK;
}

void vb_encoder_close(vb_encoder *encoder)
{
    avcodec_free_context(&encoder->codec);
    av_frame_free(&encoder->scaled);
    sws_freeContext(encoder->scale);
    *encoder = (vb_encoder){0};
}

// --------------------------------------------------------------------------- encoding

// Writes the packets that are ready; `packet` is room for them.
static vblip_status write_ready(vb_encoder *e, vb_muxer *muxer, AVPacket *packet,
                                vblip_error *err)
{
    for (;;) {
        av_packet_unref(packet);
        const int code = avcodec_receive_packet(e->codec, packet);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
            return VBLIP_OK;
        if (code < 0)
            return vb_fail_av(err, code, e->codec->codec->name);
        if (!packet->duration)
            packet->duration = e->frame_ticks;
        VB_TRY(vb_muxer_write(muxer, e->stream, e->codec->time_base, packet, err));
    }
}

// The picture in the encoder's pixels: itself, or scaled. NULL on failure.
static AVFrame *fit_pixels(vb_encoder *e, AVFrame *frame, vblip_error *err)
{
    const AVCodecContext *c = e->codec;
    if (frame->format == c->pix_fmt && frame->width == c->width &&
        frame->height == c->height)
        return frame;
    e->scale = sws_getCachedContext(
        e->scale, frame->width, frame->height, (enum AVPixelFormat)frame->format,
        c->width, c->height, c->pix_fmt, SWS_BICUBIC, NULL, NULL, NULL);
    av_frame_unref(e->scaled);
    e->scaled->format = c->pix_fmt;
    e->scaled->width = c->width;
    e->scaled->height = c->height;
    int code = e->scale ? av_frame_get_buffer(e->scaled, 0) : AVERROR(ENOMEM);
    if (code >= 0)
        code = sws_scale(e->scale, (const uint8_t *const *)frame->data, frame->linesize,
                         0, frame->height, e->scaled->data, e->scaled->linesize);
    if (code >= 0)
        return e->scaled;
    (void)!vb_fail_av(err, code, "picture");
    return NULL;
}

static vblip_status encode_picture(vb_encoder *e, vb_muxer *muxer, AVFrame *frame,
                                   int64_t time, AVPacket *packet, vblip_error *err)
{
    AVFrame *fit = fit_pixels(e, frame, err);
    if (!fit)
        return err ? err->status : VBLIP_ERR_FORMAT;
    fit->pts = time > e->last_time ? time : e->last_time + 1;
    fit->pict_type = AV_PICTURE_TYPE_NONE;
    e->last_time = fit->pts;
    const int code = avcodec_send_frame(e->codec, fit);
    return code < 0 ? vb_fail_av(err, code, e->codec->codec->name)
                    : write_ready(e, muxer, packet, err);
}

vblip_status vb_encoder_drain(vb_encoder *encoder, vb_muxer *muxer, vblip_error *err)
{
    AVPacket *packet = av_packet_alloc();
    if (!packet)
        return vb_fail_memory(err, "packet");
    const int code = avcodec_send_frame(encoder->codec, NULL);
    const vblip_status status = code < 0
                                    ? vb_fail_av(err, code, encoder->codec->codec->name)
                                    : write_ready(encoder, muxer, packet, err);
    av_packet_free(&packet);
    return status;
}

// --------------------------------------------------------------------------- decoding

// The pictures of a span on their way from one codec to the other.
typedef struct exact_span {
    vb_encoder *encoder;
    vb_muxer *muxer;
    vb_tracks *tracks;
    vb_recording *recording;
    vb_frame_span span;
    int64_t offset; // of the first, in the encoder's time base
    AVCodecContext *decoder;
    AVPacket *in, *out;
    AVFrame *frame;
    uint64_t decoded; // pictures so far
    uint64_t encoded;
} exact_span;

static vblip_status open_decoder(exact_span *x, vblip_error *err)
{
    const AVCodecParameters *par = x->recording->picture.stream->codecpar;
    const AVCodec *codec = avcodec_find_decoder(par->codec_id);
    if (!codec)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "no decoder for %s",
                       avcodec_get_name(par->codec_id));
    x->decoder = avcodec_alloc_context3(codec);
    if (!x->decoder || avcodec_parameters_to_context(x->decoder, par) < 0)
        return vb_fail_memory(err, "decoder");
    x->decoder->pkt_timebase = x->recording->packets.time_base;
    x->decoder->thread_count = 0;
    x->decoder->log_level_offset = vb_av_log_offset();
    const int code = avcodec_open2(x->decoder, codec, NULL);
    return code < 0 ? vb_fail_av(err, code, codec->name) : VBLIP_OK;
}

// Where a picture comes in the recording: before, in or behind the span.
typedef enum place { PLACE_BEFORE, PLACE_IN, PLACE_BEHIND } place;

// A picture is known by the index of its frame, which it was decoded with for a time.
static place place_picture(const exact_span *x, uint64_t *index)
{
    const bool by_order = x->recording->packets.by_order;
    *index = by_order ? x->decoded - 1 : (uint64_t)x->frame->pts;
    if (!by_order && x->frame->pts < 0) // of a packet that is not shown, or was lost
        return PLACE_BEFORE;
    if (*index < x->span.first)
        return PLACE_BEFORE;
    return *index < x->span.end ? PLACE_IN : PLACE_BEHIND;
}

// Takes what the decoder has ready; `done` once a picture behind the span came.
static vblip_status take_pictures(exact_span *x, bool *done, vblip_error *err)
{
    const vb_packets *p = &x->recording->packets;
    while (!*done) {
        uint64_t index;
        if (avcodec_receive_frame(x->decoder, x->frame) < 0)
            return VBLIP_OK;
        x->decoded++;
        const place where = place_picture(x, &index);
        *done = where == PLACE_BEHIND;
        const bool whole =
            !x->frame->decode_error_flags && !(x->frame->flags & AV_FRAME_FLAG_CORRUPT);
        if (where == PLACE_IN && whole) {
            const int64_t since =
                av_rescale_q(p->items[index].time - p->items[x->span.first].time,
                             p->time_base, x->encoder->codec->time_base);
            VB_TRY(vb_tracks_write(x->tracks, x->muxer,
                                   av_rescale_q(x->offset + since,
                                                x->encoder->codec->time_base,
                                                AV_TIME_BASE_Q),
                                   err));
            VB_TRY(encode_picture(x->encoder, x->muxer, x->frame, x->offset + since,
                                  x->out, err));
            x->encoded++;
        }
        av_frame_unref(x->frame);
    }
    return VBLIP_OK;
}

static vblip_status feed_exact(exact_span *x, vblip_error *err)
{
    bool got = true, done = false;
    while (got && !done) {
        uint64_t frame;
        VB_TRY(vb_recording_next(&got, &frame, x->recording, x->in, err));
        if (got) {
            x->in->pts = frame == VB_NO_FRAME ? -1 : (int64_t)frame;
            x->in->dts = AV_NOPTS_VALUE;
            if (x->in->size == 0) // would end the stream
                continue;
        }
        // What does not decode is missed below.
        if (avcodec_send_packet(x->decoder, got ? x->in : NULL) == AVERROR(ENOMEM))
            return vb_fail_memory(err, "decoder");
        VB_TRY(take_pictures(x, &done, err));
    }
    return VBLIP_OK;
}

// Pictures that are to be there.
static uint64_t count_shown(const vb_packets *p, vb_frame_span span)
{
    uint64_t shown = 0;
    for (uint64_t i = span.first; i < span.end; i++)
        shown += !p->items[i].silent;
    return shown;
}

static vblip_status add_exact(exact_span *x, vblip_error *err)
{
    const uint64_t wanted = count_shown(&x->recording->packets, x->span);
    x->in = av_packet_alloc();
    x->out = av_packet_alloc();
    x->frame = av_frame_alloc();
    if (!x->in || !x->out || !x->frame)
        return vb_fail_memory(err, "picture");
    VB_TRY(open_decoder(x, err));
    const vb_frame_span copied = vb_recording_copied(x->recording, x->span);
    VB_TRY(vb_recording_seek(x->recording, copied.first, x->in, err));
    VB_TRY(feed_exact(x, err));
    if (x->encoded < wanted)
        return vb_fail(err, VBLIP_ERR_IO,
                       "damaged: %" PRIu64 " of %" PRIu64 " frames decode", x->encoded,
                       wanted);
    return VBLIP_OK;
}

vblip_status vb_encoder_add(vb_encoder *encoder, vb_muxer *muxer, vb_tracks *tracks,
                            vb_recording *recording, vb_frame_span span,
                            int64_t offset_us, vblip_error *err)
{
    exact_span x = {
        .encoder = encoder,
        .muxer = muxer,
        .tracks = tracks,
        .recording = recording,
        .span = span,
        .offset = av_rescale_q(offset_us, AV_TIME_BASE_Q, encoder->codec->time_base),
    };
    const vblip_status status = add_exact(&x, err);
    avcodec_free_context(&x.decoder);
    av_packet_free(&x.in);
    av_packet_free(&x.out);
    av_frame_free(&x.frame);
    return status;
}
