#include "export/tracks.h"

#include "decode/clock.h"

#include <string.h>

#include <libavcodec/avcodec.h>

vblip_status vb_tracks_open(vb_tracks *out, vb_muxer *muxer,
                            const vb_recording *recording, vblip_error *err)
{
    const AVFormatContext *from = recording->beside.format;
    *out = (vb_tracks){.packet = av_packet_alloc()};
    if (!out->packet)
        return vb_fail_memory(err, "packet");
    for (unsigned i = 0; i < from->nb_streams; i++) {
        const AVStream *stream = from->streams[i];
        if (!vb_recording_is_beside(stream))
            continue;
        if (out->count == VB_MOST_TRACKS ||
            !vb_muxer_takes(muxer, stream->codecpar->codec_id)) {
            out->left_out++;
            continue;
        }
        out->last[out->count] = INT64_MIN;
        VB_TRY(vb_muxer_copy_stream(&out->streams[out->count++], muxer, stream, err));
    }
    return VBLIP_OK;
}

void vb_tracks_close(vb_tracks *tracks)
{
    av_packet_free(&tracks->packet);
    *tracks = (vb_tracks){0};
}

// ------------------------------------------------------------------------ which is which

bool vb_streams_alike(const AVCodecParameters *a, const AVCodecParameters *b)
{
    return a->codec_id == b->codec_id && a->width == b->width &&
           a->height == b->height && a->sample_rate == b->sample_rate &&
           a->extradata_size == b->extradata_size &&
           (!a->extradata_size ||
            memcmp(a->extradata, b->extradata, (size_t)a->extradata_size) == 0);
}

// The n-th sound goes to the n-th sound, subtitles likewise. -1 = there is none.
static int32_t track_of(const vb_tracks *t, enum AVMediaType type, uint32_t n)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (t->streams[i]->codecpar->codec_type == type && n-- == 0)
            return (int32_t)i;
    return -1;
}

static vblip_status map_tracks(vb_tracks *t, vblip_error *err)
{
    const AVFormatContext *from = t->recording->beside.format;
    uint32_t seen[AVMEDIA_TYPE_NB] = {0};
    for (unsigned i = 0; i < VB_MOST_TRACKS; i++)
        t->to[i] = -1;
    for (unsigned i = 0; i < from->nb_streams && i < VB_MOST_TRACKS; i++) {
        const AVCodecParameters *par = from->streams[i]->codecpar;
        if (!vb_recording_is_beside(from->streams[i]))
            continue;
        const int32_t to = track_of(t, par->codec_type, seen[par->codec_type]);
        const bool taken = to >= 0 && vb_streams_alike(t->streams[to]->codecpar, par);
        if (to >= 0 && !taken && !t->left_out)
            return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                           "its %s is %s at %d Hz, that of the reel %s at %d Hz: cut "
                           "both to files of their own",
                           av_get_media_type_string(par->codec_type),
                           avcodec_get_name(par->codec_id), par->sample_rate,
                           avcodec_get_name(t->streams[to]->codecpar->codec_id),
                           t->streams[to]->codecpar->sample_rate);
        if (taken) {
            t->to[i] = to;
            seen[par->codec_type]++;
        }
    }
    return VBLIP_OK;
}

vblip_status vb_tracks_begin(vb_tracks *tracks, vb_recording *recording,
                             int64_t start_us, int64_t end_us, int64_t offset_us,
                             vblip_error *err)
{
    tracks->recording = recording;
    tracks->start_us = start_us;
    tracks->end_us = end_us;
    tracks->offset_us = offset_us;
    tracks->has_packet = false;
    tracks->ended = !tracks->count;
    VB_TRY(map_tracks(tracks, err));
    return tracks->ended ? VBLIP_OK
                         : vb_recording_seek_beside(recording, start_us, err);
}

// ----------------------------------------------------------------------------- writing

// Seconds behind the end at which no packet of any track is still to come.
static const int64_t interleaved_us = 2000000;

// Whether the packet belongs to the moment. A cue that began earlier is cut.
static bool trim_packet(const vb_tracks *t, const AVStream *stream, AVPacket *packet,
                        int64_t *time_us)
{
    const int64_t lasts =
        av_rescale_q(packet->duration, stream->time_base, AV_TIME_BASE_Q);
    if (*time_us >= t->end_us)
        return false;
    if (*time_us >= t->start_us)
        return true;
    if (stream->codecpar->codec_type != AVMEDIA_TYPE_SUBTITLE ||
        *time_us + lasts <= t->start_us)
        return false;
    packet->duration -=
        av_rescale_q(t->start_us - *time_us, AV_TIME_BASE_Q, stream->time_base);
    *time_us = t->start_us;
    return true;
}

// Reads on to the next packet of the moment.
static vblip_status tracks_read(vb_tracks *t, vblip_error *err)
{
    while (!t->has_packet && !t->ended) {
        bool got;
        VB_TRY(
            vb_recording_next_beside(&got, &t->time_us, t->recording, t->packet, err));
        t->ended = !got || t->time_us > t->end_us + interleaved_us;
        if (t->ended || t->packet->stream_index >= VB_MOST_TRACKS ||
            t->to[t->packet->stream_index] < 0)
            continue;
        const AVStream *from =
            t->recording->beside.format->streams[t->packet->stream_index];
        t->has_packet = trim_packet(t, from, t->packet, &t->time_us);
    }
    return VBLIP_OK;
}

static vblip_status write_packet_of(vb_tracks *t, vb_muxer *muxer, vblip_error *err)
{
    const int32_t to = t->to[t->packet->stream_index];
    const AVRational base =
        t->recording->beside.format->streams[t->packet->stream_index]->time_base;
    AVPacket *packet = t->packet;
    const int64_t ahead = vb_is_time(packet->pts) && vb_is_time(packet->dts)
                              ? packet->pts - packet->dts
                              : 0;
    packet->pts =
        av_rescale_q(t->time_us - t->start_us + t->offset_us, AV_TIME_BASE_Q, base);
    packet->dts = packet->pts - ahead;
    if (packet->dts <= t->last[to] && t->last[to] != INT64_MIN)
        packet->dts = t->last[to] + 1;
    if (packet->pts < packet->dts)
        packet->pts = packet->dts;
    t->last[to] = packet->dts;
    t->has_packet = false;
    return vb_muxer_write(muxer, t->streams[to], base, packet, err);
}

vblip_status vb_tracks_write(vb_tracks *tracks, vb_muxer *muxer, int64_t time_us,
                             vblip_error *err)
{
    for (;;) {
        VB_TRY(tracks_read(tracks, err));
        if (!tracks->has_packet ||
            tracks->time_us - tracks->start_us + tracks->offset_us > time_us)
            return VBLIP_OK;
        VB_TRY(write_packet_of(tracks, muxer, err));
    }
}
