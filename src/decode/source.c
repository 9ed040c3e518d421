#include "decode/source.h"

#include "base/file.h"
#include "decode/averror.h"
#include "decode/boxes.h"
#include "decode/chain.h"
#include "decode/declared.h"
#include "decode/demux.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
    vb_demux_silence(s->format, &s->quiet);
    s->format->pb = io;
    s->format->flags |= AVFMT_FLAG_CUSTOM_IO; // it is not theirs to close
    s->format->correct_ts_overflow = 0;       // clock.h does
    s->format->io_open = refuse_io;
    AVDictionary *options = NULL;
    int code = av_dict_set(&options, "format_whitelist", VB_FILE_FORMATS, 0);
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

static vblip_status open_stream(vb_source *s, vblip_error *err)
{
    VB_TRY(vb_demux_check_pixels(s->format, s->max_pixels, err));
    int code = vb_demux_find_streams(s->format);
    if (code < 0)
        return vb_fail_av(err, code, "no stream is readable");
    VB_TRY(vb_demux_check_pixels(s->format, s->max_pixels, err));
    s->stream = vb_demux_pick(s->format);
    if (!s->stream)
        return vb_fail(err, VBLIP_ERR_FORMAT, "no video stream");
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
