#include "decode/source.h"

#include "base/file.h"
#include "decode/averror.h"
#include "decode/boxes.h"
#include "decode/chain.h"
#include "decode/declared.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// Demuxers of files that hold recordings, or sound that is to be told from them. Not
// here on purpose: playlists and scripts (hls, dash, concat, sdp), which open other
// files, and text that FFmpeg draws (tty, subtitles).
static const char formats[] =
    "mov,matroska,avi,mpeg,mpegts,asf,flv,ogg,gif,mxf,nut,ivf,dv,rm,wtv,h264,hevc,m4v,"
    "mpegvideo,yuv4mpegpipe,mp3,wav,flac,aac,ac3";

// Begins a playlist that FFmpeg 7 complains of on standard error, whatever the log level.
static const char hls[] = "#EXTM3U";

static int refuse_io(AVFormatContext *format, AVIOContext **out, const char *url,
                     int flags, AVDictionary **options)
{
    (void)format, (void)url, (void)flags, (void)options;
    *out = NULL;
    return AVERROR(EPERM);
}

// What a file that no demuxer takes is, by its first bytes.
static vblip_status fail_format(const uint8_t *head, vblip_error *err)
{
    if (vb_box_begins_file((const char *)head + 4))
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "mp4 without its index (moov): cut short or never finished");
    const char *instead = vb_file_instead(head, VB_DECLARED_HEAD);
    return vb_fail(err, VBLIP_ERR_FORMAT, "%s",
                   instead ? instead : "not a video or image");
}

// Demuxers have no log level of their own, but a class could say where it is: in a field
// that is for muxers only.
static void silence_format(vb_source *s)
{
    s->quiet = *s->format->av_class;
    if (s->quiet.version > LIBAVUTIL_VERSION_INT)
        s->quiet.version = LIBAVUTIL_VERSION_INT; // of the fields that were copied
    s->quiet.log_level_offset_offset =
        offsetof(AVFormatContext, metadata_header_padding);
    s->format->av_class = &s->quiet;
    s->format->metadata_header_padding = vb_av_log_offset();
}

static bool is_flv(const vb_source *s)
{
    return strcmp(s->format->iformat->name, "flv") == 0;
}

static vblip_status open_format(vb_source *s, vblip_error *err)
{
    uint8_t head[VB_DECLARED_HEAD] = {0};
    int64_t second = -1;
    s->last_byte = -1;
    AVIOContext *io = vb_reader_io(s->reader);
    io->error = 0;
    int got = avio_seek(io, 0, SEEK_SET) < 0 ? -1 : avio_read(io, head, sizeof head);
    if (got >= 0) // libavformat finds boxes behind others that it does not know, too
        VB_TRY(vb_boxes_check(&second, io, avio_size(io), err));
    if (got >= 0 && second < 0)
        second = vb_chain_joined(s->reader);
    if (second >= 0) {
        s->unread = avio_size(io) - second;
        vb_reader_end_at(s->reader, second);
    }
    if (got < 0 || avio_seek(io, 0, SEEK_SET) < 0)
        return vb_fail(err, VBLIP_ERR_IO, "not readable");
    uint64_t declared = vb_declared_size(head, (size_t)got);
    int64_t size = avio_size(io);
    s->cut =
        size >= 0 && declared > (uint64_t)size + 8; // some writers are a little off
    if (memcmp(head, hls, sizeof hls - 1) == 0)
        return fail_format(head, err);
    s->format = avformat_alloc_context();
    if (!s->format)
        return vb_fail_memory(err, "demuxer");
    silence_format(s);
    s->format->pb = io;
    s->format->flags |= AVFMT_FLAG_CUSTOM_IO; // it is not theirs to close
    s->format->correct_ts_overflow = 0;       // clock.h does
    s->format->io_open = refuse_io;
    AVDictionary *options = NULL;
    int code = av_dict_set(&options, "format_whitelist", formats, 0);
    if (code >= 0) // frees `format` when it fails
        code = avformat_open_input(&s->format, NULL, NULL, &options);
    av_dict_free(&options);
    if (code == AVERROR(ENOMEM) || code == AVERROR(EIO))
        return vb_fail_av(err, code, "not readable");
    if (code < 0)
        return fail_format(head, err);
    if (is_flv(s)) // a parser would read a joined recording by the header of the first
        s->format->flags |= AVFMT_FLAG_NOPARSE;
    for (unsigned i = 0; i < s->format->nb_streams; i++)
        s->indexed =
            s->indexed || avformat_index_get_entries_count(s->format->streams[i]);
    return VBLIP_OK;
}

static bool is_video(const AVStream *stream)
{
    return stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
           !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC);
}

static vblip_status check_pixels(const AVFormatContext *format, uint64_t max_pixels,
                                 vblip_error *err)
{
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVCodecParameters *p = format->streams[i]->codecpar;
        uint64_t w = p->width > 0 ? (uint64_t)p->width : 0;
        uint64_t h = p->height > 0 ? (uint64_t)p->height : 0;
        if (is_video(format->streams[i]) && w * h > max_pixels)
            return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                           "%" PRIu64 "x%" PRIu64 " pixels, at most %" PRIu64
                           " in all are read",
                           w, h, max_pixels);
    }
    return VBLIP_OK;
}

// FFmpeg's choice, unless that is cover art.
static AVStream *pick_stream(AVFormatContext *format)
{
    int best = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (best >= 0 && is_video(format->streams[best]))
        return format->streams[best];
    for (unsigned i = 0; i < format->nb_streams; i++)
        if (is_video(format->streams[i]))
            return format->streams[i];
    return NULL;
}

// As avformat_find_stream_info, whose decoders log nothing.
static int find_stream_info(AVFormatContext *format)
{
    const unsigned count = format->nb_streams; // more may be found
    AVDictionary **options = calloc(count ? count : 1, sizeof *options);
    int code = options ? 0 : AVERROR(ENOMEM);
    for (unsigned i = 0; code >= 0 && i < count; i++)
        code = av_dict_set_int(&options[i], "log_level_offset", vb_av_log_offset(), 0);
    if (code >= 0)
        code = avformat_find_stream_info(format, options);
    for (unsigned i = 0; options && i < count; i++)
        av_dict_free(&options[i]);
    free(options);
    return code;
}

static vblip_status open_stream(vb_source *s, vblip_error *err)
{
    VB_TRY(check_pixels(s->format, s->max_pixels, err));
    int code = find_stream_info(s->format);
    if (code < 0)
        return vb_fail_av(err, code, "no stream is readable");
    VB_TRY(check_pixels(s->format, s->max_pixels, err));
    s->stream = pick_stream(s->format);
    if (!s->stream)
        return vb_fail(err, VBLIP_ERR_FORMAT, "no video stream");
    for (unsigned i = 0; i < s->format->nb_streams; i++)
        if (s->format->streams[i] != s->stream)
            s->format->streams[i]->discard = AVDISCARD_ALL;
    return VBLIP_OK;
}

vblip_status vb_source_open(vb_source *out, const char *path,
                            const vb_decode_options *options, vblip_error *err)
{
    *out = (vb_source){.max_pixels = options->max_pixels};
    VB_TRY(vb_reader_open(&out->reader, path, err));
    vb_reader_ask(out->reader, options->stopped, options->stopped_user);
    vblip_status status = VBLIP_OK;
    if (options->keep_bytes)
        status = vb_reader_hash(out->reader, err);
    if (status == VBLIP_OK)
        status = vb_source_status(out, vb_source_reopen(out, err), err);
    if (status != VBLIP_OK)
        vb_source_close(out);
    return status;
}

vblip_status vb_source_reopen(vb_source *source, vblip_error *err)
{
    avformat_close_input(&source->format);
    vblip_status status = open_format(source, err);
    if (status == VBLIP_OK)
        status = open_stream(source, err);
    if (status != VBLIP_OK)
        avformat_close_input(&source->format);
    return status;
}

vblip_status vb_source_status(const vb_source *source, vblip_status status,
                              vblip_error *err)
{
    if (!source->reader || !vb_reader_stopped(source->reader)) // NULL once it is closed
        return status;
    vb_error_reset(err); // of what came of it
    return vb_fail(err, VBLIP_ERR_CANCELLED, "stopped by the caller");
}

void vb_source_close(vb_source *source)
{
    avformat_close_input(&source->format);
    vb_reader_close(&source->reader);
    *source = (vb_source){0};
}

// libavformat ends an FLV where another one is joined to it: goes on behind the header of
// that one. False when there is none.
static bool begin_next(vb_source *s)
{
    int64_t header;
    if (!is_flv(s))
        return false;
    const int64_t at =
        vb_chain_second(s->reader, s->format->iformat->name, s->last_byte, &header);
    if (at < 0)
        return false;
    s->last_byte = at + header;
    return avio_seek(s->format->pb, s->last_byte, SEEK_SET) >= 0;
}

int vb_source_read(vb_source *source, AVPacket *packet)
{
    for (;;) {
        av_packet_unref(packet);
        int code = av_read_frame(source->format, packet);
        if (code == AVERROR_EOF && begin_next(source))
            continue;
        if (code < 0)
            return code;
        if (packet->stream_index != source->stream->index)
            continue;
        if (packet->pos >= 0)
            source->last_byte = packet->pos;
        return 0;
    }
}
