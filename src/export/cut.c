#include "export/cut.h"

#include "decode/clock.h"
#include "export/encoder.h"
#include "export/tracks.h"

#include <stdlib.h>

struct vb_cut {
    vb_cut_plan plan;
    vb_muxer muxer;
    vb_tracks tracks;
    vb_encoder encoder;
    AVStream *picture; // of the muxer
    bool begun;
    int64_t end_us;   // of what was written: the next moment begins there
    int64_t last_dts; // of the picture, in its stream's time base when it was copied
};

vblip_status vb_cut_open(vb_cut **out, const char *path, const vb_cut_plan *plan,
                         vblip_error *err)
{
    vb_cut *cut = calloc(1, sizeof *cut);
    *out = cut;
    if (!cut)
        return vb_fail_memory(err, path);
    cut->plan = *plan;
    cut->last_dts = INT64_MIN;
    const vblip_status status = vb_muxer_open(&cut->muxer, path, err);
    if (status != VBLIP_OK)
        vb_cut_discard(out);
    return status;
}

static void cut_free(vb_cut **cut)
{
    vb_tracks_close(&(*cut)->tracks);
    vb_encoder_close(&(*cut)->encoder);
    free(*cut);
    *cut = NULL;
}

void vb_cut_discard(vb_cut **cut)
{
    if (!*cut)
        return;
    vb_muxer_discard(&(*cut)->muxer);
    cut_free(cut);
}

vblip_status vb_cut_finish(vb_cut **cut, vblip_error *err)
{
    vb_cut *c = *cut;
    vblip_status status = VBLIP_OK;
    if (c->plan.exact)
        status = vb_encoder_drain(&c->encoder, &c->muxer, err);
    if (status == VBLIP_OK)
        status = vb_muxer_finish(&c->muxer, err);
    vb_cut_discard(cut);
    return status;
}

// The streams are those of the first recording.
static vblip_status begin_file(vb_cut *c, const vb_recording *r, vblip_error *err)
{
    if (c->plan.exact) {
        VB_TRY(vb_encoder_open(&c->encoder, &c->muxer, r, err));
        c->picture = c->encoder.stream;
    } else if (!vb_muxer_takes(&c->muxer, r->picture.stream->codecpar->codec_id)) {
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "%s cannot be copied to %s",
                       avcodec_get_name(r->picture.stream->codecpar->codec_id),
                       c->muxer.format->oformat->name);
    } else {
        VB_TRY(vb_muxer_copy_stream(&c->picture, &c->muxer, r->picture.stream, err));
    }
    VB_TRY(vb_tracks_open(&c->tracks, &c->muxer, r, err));
    if (av_dict_copy(&c->muxer.format->metadata, r->picture.format->metadata, 0) < 0)
        return vb_fail_memory(err, "tags");
    VB_TRY(vb_muxer_begin(&c->muxer, err));
    c->begun = true;
    return VBLIP_OK;
}

// Whether the picture of `r` can go on where that of the file ends.
static vblip_status check_alike(const vb_cut *c, const vb_recording *r,
                                vblip_error *err)
{
    const AVCodecParameters *is = r->picture.stream->codecpar;
    const AVCodecParameters *wanted = c->picture->codecpar;
    const bool sized = is->width == wanted->width && is->height == wanted->height;
    if (c->plan.exact ? sized : vb_streams_alike(is, wanted))
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                   "its picture is %s of %dx%d, that of the reel %s of %dx%d%s",
                   avcodec_get_name(is->codec_id), is->width, is->height,
                   avcodec_get_name(wanted->codec_id), wanted->width, wanted->height,
                   sized && !c->plan.exact
                       ? ", or made otherwise: an exact reel joins them"
                       : ": cut both to files of their own");
}

static vblip_status cut_stopped(const vb_cut *c, vblip_error *err)
{
    if (c->plan.stopped && c->plan.stopped(c->plan.stopped_user))
        return vb_fail(err, VBLIP_ERR_CANCELLED, "stopped by the caller");
    return VBLIP_OK;
}

// The picture of a span on its way into the file. Where the container does not say when
// its packets are decoded, the n-th is when the n-th frame is shown, less `delay`.
typedef struct copied_span {
    vb_cut *cut;
    vb_recording *recording;
    vb_frame_span span;
    int64_t later; // ticks from a time in the recording to that in the file
    int64_t delay;
    uint64_t copied; // frames so far
    bool tells;      // the container does say
    AVPacket *packet;
} copied_span;

// By how much a frame is shown before the place that it is decoded at, at most.
static int64_t reorder_delay(const vb_packets *p, vb_frame_span span)
{
    uint64_t n = span.first;
    int64_t delay = 0;
    for (uint64_t at = p->items[span.first].position; at < p->positions && n < span.end;
         at++) {
        const uint64_t frame = p->frames[at];
        if (frame < span.first || frame >= span.end) // VB_NO_FRAME is
            continue;
        const int64_t late = p->items[n++].time - p->items[frame].time;
        delay = late > delay ? late : delay;
    }
    return delay;
}

static int64_t decode_time(const copied_span *x, int64_t shown)
{
    const AVPacket *packet = x->packet;
    const int64_t pts = vb_is_time(packet->pts) ? packet->pts : shown;
    if (x->tells && vb_is_time(packet->dts))
        return shown - (pts - packet->dts);
    return x->recording->packets.items[x->span.first + x->copied].time - x->delay;
}

// Writes the packet that was read, of a frame that is shown at `shown`.
static vblip_status write_picture(copied_span *x, int64_t shown, vblip_error *err)
{
    vb_cut *c = x->cut;
    const AVRational base = x->recording->packets.time_base;
    AVPacket *packet = x->packet;
    packet->dts = decode_time(x, shown) + x->later;
    packet->pts = shown + x->later;
    if (packet->dts <= c->last_dts && c->last_dts != INT64_MIN)
        packet->dts = c->last_dts + 1;
    if (packet->pts < packet->dts)
        packet->pts = packet->dts;
    c->last_dts = packet->dts;
    VB_TRY(vb_tracks_write(&c->tracks, &c->muxer,
                           av_rescale_q(packet->pts, base, AV_TIME_BASE_Q), err));
    return vb_muxer_write(&c->muxer, c->picture, base, packet, err);
}

static vblip_status copy_packets(copied_span *x, vblip_error *err)
{
    const vb_packets *p = &x->recording->packets;
    const uint64_t wanted = x->span.end - x->span.first;
    VB_TRY(vb_recording_seek(x->recording, x->span.first, x->packet, err));
    x->tells = vb_is_time(x->packet->dts);
    while (x->copied < wanted) {
        bool got;
        uint64_t frame;
        VB_TRY(cut_stopped(x->cut, err));
        VB_TRY(vb_recording_next(&got, &frame, x->recording, x->packet, err));
        if (!got)
            return vb_packets_fail_truncated(x->copied, wanted, err);
        const bool unseen = frame == VB_NO_FRAME && x->span.first == 0;
        if (unseen) { // it is decoded for others
            VB_TRY(write_picture(x, x->packet->pts, err));
        } else if (frame >= x->span.first && frame < x->span.end) {
            VB_TRY(write_picture(x, p->items[frame].time, err));
            x->copied++;
        }
    }
    return VBLIP_OK;
}

static vblip_status copy_span(vb_cut *c, vb_recording *r, vb_frame_span span,
                              vblip_error *err)
{
    const vb_packets *p = &r->packets;
    copied_span x = {
        .cut = c,
        .recording = r,
        .span = span,
        .later = av_rescale_q(c->end_us, AV_TIME_BASE_Q, p->time_base) -
                 p->items[span.first].time,
        .delay = reorder_delay(p, span),
        .packet = av_packet_alloc(),
    };
    if (!x.packet)
        return vb_fail_memory(err, "packet");
    const vblip_status status = copy_packets(&x, err);
    av_packet_free(&x.packet);
    return status;
}

static int64_t span_end_us(const vb_packets *p, vb_frame_span span)
{
    return span.end < p->count ? vb_packets_time_us(p, span.end) : vb_packets_end_us(p);
}

static vblip_status add_moment(vb_cut *c, vb_recording *r, int64_t start_us,
                               int64_t end_us, vb_cut_done *done, vblip_error *err)
{
    const vb_packets *p = &r->packets;
    vb_frame_span span;
    if (p->by_order && !c->plan.exact)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "says not when its frames are shown: only an exact cut is "
                       "possible");
    VB_TRY(vb_recording_frames(&span, r, start_us, end_us, err));
    if (!c->plan.exact)
        span = vb_recording_copied(r, span);
    *done = (vb_cut_done){.start_us = vb_packets_time_us(p, span.first),
                          .end_us = span_end_us(p, span)};
    if (c->begun)
        VB_TRY(check_alike(c, r, err));
    else
        VB_TRY(begin_file(c, r, err));
    done->left_out = c->tracks.left_out;
    VB_TRY(
        vb_tracks_begin(&c->tracks, r, done->start_us, done->end_us, c->end_us, err));
    if (c->plan.exact)
        VB_TRY(vb_encoder_add(&c->encoder, &c->muxer, &c->tracks, r, span, c->end_us,
                              err));
    else
        VB_TRY(copy_span(c, r, span, err));
    VB_TRY(vb_tracks_write(&c->tracks, &c->muxer, INT64_MAX, err));
    c->end_us += done->end_us - done->start_us;
    return VBLIP_OK;
}

vblip_status vb_cut_add(vb_cut *cut, const char *path, int64_t start_us, int64_t end_us,
                        vb_cut_done *done, vblip_error *err)
{
    const vb_decode_options options = {.stopped = cut->plan.stopped,
                                       .stopped_user = cut->plan.stopped_user};
    vb_recording recording;
    *done = (vb_cut_done){0};
    VB_TRY(vb_recording_open(&recording, path, &options, err));
    vblip_status status = add_moment(cut, &recording, start_us, end_us, done, err);
    status = vb_source_status(&recording.picture, status, err);
    vb_recording_close(&recording);
    return status;
}
