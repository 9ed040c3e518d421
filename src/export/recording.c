#include "export/recording.h"

#include "decode/averror.h"
#include "decode/clock.h"
#include "decode/seek.h"

#include <inttypes.h>

enum {
    HALF_MS_US = 500,
    CLOSING = 64,              // frames behind a moment that may refer to each other
    REORDERED_AHEAD = 16,      // packets that may be missing when they are read again
    BESIDE_EARLY_US = 2000000, // cues last, and containers interleave
    BAD_BESIDE = 100           // unreadable packets in a row that end the reading
};

static const int64_t longest_us = INT64_C(31) * 86400 * 1000000;
static const uint64_t most_pixels = UINT64_C(16384) * 16384;

// ---------------------------------------------------------------------------- opening

bool vb_recording_is_beside(const AVStream *stream)
{
    const enum AVMediaType type = stream->codecpar->codec_type;
    return type == AVMEDIA_TYPE_AUDIO || type == AVMEDIA_TYPE_SUBTITLE;
}

static void choose_beside(vb_recording *r)
{
    AVFormatContext *format = r->beside.format;
    for (unsigned i = 0; i < format->nb_streams; i++)
        format->streams[i]->discard = vb_recording_is_beside(format->streams[i])
                                          ? AVDISCARD_DEFAULT
                                          : AVDISCARD_ALL;
}

static vblip_status recording_prepare(vb_recording *r, const char *path,
                                      const vb_decode_options *options,
                                      vblip_error *err)
{
    VB_TRY(vb_packets_list(&r->packets, &r->picture, options->max_duration_us, err));
    vb_reader_keep_no_more(r->picture.reader);
    if (!r->packets.one_clock)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "its clock begins anew in the middle: cut a copy of it that "
                       "ffmpeg has written");
    VB_TRY(vb_source_open(&r->beside, path, options, err));
    vb_reader_keep_no_more(r->beside.reader);
    choose_beside(r);
    return VBLIP_OK;
}

vblip_status vb_recording_open(vb_recording *out, const char *path,
                               const vb_decode_options *options, vblip_error *err)
{
    vb_decode_options o = *options;
    o.max_pixels = o.max_pixels ? o.max_pixels : most_pixels;
    o.max_duration_us = o.max_duration_us ? o.max_duration_us : longest_us;
    *out = (vb_recording){0};
    VB_TRY(vb_source_open(&out->picture, path, &o, err));
    vblip_status status = recording_prepare(out, path, &o, err);
    status = vb_source_status(&out->picture, status, err);
    if (status != VBLIP_OK)
        vb_recording_close(out);
    return status;
}

void vb_recording_close(vb_recording *recording)
{
    vb_packets_free(&recording->packets);
    vb_source_close(&recording->picture);
    vb_source_close(&recording->beside);
    *recording = (vb_recording){0};
}

// ------------------------------------------------------------------------------ spans

// The frame that is shown at `time_us`.
static uint64_t recording_frame_at(const vb_packets *p, int64_t time_us)
{
    uint64_t low = 0, high = p->count;
    while (high - low > 1) {
        const uint64_t middle = low + (high - low) / 2;
        if (vb_packets_time_us(p, middle) <= time_us)
            low = middle;
        else
            high = middle;
    }
    return low;
}

vblip_status vb_recording_frames(vb_frame_span *out, const vb_recording *recording,
                                 int64_t start_us, int64_t end_us, vblip_error *err)
{
    const vb_packets *p = &recording->packets;
    const int64_t last_us = vb_packets_end_us(p);
    *out = (vb_frame_span){0};
    if (start_us >= last_us && p->count)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "ends at %.3f s, before the moment begins at %.3f s",
                       (double)last_us / 1e6, (double)start_us / 1e6);
    out->first = recording_frame_at(p, start_us + HALF_MS_US);
    out->end = recording_frame_at(p, end_us - HALF_MS_US) + 1;
    if (out->end <= out->first)
        out->end = out->first + 1;
    return VBLIP_OK;
}

vb_frame_span vb_recording_copied(const vb_recording *recording, vb_frame_span span)
{
    const vb_packets *p = &recording->packets;
    while (span.first > 0 && !p->items[span.first].key)
        span.first--;
    uint32_t last = 0;
    for (uint64_t i = span.first; i < span.end; i++)
        if (p->items[i].position > last)
            last = p->items[i].position;
    uint64_t far =
        span.end; // of the frames seen in front of `last`, and behind the span
    for (uint64_t i = span.end; i < p->count && i < far + CLOSING; i++) {
        if (p->items[i].position > last)
            continue;
        far = i + 1;
        for (; span.end < far; span.end++)
            if (p->items[span.end].position > last)
                last = p->items[span.end].position;
    }
    return span;
}

// ---------------------------------------------------------------------------- picture

vblip_status vb_recording_seek(vb_recording *recording, uint64_t first,
                               AVPacket *packet, vblip_error *err)
{
    vb_packets *p = &recording->packets;
    recording->has_packet = true;
    while (first > 0 && !p->by_order) {
        uint32_t found = VB_NO_FRAME;
        if (p->items[first].key && p->items[first].position > 0)
            VB_TRY(vb_seek_key(&found, &recording->picture, p, p->items[first].position,
                               packet, err));
        recording->position = found;
        if (found != VB_NO_FRAME)
            return VBLIP_OK;
        first--;
    }
    recording->position = vb_seek_first(p, 0);
    return vb_seek_start(&recording->picture, p, packet, err);
}

static vblip_status read_picture(bool *got, vb_recording *r, AVPacket *packet,
                                 vblip_error *err)
{
    *got = true;
    if (r->has_packet) {
        r->has_packet = false;
        return VBLIP_OK;
    }
    const int code = vb_source_read(&r->picture, packet);
    *got = code >= 0;
    if (code == AVERROR_EOF || code >= 0)
        return VBLIP_OK;
    return vb_source_status(&r->picture, vb_fail_av(err, code, "not readable"), err);
}

// Sets the position to that of the packet that was read, which is mostly the one behind
// the last.
static void find_packet(vb_recording *r, const AVPacket *packet)
{
    r->position = vb_seek_first(&r->packets, (uint32_t)r->position);
    if (r->position < r->packets.positions &&
        r->packets.marks[r->position].byte == packet->pos)
        return;
    const uint32_t at =
        vb_seek_position(&r->packets, packet, r->position + REORDERED_AHEAD);
    if (at != VB_NO_FRAME && at > r->position)
        r->position = at;
}

vblip_status vb_recording_next(bool *got, uint64_t *frame, vb_recording *recording,
                               AVPacket *packet, vblip_error *err)
{
    const vb_packets *p = &recording->packets;
    for (;;) {
        VB_TRY(read_picture(got, recording, packet, err));
        if (!*got)
            return VBLIP_OK;
        *frame = VB_NO_FRAME;
        if (packet->flags & AV_PKT_FLAG_DISCARD)
            return VBLIP_OK;
        find_packet(recording, packet);
        if (recording->position >= p->positions)
            continue;
        *frame = p->frames[recording->position++];
        if (*frame != VB_NO_FRAME)
            return VBLIP_OK;
    }
}

// ------------------------------------------------------------------ sound and subtitles

// The clock of the file at the first frame, in microseconds.
static int64_t zero_us(const vb_recording *r)
{
    return av_rescale_q(r->packets.items[0].time, r->packets.time_base, AV_TIME_BASE_Q);
}

vblip_status vb_recording_seek_beside(vb_recording *recording, int64_t start_us,
                                      vblip_error *err)
{
    vb_source *s = &recording->beside;
    const int64_t wanted = zero_us(recording) + start_us - BESIDE_EARLY_US;
    if (start_us > BESIDE_EARLY_US)
        for (unsigned i = 0; i < s->format->nb_streams; i++) {
            const AVStream *stream = s->format->streams[i];
            const int64_t time =
                av_rescale_q(wanted, AV_TIME_BASE_Q, stream->time_base);
            if (vb_recording_is_beside(stream) &&
                av_seek_frame(s->format, (int)i, time, AVSEEK_FLAG_BACKWARD) >= 0)
                return VBLIP_OK;
        }
    VB_TRY(vb_source_reopen(s, err));
    choose_beside(recording);
    return VBLIP_OK;
}

vblip_status vb_recording_next_beside(bool *got, int64_t *time_us,
                                      vb_recording *recording, AVPacket *packet,
                                      vblip_error *err)
{
    vb_source *s = &recording->beside;
    *got = false;
    for (int bad = 0; bad < BAD_BESIDE; bad++) {
        av_packet_unref(packet);
        const int code = av_read_frame(s->format, packet);
        if (code == AVERROR_EOF)
            return VBLIP_OK;
        if (code < 0) {
            VB_TRY(vb_source_status(s, VBLIP_OK, err));
            continue;
        }
        const AVStream *stream = s->format->streams[packet->stream_index];
        const int64_t time = vb_is_time(packet->pts) ? packet->pts : packet->dts;
        if (!vb_recording_is_beside(stream) || !vb_is_time(time)) {
            bad--;
            continue;
        }
        *got = true;
        *time_us =
            av_rescale_q(time, stream->time_base, AV_TIME_BASE_Q) - zero_us(recording);
        return VBLIP_OK;
    }
    return VBLIP_OK;
}
