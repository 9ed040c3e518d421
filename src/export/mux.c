#include "export/mux.h"

#include "base/text.h"
#include "decode/averror.h"
#include "decode/clock.h"
#include "decode/source.h"
#include "export/muxer.h"

#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>

enum {
    AHEAD_US = 1000000, // a cue is written so long before what it is shown with
    BAD_READS = 100,    // in a row, that end the reading
    MOST_BYTES = 65535  // of a cue in mp4
};

static const uint64_t most_pixels = UINT64_C(16384) * 16384;

// What a track of texts is in a container: its codec, and its clock.
static const struct text_track {
    const char *container;
    enum AVCodecID codec;
    int ticks; // a second
} text_tracks[] = {
    {"mp4", AV_CODEC_ID_MOV_TEXT, 90000},
    {"mov", AV_CODEC_ID_MOV_TEXT, 90000},
    {"matroska", AV_CODEC_ID_SUBRIP, 1000},
    {"webm", AV_CODEC_ID_WEBVTT, 1000},
};

// How a player of mp4 draws: white, of the size 18, at the bottom in the middle.
static const uint8_t mov_text_style[] = {
    0,    0,    0,    0,                      // flags
    1,    0xff,                               // in the middle, at the bottom
    0,    0,    0,    0,                      // background: none
    0,    0,    0,    0,    0,   0,   0,   0, // box: the player's own
    0,    0,    0,    0,    0,   1,   0,   18, // of all characters: font 1, plain, its size
    0xff, 0xff, 0xff, 0xff,                    // white
    0,    0,    0,    18,   'f', 't', 'a', 'b', // the fonts
    0,    1,    0,    1,    5,   'S', 'e', 'r', 'i', 'f',
};

typedef struct muxing {
    const vblip_cue *cues;
    uint32_t count, written;
    const vblip_mux_options *options;
    vb_source source;
    vb_muxer muxer;
    AVStream **to;     // [streams of the source], NULL = left out
    int64_t *last_dts; // of each
    AVStream *texts;
    const struct text_track *kind;
    int64_t zero_us; // of the source's clock, where a player begins to show the file
    AVPacket *packet, *cue;
    vb_string text;
} muxing;

// ---------------------------------------------------------------------------- streams

// What says in mp4 where chapters are: it is written anew.
static bool is_of_chapters(const AVFormatContext *from, const AVStream *stream)
{
    return from->nb_chapters && stream->codecpar->codec_id == AV_CODEC_ID_BIN_DATA;
}

static bool is_media(const AVStream *stream)
{
    const enum AVMediaType type = stream->codecpar->codec_type;
    return type == AVMEDIA_TYPE_VIDEO || type == AVMEDIA_TYPE_AUDIO ||
           type == AVMEDIA_TYPE_SUBTITLE || type == AVMEDIA_TYPE_ATTACHMENT;
}

static vblip_status check_picture(const muxing *m, vblip_error *err)
{
    const enum AVCodecID codec = m->source.stream->codecpar->codec_id;
    if (vb_muxer_takes(&m->muxer, codec))
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                   "%s cannot be copied to %s; mkv takes it", avcodec_get_name(codec),
                   m->kind->container);
}

static vblip_status mux_streams(muxing *m, uint32_t *left_out, vblip_error *err)
{
    const AVFormatContext *from = m->source.format;
    m->to = calloc(from->nb_streams, sizeof *m->to);
    m->last_dts = calloc(from->nb_streams, sizeof *m->last_dts);
    if (!m->to || !m->last_dts)
        return vb_fail_memory(err, "streams");
    VB_TRY(check_picture(m, err));
    for (unsigned i = 0; i < from->nb_streams; i++) {
        AVStream *stream = from->streams[i];
        const bool taken =
            is_media(stream) && vb_muxer_takes(&m->muxer, stream->codecpar->codec_id);
        m->last_dts[i] = INT64_MIN;
        stream->discard = taken ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
        if (taken)
            VB_TRY(vb_muxer_copy_stream(&m->to[i], &m->muxer, stream, err));
        else
            *left_out += !is_of_chapters(from, stream);
    }
    return VBLIP_OK;
}

// Players show the track by themselves where there is no other that they would.
static bool is_only_one(const muxing *m)
{
    const AVFormatContext *to = m->muxer.format;
    for (unsigned i = 0; i < to->nb_streams; i++)
        if (to->streams[i] != m->texts &&
            to->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_SUBTITLE &&
            to->streams[i]->disposition & AV_DISPOSITION_DEFAULT)
            return false;
    return true;
}

static bool set_style(AVCodecParameters *par)
{
    const size_t size = sizeof mov_text_style;
    par->extradata = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!par->extradata)
        return false;
    memcpy(par->extradata, mov_text_style, size);
    par->extradata_size = (int)size;
    return true;
}

static vblip_status add_texts(muxing *m, vblip_error *err)
{
    AVStream *stream = m->texts = avformat_new_stream(m->muxer.format, NULL);
    if (!stream)
        return vb_fail_memory(err, "subtitles");
    stream->codecpar->codec_type = AVMEDIA_TYPE_SUBTITLE;
    stream->codecpar->codec_id = m->kind->codec;
    stream->time_base = (AVRational){1, m->kind->ticks};
    if (is_only_one(m))
        stream->disposition = AV_DISPOSITION_DEFAULT;
    if ((m->kind->codec == AV_CODEC_ID_MOV_TEXT && !set_style(stream->codecpar)) ||
        av_dict_set(&stream->metadata, "language", "eng", 0) < 0 ||
        av_dict_set(&stream->metadata, "title", "vblip", 0) < 0 ||
        av_dict_set(&stream->metadata, "handler_name", "vblip", 0) < 0)
        return vb_fail_memory(err, "subtitles");
    return VBLIP_OK;
}

// --------------------------------------------------------------------------- chapters

static AVChapter *add_chapter(AVFormatContext *to)
{
    AVChapter *chapter = av_mallocz(sizeof *chapter);
    AVChapter **grown = chapter ? av_realloc_array(to->chapters, to->nb_chapters + 1,
                                                   sizeof *to->chapters)
                                : NULL;
    if (!grown) {
        av_free(chapter);
        return NULL;
    }
    to->chapters = grown;
    to->chapters[to->nb_chapters++] = chapter;
    chapter->id = to->nb_chapters;
    return chapter;
}

static bool add_new_chapter(AVFormatContext *to, const vblip_cue *cue)
{
    AVChapter *chapter = add_chapter(to);
    if (!chapter)
        return false;
    chapter->time_base = (AVRational){1, 1000};
    chapter->start = av_rescale(cue->start_us, 1, 1000);
    chapter->end = av_rescale(cue->end_us, 1, 1000);
    return av_dict_set(&chapter->metadata, "title", cue->text, 0) >= 0;
}

static bool copy_chapter(AVFormatContext *to, const AVChapter *from, int64_t zero_us)
{
    AVChapter *chapter = add_chapter(to);
    if (!chapter)
        return false;
    const int64_t zero = av_rescale_q(zero_us, AV_TIME_BASE_Q, from->time_base);
    chapter->time_base = from->time_base;
    chapter->start = from->start - zero;
    chapter->end = from->end - zero;
    return av_dict_copy(&chapter->metadata, from->metadata, 0) >= 0;
}

static vblip_status add_chapters(muxing *m, vblip_error *err)
{
    const vblip_mux_options *o = m->options;
    const AVFormatContext *from = m->source.format;
    AVFormatContext *to = m->muxer.format;
    bool ok = true;
    for (uint32_t i = 0; i < o->chapter_count && ok; i++)
        ok = add_new_chapter(to, &o->chapters[i]);
    for (unsigned i = 0; i < from->nb_chapters && ok && !o->chapter_count; i++)
        ok = copy_chapter(to, from->chapters[i], m->zero_us);
    return ok ? VBLIP_OK : vb_fail_memory(err, "chapters");
}

// ------------------------------------------------------------------------------- cues

// WebVTT reads & and < as markup, mp4 wants the size in front.
static void cue_text(muxing *m, const char *text)
{
    size_t size = strlen(text);
    vb_string_clear(&m->text);
    if (m->kind->codec == AV_CODEC_ID_MOV_TEXT) {
        while (size > MOST_BYTES || (text[size] & 0xc0) == 0x80)
            size--;
        vb_string_putc(&m->text, (char)(size >> 8));
        vb_string_putc(&m->text, (char)(size & 0xff));
    }
    if (m->kind->codec != AV_CODEC_ID_WEBVTT)
        vb_string_append(&m->text, text, size);
    else
        vb_string_append_escaped(&m->text, text, size);
}

static vblip_status write_mux_cue(muxing *m, const vblip_cue *cue, vblip_error *err)
{
    AVPacket *packet = m->cue;
    cue_text(m, cue->text);
    if (m->text.failed || av_new_packet(packet, (int)m->text.size) < 0)
        return vb_fail_memory(err, "subtitles");
    memcpy(packet->data, m->text.bytes, m->text.size);
    packet->pts = packet->dts = cue->start_us;
    packet->duration = cue->end_us - cue->start_us;
    packet->flags |= AV_PKT_FLAG_KEY;
    return vb_muxer_write(&m->muxer, m->texts, AV_TIME_BASE_Q, packet, err);
}

// Those that begin before `time_us`.
static vblip_status write_cues_before(muxing *m, int64_t time_us, vblip_error *err)
{
    while (m->written < m->count && m->cues[m->written].start_us < time_us)
        VB_TRY(write_mux_cue(m, &m->cues[m->written++], err));
    return VBLIP_OK;
}

// ---------------------------------------------------------------------------- packets

static vblip_status read_mux_packet(muxing *m, bool *got, vblip_error *err)
{
    *got = false;
    for (int bad = 0;; bad++) {
        av_packet_unref(m->packet);
        const int code = av_read_frame(m->source.format, m->packet);
        if (code == AVERROR_EOF)
            return VBLIP_OK;
        if (m->options->stopped && m->options->stopped(m->options->stopped_user))
            return vb_fail(err, VBLIP_ERR_CANCELLED, "stopped by the caller");
        if (code >= 0)
            break;
        if (bad == BAD_READS)
            return vb_fail_av(err, code, "not readable");
    }
    *got = true;
    return VBLIP_OK;
}

// Are frames decoded in another order than they are shown in?
static bool is_out_of_order(const muxing *m, const AVStream *stream)
{
    return stream == m->source.stream && stream->codecpar->video_delay > 0;
}

// An avi has the order of decoding alone.
static bool tells_when_shown(const muxing *m)
{
    return vb_is_time(m->packet->pts) &&
           strcmp(m->source.format->iformat->name, "avi") != 0;
}

static vblip_status check_times(const muxing *m, const AVStream *stream,
                                vblip_error *err)
{
    const AVPacket *packet = m->packet;
    int64_t *last = &m->last_dts[packet->stream_index];
    if (is_out_of_order(m, stream) && !tells_when_shown(m))
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "says not when its frames are shown: no copy of it can");
    if (!vb_is_time(packet->dts))
        return VBLIP_OK;
    if (packet->dts < *last)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "its clock begins anew in the middle: name a copy of it that "
                       "ffmpeg has written");
    *last = packet->dts;
    return VBLIP_OK;
}

static vblip_status write_mux_packet(muxing *m, vblip_error *err)
{
    AVPacket *packet = m->packet;
    const AVStream *from = m->source.format->streams[packet->stream_index];
    const AVStream *to = m->to[packet->stream_index];
    const int64_t zero = av_rescale_q(m->zero_us, AV_TIME_BASE_Q, from->time_base);
    VB_TRY(check_times(m, from, err));
    packet->pts -= vb_is_time(packet->pts) ? zero : 0;
    packet->dts -= vb_is_time(packet->dts) ? zero : 0;
    const int64_t time = vb_is_time(packet->dts) ? packet->dts : packet->pts;
    if (vb_is_time(time))
        VB_TRY(write_cues_before(
            m, av_rescale_q(time, from->time_base, AV_TIME_BASE_Q) + AHEAD_US, err));
    return vb_muxer_write(&m->muxer, to, from->time_base, packet, err);
}

static vblip_status mux_packets(muxing *m, vblip_error *err)
{
    const unsigned streams = m->source.format->nb_streams; // more may come to light
    for (;;) {
        bool got;
        VB_TRY(read_mux_packet(m, &got, err));
        if (!got)
            return write_cues_before(m, INT64_MAX, err);
        const unsigned at = (unsigned)m->packet->stream_index;
        if (at < streams && m->to[at])
            VB_TRY(write_mux_packet(m, err));
    }
}

// -------------------------------------------------------------------------- the whole

static const struct text_track *find_text_track(const char *container)
{
    const size_t count = sizeof text_tracks / sizeof *text_tracks;
    for (size_t i = 0; i < count; i++)
        if (strcmp(text_tracks[i].container, container) == 0)
            return &text_tracks[i];
    return NULL;
}

static vblip_status mux_all(muxing *m, uint32_t *left_out, vblip_error *err)
{
    AVFormatContext *to = m->muxer.format;
    m->packet = av_packet_alloc();
    m->cue = av_packet_alloc();
    m->kind = find_text_track(to->oformat->name);
    if (!m->kind)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "%s takes no subtitles",
                       to->oformat->name);
    if (!m->packet || !m->cue ||
        av_dict_copy(&to->metadata, m->source.format->metadata, 0))
        return vb_fail_memory(err, "packets");
    VB_TRY(mux_streams(m, left_out, err));
    VB_TRY(add_texts(m, err));
    VB_TRY(add_chapters(m, err));
    VB_TRY(vb_muxer_begin(&m->muxer, err));
    VB_TRY(mux_packets(m, err));
    return vb_muxer_finish(&m->muxer, err);
}

vblip_status vb_mux(const char *out, const char *path, const vblip_cue *cues,
                    uint32_t count, const vblip_mux_options *options,
                    uint32_t *left_out, vblip_error *err)
{
    const vb_decode_options decode = {.max_pixels = most_pixels,
                                      .stopped = options->stopped,
                                      .stopped_user = options->stopped_user};
    muxing m = {.cues = cues, .count = count, .options = options};
    VB_TRY(vb_source_open(&m.source, path, &decode, err));
    vb_reader_keep_no_more(m.source.reader);
    m.source.format->flags |= AVFMT_FLAG_GENPTS; // MPEG-PS has some of them
    if (vb_is_time(m.source.format->start_time))
        m.zero_us = m.source.format->start_time;
    vblip_status status = vb_muxer_open(&m.muxer, out, err);
    if (status == VBLIP_OK)
        status = mux_all(&m, left_out, err);
    status = vb_source_status(&m.source, status, err);
    vb_muxer_discard(&m.muxer);
    vb_source_close(&m.source);
    av_packet_free(&m.packet);
    av_packet_free(&m.cue);
    vb_string_free(&m.text);
    free(m.to);
    free(m.last_dts);
    return status;
}
