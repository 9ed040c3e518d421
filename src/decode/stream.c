#include "decode/stream.h"

#include "base/cores.h"
#include "base/timing.h"
#include "decode/averror.h"
#include "decode/demux.h"
#include "decode/hwdecode.h"
#include "decode/orient.h"
#include "decode/scale.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>

enum {
    PIPE_BUFFER = 65536,
    ASK_MS = 100,     // between questions whether to stop
    MOST_THREADS = 4, // of a decoder: each holds a picture back
    BAD_RUN =
        1000 // failures in a row, without a picture, that end what is no network's
};
static const uint64_t max_pixels = 16384 * 16384;
static const double connect_s = 10, silence_s = 10, blind_s = 30;

// Streams, beside files that come over a network. What they refer to is opened by the
// protocols below: no file of this machine.
static const char stream_formats[] =
    VB_FILE_FORMATS ",rtsp,rtp,hls,dash,mpjpeg,mjpeg,live_flv,webvtt";
static const char protocols[] = "http,https,httpproxy,rtmp,rtmps,rtmpt,rtmpts,"
                                "ffrtmphttp,rtp,srtp,srt,tcp,tls,udp,crypto";

struct vb_stream {
    vb_stream_options options;
    bool piped; // standard input
    bool got;   // anything from it
    bool live;
    AVFormatContext *format;
    AVIOContext *io; // of standard input
    AVClass quiet;
    AVStream *stream;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame, *fetched;
    vb_scaler scaler, small_scaler;
    uint32_t orientation;
    bool draining;
    uint32_t bad; // failures since the last picture
    // When waiting ends, by vb_now_s; 0 = never. What it was for is said then.
    double packet_until_s, picture_until_s;
    bool silent, blind; // it was waited for in vain
};

// ---------------------------------------------------------------------------- waiting

static bool stream_stopped(const vb_stream *s)
{
    return s->options.stopped && s->options.stopped(s->options.stopped_user);
}

static bool is_past(double until_s)
{
    return until_s > 0 && vb_now_s() > until_s;
}

// What was waited for in vain is kept: libavformat may hand on what it still has, and fail
// later.
static int stream_interrupt(void *stream)
{
    vb_stream *s = stream;
    s->silent = s->silent || is_past(s->packet_until_s);
    s->blind = s->blind || is_past(s->picture_until_s);
    return stream_stopped(s) || s->silent || s->blind;
}

static void wait_for(vb_stream *s, double packet_s, double picture_s)
{
    const double now_s = vb_now_s();
    s->packet_until_s = s->piped ? 0 : now_s + packet_s;
    s->picture_until_s = s->piped ? 0 : now_s + picture_s;
}

// The failure `code` of FFmpeg while the stream was read, or opened.
static vblip_status stream_fail(const vb_stream *s, int code, const char *what,
                                vblip_error *err)
{
    if (stream_stopped(s))
        return vb_fail(err, VBLIP_ERR_CANCELLED, "stopped by the caller");
    if (s->silent)
        return s->stream
                   ? vb_fail(err, VBLIP_ERR_IO, "nothing came for %g s", silence_s)
                   : vb_fail(err, VBLIP_ERR_IO, "no answer within %g s", connect_s);
    if (s->blind)
        return vb_fail(err, VBLIP_ERR_IO, "no picture could be decoded for %g s",
                       blind_s);
    if (code == AVERROR_EOF)
        return vb_fail(err, VBLIP_ERR_IO, "the other side ended it");
    const bool strange =
        code == AVERROR_INVALIDDATA || (code == AVERROR(EINVAL) && !s->stream);
    if (s->piped && strange)
        return vb_fail(
            err, VBLIP_ERR_FORMAT, "%s",
            s->got ? "not a video that can be read as it comes; of an mp4 whose "
                     "index is at its end make a matroska or mpegts stream"
                   : "nothing came");
    if (strange && !s->stream)
        return vb_fail(err, VBLIP_ERR_FORMAT, "no stream of video that can be read");
    if (code == AVERROR(EIO) &&
        !s->stream) // what FFmpeg says of a name it cannot look up
        return vb_fail(err, VBLIP_ERR_IO,
                       "not reachable; is the name of its host right?");
    char words[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(code, words, sizeof words);
    const vblip_status status = code == AVERROR(ENOMEM)       ? VBLIP_ERR_MEMORY
                                : code == AVERROR_INVALIDDATA ? VBLIP_ERR_FORMAT
                                                              : VBLIP_ERR_IO;
    return what ? vb_fail(err, status, "%s: %s", what, words)
                : vb_fail(err, status, "%s", words);
}

// --------------------------------------------------------------------- standard input

static int pipe_read(void *stream, uint8_t *bytes, int size)
{
    vb_stream *s = stream;
    struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
    for (;;) {
        if (stream_stopped(s))
            return AVERROR_EXIT;
        const int come = poll(&ready, 1, ASK_MS);
        if (come == 0 || (come < 0 && errno == EINTR))
            continue;
        const ssize_t got = come < 0 ? -1 : read(STDIN_FILENO, bytes, (size_t)size);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        s->got = s->got || got > 0;
        return got < 0 ? AVERROR(errno) : got == 0 ? AVERROR_EOF : (int)got;
    }
}

// Of a file that standard input was redirected from.
static int64_t pipe_seek(void *stream, int64_t offset, int whence)
{
    (void)stream;
    struct stat st;
    if (whence == AVSEEK_SIZE)
        return fstat(STDIN_FILENO, &st) == 0 ? (int64_t)st.st_size : AVERROR(errno);
    const off_t at = lseek(STDIN_FILENO, (off_t)offset, whence & ~AVSEEK_FORCE);
    return at < 0 ? AVERROR(errno) : (int64_t)at;
}

static vblip_status open_pipe(vb_stream *s, vblip_error *err)
{
    struct stat st;
    if (isatty(STDIN_FILENO))
        return vb_fail(err, VBLIP_ERR_IO,
                       "standard input is a terminal; pipe a video into it");
    const bool file = fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode);
    uint8_t *buffer = av_malloc(PIPE_BUFFER);
    s->io = buffer ? avio_alloc_context(buffer, PIPE_BUFFER, 0, s, pipe_read, NULL,
                                        file ? pipe_seek : NULL)
                   : NULL;
    if (!s->io) {
        av_free(buffer);
        return vb_fail_memory(err, "standard input");
    }
    s->format->pb = s->io;
    s->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    return VBLIP_OK;
}

// --------------------------------------------------------------------------- opening

static bool has_scheme(const char *address, const char *scheme)
{
    const size_t size = strlen(scheme);
    return strncasecmp(address, scheme, size) == 0;
}

static int set_stream_options(AVDictionary **out, const vb_stream *s)
{
    int code = av_dict_set(out, "format_whitelist",
                           s->piped ? VB_FILE_FORMATS : stream_formats, 0);
    if (code >= 0)
        code = av_dict_set(out, "protocol_whitelist", s->piped ? "none" : protocols, 0);
    if (code >= 0) // UDP loses packets, and firewalls keep it out
        code = av_dict_set(out, "rtsp_flags", "prefer_tcp", 0);
    return code;
}

// Of what a web server has the length may be known: that is a file.
static bool comes_for_ever(const vb_stream *s, const char *address)
{
    if (s->piped)
        return false;
    if (!has_scheme(address, "http:") && !has_scheme(address, "https:"))
        return true;
    const char *name = s->format->iformat->name;
    if (strcmp(name, "hls") == 0 || strcmp(name, "dash") == 0)
        return s->format->duration <= 0;
    return !s->format->pb || avio_size(s->format->pb) <= 0;
}

static vblip_status open_demuxer(vb_stream *s, const char *address, vblip_error *err)
{
    AVDictionary *options = NULL;
    s->format = avformat_alloc_context();
    if (!s->format)
        return vb_fail_memory(err, "demuxer");
    vb_demux_silence(s->format, &s->quiet);
    s->format->interrupt_callback = (AVIOInterruptCB){stream_interrupt, s};
    if (s->piped)
        VB_TRY(open_pipe(s, err));
    int code = set_stream_options(&options, s);
    if (code >= 0) // frees `format` when it fails
        code =
            avformat_open_input(&s->format, s->piped ? NULL : address, NULL, &options);
    av_dict_free(&options);
    return code < 0 ? stream_fail(s, code, NULL, err) : VBLIP_OK;
}

static vblip_status find_pictures(vb_stream *s, vblip_error *err)
{
    VB_TRY(vb_demux_check_pixels(s->format, max_pixels, err));
    const int code = vb_demux_find_streams(s->format);
    if (code < 0)
        return stream_fail(s, code, "no stream is readable", err);
    if (stream_interrupt(s)) // which looks no further then, and says nothing
        return stream_fail(s, 0, NULL, err);
    VB_TRY(vb_demux_check_pixels(s->format, max_pixels, err));
    s->stream = vb_demux_pick(s->format);
    if (!s->stream)
        return vb_fail(err, VBLIP_ERR_FORMAT, "no video in it, only %s",
                       s->format->nb_streams ? "sound or data" : "nothing");
    s->orientation = vb_demux_orientation(s->stream);
    return VBLIP_OK;
}

static vblip_status open_stream_codec(vb_stream *s, vblip_error *err)
{
    const AVCodecParameters *parameters = s->stream->codecpar;
    const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
    if (!codec)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "no decoder for %s",
                       avcodec_get_name(parameters->codec_id));
    s->codec = avcodec_alloc_context3(codec);
    s->packet = av_packet_alloc();
    s->frame = av_frame_alloc();
    if (!s->codec || !s->packet || !s->frame ||
        avcodec_parameters_to_context(s->codec, parameters) < 0)
        return vb_fail_memory(err, "decoder");
    const uint32_t cores = vb_core_count();
    s->codec->pkt_timebase = s->stream->time_base;
    s->codec->thread_count = (int)(cores < MOST_THREADS ? cores : MOST_THREADS);
    s->codec->log_level_offset = vb_av_log_offset();
    s->codec->max_pixels = (int64_t)max_pixels;
    if (s->options.hwaccel)
        VB_TRY(vb_hwdecode_use(s->codec, s->options.hwaccel, err));
    const int code = avcodec_open2(s->codec, codec, NULL);
    return code < 0 ? vb_fail_av(err, code, codec->name) : VBLIP_OK;
}

static vblip_status connect_stream(vb_stream *s, const char *address, vblip_error *err)
{
    wait_for(s, connect_s, connect_s);
    VB_TRY(open_demuxer(s, address, err));
    wait_for(s, blind_s, blind_s);
    VB_TRY(find_pictures(s, err));
    s->live = comes_for_ever(s, address);
    return open_stream_codec(s, err);
}

vblip_status vb_stream_open(vb_stream **out, const char *address,
                            const vb_stream_options *options, vblip_error *err)
{
    *out = NULL;
    vb_stream *s = calloc(1, sizeof *s);
    if (!s)
        return vb_fail_memory(err, "stream");
    s->options = *options;
    s->piped = strcmp(address, "-") == 0;
    const vblip_status status = connect_stream(s, address, err);
    if (status != VBLIP_OK) {
        vb_stream_close(&s);
        return status;
    }
    *out = s;
    return VBLIP_OK;
}

void vb_stream_close(vb_stream **stream)
{
    vb_stream *s = *stream;
    if (!s)
        return;
    wait_for(s, 1, 1); // to say good-bye
    avcodec_free_context(&s->codec);
    avformat_close_input(&s->format);
    if (s->io)
        av_freep(&s->io->buffer);
    avio_context_free(&s->io);
    av_packet_free(&s->packet);
    av_frame_free(&s->frame);
    av_frame_free(&s->fetched);
    vb_scaler_free(&s->scaler);
    vb_scaler_free(&s->small_scaler);
    free(s);
    *stream = NULL;
}

bool vb_stream_is_live(const vb_stream *stream)
{
    return stream->live;
}

// --------------------------------------------------------------------------- reading

// Gives the decoder one more packet of the stream. What it finds wrong with it is damage.
static vblip_status stream_next_packet(vb_stream *s, vblip_error *err)
{
    for (;;) {
        av_packet_unref(s->packet);
        const int code = av_read_frame(s->format, s->packet);
        if (code == AVERROR(EAGAIN))
            continue;
        if (code < 0 && (code != AVERROR_EOF || s->live || stream_interrupt(s)))
            return stream_fail(s, code, NULL, err);
        s->draining = code < 0;
        if (code >= 0 && s->packet->stream_index != s->stream->index)
            continue;
        if (!s->piped)
            s->packet_until_s = vb_now_s() + silence_s;
        s->bad += avcodec_send_packet(s->codec, s->draining ? NULL : s->packet) < 0;
        return VBLIP_OK;
    }
}

// The next picture, whatever it is, in s->frame.
static vblip_status decode_picture(vb_stream *s, bool *ended, vblip_error *err)
{
    for (;;) {
        const int code = avcodec_receive_frame(s->codec, s->frame);
        *ended = code == AVERROR_EOF;
        if (code >= 0 || *ended)
            return VBLIP_OK;
        if (code == AVERROR(ENOMEM))
            return vb_fail_memory(err, "pictures");
        s->bad += code != AVERROR(EAGAIN);
        if (stream_interrupt(s))
            return stream_fail(s, 0, NULL, err);
        if (s->piped && s->bad > BAD_RUN)
            return vb_fail(err, VBLIP_ERR_IO, "damaged: no picture in %d packets",
                           BAD_RUN);
        if (code == AVERROR(EAGAIN) && !s->draining)
            VB_TRY(stream_next_packet(s, err));
    }
}

static bool picture_is_whole(const AVFrame *frame)
{
    return !frame->decode_error_flags && !(frame->flags & AV_FRAME_FLAG_CORRUPT);
}

static int64_t picture_span_us(const vb_stream *s)
{
    const AVRational rate = av_guess_frame_rate(s->format, s->stream, NULL);
    const int64_t span =
        rate.num > 0 && rate.den > 0 ? av_rescale(1000000, rate.den, rate.num) : 40000;
    return span < 1000 ? 1000 : span > 10000000 ? 10000000 : span;
}

static int64_t picture_time(const vb_stream *s, vb_stream_pace *pace)
{
    const int64_t says = s->frame->best_effort_timestamp;
    const vb_live_tick tick = {
        .says_us = says == AV_NOPTS_VALUE
                       ? VB_NO_TIME
                       : av_rescale_q(says, s->stream->time_base, AV_TIME_BASE_Q),
        .now_us = s->live ? (int64_t)(vb_now_s() * 1e6) : VB_NO_TIME,
        .span_us = picture_span_us(s),
    };
    const int64_t time_us = vb_live_clock_step(&pace->clock, &tick);
    pace->end_us = time_us + tick.span_us;
    return time_us;
}

static vblip_status show_picture(vb_stream *s, uint8_t *rgb, uint8_t *small,
                                 vb_picture *out, vblip_error *err)
{
    const AVFrame *frame = s->frame;
    const bool turned = (s->orientation & VB_TRANSPOSE) != 0;
    if (s->options.hwaccel)
        VB_TRY(vb_hwdecode_fetch(&s->fetched, &frame, err));
    out->width = (uint32_t)(turned ? frame->height : frame->width);
    out->height = (uint32_t)(turned ? frame->width : frame->height);
    VB_TRY(vb_scaler_run(&s->scaler, rgb, s->options.side, frame, s->orientation, err));
    return s->options.small_side
               ? vb_scaler_run(&s->small_scaler, small, s->options.small_side, frame,
                               s->orientation, err)
               : VBLIP_OK;
}

vblip_status vb_stream_read(vb_stream *stream, vb_stream_pace *pace, uint8_t *rgb,
                            uint8_t *small, vb_picture *out, bool *ended,
                            vblip_error *err)
{
    *out = (vb_picture){0};
    wait_for(stream, silence_s, blind_s);
    for (;;) {
        VB_TRY(decode_picture(stream, ended, err));
        if (*ended)
            return pace->clock.started
                       ? VBLIP_OK
                       : vb_fail(err, VBLIP_ERR_FORMAT, "no picture in it");
        out->time_us = picture_time(stream, pace);
        if (!picture_is_whole(stream->frame))
            continue;
        stream->bad = 0;
        wait_for(stream, silence_s, blind_s);
        if (out->time_us >= pace->due_us)
            break;
    }
    pace->due_us += stream->options.every_us;
    if (pace->due_us <= out->time_us)
        pace->due_us = out->time_us + stream->options.every_us;
    return show_picture(stream, rgb, small, out, err);
}
