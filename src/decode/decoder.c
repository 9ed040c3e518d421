#include "decode/decoder.h"

#include "decode/averror.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    BAD_RUN = 100,    // packets in a row that may fail to decode
    NEAR = 16,        // packets: a key frame this close is reached faster by decoding
    SEEK_TRIES = 4,   // before decoding starts over from the first packet
    SEEK_SKIP = 1000, // packets looked at for the key frame after a seek
    FULL = 32         // frames in front of a wanted one that are all decoded
};

static vblip_status open_codec(vb_decoder *d, uint32_t threads, vblip_error *err)
{
    const AVCodecParameters *parameters = d->source.stream->codecpar;
    const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
    if (!codec)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "no decoder for %s",
                       avcodec_get_name(parameters->codec_id));
    d->codec = avcodec_alloc_context3(codec);
    if (!d->codec)
        return vb_fail_memory(err, "decoder");
    int code = avcodec_parameters_to_context(d->codec, parameters);
    if (code < 0)
        return vb_fail_av(err, code, codec->name);
    d->codec->pkt_timebase = d->source.stream->time_base;
    d->codec->thread_count = threads < INT16_MAX ? (int)threads : INT16_MAX;
    d->codec->log_level_offset = vb_av_log_offset();
    d->codec->max_pixels = (int64_t)d->source.max_pixels;
    code = avcodec_open2(d->codec, codec, NULL);
    return code < 0 ? vb_fail_av(err, code, codec->name) : VBLIP_OK;
}

// Whether a picture that no other refers to leaves no trace when it is not decoded. Those
// of HEVC may be referred to after all, by a higher layer.
static bool can_skip(enum AVCodecID codec)
{
    return codec == AV_CODEC_ID_H264 || codec == AV_CODEC_ID_MPEG4 ||
           codec == AV_CODEC_ID_MPEG2VIDEO || codec == AV_CODEC_ID_MPEG1VIDEO;
}

static vblip_status decoder_prepare(vb_decoder *d, uint32_t threads,
                                    int64_t max_duration_us, vblip_error *err)
{
    VB_TRY(vb_packets_list(&d->packets, &d->source, max_duration_us, err));
    VB_TRY(open_codec(d, threads, err));
    d->may_skip = !d->packets.by_order && can_skip(d->codec->codec_id);
    d->packet = av_packet_alloc();
    d->shown = av_frame_alloc();
    d->ahead = av_frame_alloc();
    if (!d->packet || !d->shown || !d->ahead)
        return vb_fail_memory(err, "decoder");
    return VBLIP_OK;
}

vblip_status vb_decoder_open(vb_decoder *out, const char *path, uint32_t threads,
                             uint64_t max_pixels, int64_t max_duration_us,
                             vblip_error *err)
{
    *out = (vb_decoder){0};
    VB_TRY(vb_source_open(&out->source, path, max_pixels, err));
    vblip_status status = decoder_prepare(out, threads, max_duration_us, err);
    if (status != VBLIP_OK)
        vb_decoder_close(out);
    out->position = out->packets.count; // the index was read: start with a seek
    return status;
}

void vb_decoder_close(vb_decoder *decoder)
{
    avcodec_free_context(&decoder->codec);
    av_packet_free(&decoder->packet);
    av_frame_free(&decoder->shown);
    av_frame_free(&decoder->ahead);
    vb_packets_free(&decoder->packets);
    vb_source_close(&decoder->source);
    *decoder = (vb_decoder){0};
}

// ---------------------------------------------------------------------------- seeking

static void begin_decoding(vb_decoder *d, uint64_t position, bool from_start)
{
    avcodec_flush_buffers(d->codec);
    av_frame_unref(d->shown);
    av_frame_unref(d->ahead);
    d->has_shown = d->has_ahead = d->ended = false;
    d->has_packet = true;
    d->from_start = from_start;
    d->position = position;
    d->outputs = d->shown_index = 0;
    d->bad_run = 0;
    d->doubtful = false;
}

// Reads the next packet and says whether it is the first of the file.
static bool at_start(vb_decoder *d)
{
    return vb_source_read(&d->source, d->packet) >= 0 &&
           d->packet->pts == d->packets.first_pts &&
           d->packet->dts == d->packets.first_dts;
}

static bool seek_to_start(vb_decoder *d)
{
    int stream = d->source.stream->index;
    int64_t times[] = {d->packets.first_dts, d->packets.first_pts};
    for (size_t i = 0; i < 2; i++)
        if (times[i] != AV_NOPTS_VALUE &&
            av_seek_frame(d->source.format, stream, times[i], AVSEEK_FLAG_BACKWARD) >=
                0 &&
            at_start(d))
            return true;
    return !(d->source.format->iformat->flags & AVFMT_NO_BYTE_SEEK) &&
           av_seek_frame(d->source.format, stream, 0, AVSEEK_FLAG_BYTE) >= 0 &&
           at_start(d);
}

// Goes back to the first packet and leaves it in `packet`: by seeking, or by opening
// the file again where that does not lead there.
static vblip_status rewind_source(vb_decoder *d, vblip_error *err)
{
    if (!seek_to_start(d)) {
        VB_TRY(vb_source_reopen(&d->source, err));
        if (!at_start(d)) {
            vb_source_close(&d->source);
            return vb_fail(err, VBLIP_ERR_IO, "changed while it was read");
        }
    }
    begin_decoding(d, 0, true);
    return VBLIP_OK;
}

// Seeks to `time` and reads up to a key packet in front of packet `index`, no further
// than that. False when there is none there.
static bool seek_to_key(vb_decoder *d, int64_t time, uint64_t index)
{
    const vb_packets *p = &d->packets;
    if (av_seek_frame(d->source.format, d->source.stream->index, time,
                      AVSEEK_FLAG_BACKWARD) < 0)
        return false;
    for (int skipped = 0; skipped < SEEK_SKIP; skipped++) {
        if (vb_source_read(&d->source, d->packet) < 0)
            return false;
        uint64_t at = vb_packets_find(p, d->packet->pts);
        vb_packet *item = &p->items[at];
        if (item->time != d->packet->pts)
            continue;
        if (item->position > p->items[index].position)
            return false;
        bool key = d->packet->flags & AV_PKT_FLAG_KEY;
        if (p->through_table && !key)
            item->key = false; // the codec knows better
        if (item->key && at <= index && key) {
            begin_decoding(d, item->position, item->position == 0);
            return true;
        }
    }
    return false;
}

// The last key packet that is shown at or before `index`; `from` when none is that late.
static uint64_t last_key(const vb_packets *packets, uint64_t from, uint64_t index)
{
    while (index > from && !packets->items[index].key)
        index--;
    return index;
}

// The `back`-th key packet before the one that decoding up to `index` needs.
static uint64_t key_before(const vb_packets *packets, uint64_t index, uint32_t back)
{
    uint64_t key = last_key(packets, 0, index);
    for (uint32_t i = 0; i < back && key > 0; i++)
        key = last_key(packets, 0, key - 1);
    return key;
}

// Decoding starts at the `back`-th key packet before `index`. The container may look up
// times of presentation or of decoding, so both are tried.
static vblip_status seek_before(vb_decoder *d, uint64_t index, uint32_t back,
                                vblip_error *err)
{
    const vb_packets *p = &d->packets;
    while (!p->by_order && back < SEEK_TRIES) {
        uint64_t key = key_before(p, index, back);
        const vb_packet item = p->items[key];
        if (item.position == 0)
            break;
        if (seek_to_key(d, item.time, key) ||
            (p->reordering && seek_to_key(d, item.time - p->reordering, key)))
            return VBLIP_OK;
        if (p->items[key].key == item.key)
            break; // not because the table calls a key what is none
    }
    return rewind_source(d, err);
}

// --------------------------------------------------------------------------- decoding

// Lets the decoder pass over the picture in `packet` where only its references need it.
static void choose_skip(vb_decoder *d)
{
    bool timed = d->packet->pts != AV_NOPTS_VALUE;
    bool far = timed && vb_packets_find(&d->packets, d->packet->pts) + FULL < d->wanted;
    d->codec->skip_frame = far && d->may_skip ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
    if (!timed)
        d->doubtful = true;
}

// Gives the decoder the packet in `packet`, or reads the next one; the end of the file
// when there is none.
static vblip_status feed_decoder(vb_decoder *d, vblip_error *err)
{
    int code = AVERROR_EOF;
    if (d->has_packet)
        code = 0;
    else if (d->position < d->packets.readable)
        code = vb_source_read(&d->source, d->packet);
    d->has_packet = false;
    if (code == AVERROR(ENOMEM))
        return vb_fail_memory(err, "packet");
    if (code < 0 && code != AVERROR_EOF) { // cannot be read: the reader has moved on
        d->bad_run++;
        d->doubtful = true;
        return VBLIP_OK;
    }
    if (code == 0)
        choose_skip(d);
    if (code == 0 && !(d->packet->flags & AV_PKT_FLAG_DISCARD))
        d->position++;
    if (code == AVERROR_EOF)
        code = avcodec_send_packet(d->codec, NULL);
    else if (d->packet->size > 0) // an empty one would end the stream
        code = avcodec_send_packet(d->codec, d->packet);
    av_packet_unref(d->packet);
    if (code == AVERROR(ENOMEM))
        return vb_fail_memory(err, "decoder");
    if (code < 0 && code != AVERROR_EOF) {
        d->bad_run++;
        d->doubtful = true;
    }
    return VBLIP_OK;
}

static uint64_t index_of(const vb_decoder *d, const AVFrame *frame)
{
    const vb_packets *p = &d->packets;
    uint64_t last = p->count - 1;
    if (p->by_order)
        return d->outputs < last ? d->outputs : last;
    if (frame->pts != AV_NOPTS_VALUE)
        return vb_packets_find(p, frame->pts);
    return d->has_shown && d->shown_index < last ? d->shown_index + 1 : d->shown_index;
}

// Decodes one more frame into `ahead`, or finds the end.
static vblip_status decode_next(vb_decoder *d, vblip_error *err)
{
    while (d->bad_run < BAD_RUN) {
        int code = avcodec_receive_frame(d->codec, d->ahead);
        if (code == 0) {
            d->ahead_index = index_of(d, d->ahead);
            d->has_ahead = true;
            d->outputs++;
            d->bad_run = 0;
            if (d->ahead->decode_error_flags ||
                (d->ahead->flags & AV_FRAME_FLAG_CORRUPT))
                d->doubtful = true; // concealed with the picture before
            return VBLIP_OK;
        }
        if (code == AVERROR_EOF) {
            d->ended = true;
            return VBLIP_OK;
        }
        if (code == AVERROR(ENOMEM))
            return vb_fail_memory(err, "decoder");
        if (code == AVERROR(EAGAIN)) {
            VB_TRY(feed_decoder(d, err));
        } else {
            d->bad_run++;
            d->doubtful = true;
        }
    }
    return vb_fail(err, VBLIP_ERR_FORMAT, "%u packets in a row do not decode", BAD_RUN);
}

static void take_ahead(vb_decoder *d)
{
    av_frame_unref(d->shown);
    av_frame_move_ref(d->shown, d->ahead);
    d->shown_index = d->ahead_index;
    d->has_shown = true;
    d->has_ahead = false;
}

// Decodes until the frame shown at `index` is in `shown`. It is not there when all that
// came after the last seek is later, or when the stream ended before: `ended`.
static vblip_status roll(vb_decoder *d, uint64_t index, bool *found, vblip_error *err)
{
    *found = false;
    while (!(d->has_shown && d->shown_index == index)) {
        if (!d->has_ahead && !d->ended)
            VB_TRY(decode_next(d, err));
        if (!d->has_ahead)
            break;
        if (d->ahead_index > index && !d->has_shown && !d->from_start)
            return VBLIP_OK;
        if (d->ahead_index > index && d->has_shown)
            break;
        take_ahead(d);
        if (d->shown_index > index) // nothing earlier decodes
            break;
    }
    *found = d->has_shown;
    return VBLIP_OK;
}

// Whether to go on decoding from where we are rather than seek.
static bool is_ahead(const vb_decoder *d, uint64_t index)
{
    if (!d->has_shown || d->shown_index > index)
        return false;
    if (d->packets.by_order)
        return true;
    uint64_t key = last_key(&d->packets, d->shown_index, index);
    return key <= d->shown_index || d->packets.items[key].position < d->position + NEAR;
}

// After a seek a decoder may keep to itself the last pictures of the stream, because it
// does not trust them yet: they need a start further ahead.
static bool is_short(const vb_decoder *d, uint64_t index)
{
    return d->ended && !d->from_start && d->shown_index < index;
}

// Seeks further and further back until the frame shown at `index` decodes.
static vblip_status seek_and_roll(vb_decoder *d, uint64_t index, bool *found,
                                  vblip_error *err)
{
    *found = false;
    for (uint32_t back = 0; back <= SEEK_TRIES; back++) {
        VB_TRY(seek_before(d, index, back, err));
        VB_TRY(roll(d, index, found, err));
        if (d->from_start || (*found && !is_short(d, index)))
            break;
    }
    return VBLIP_OK;
}

// Goes on to the frame shown at `index`, or seeks.
static vblip_status decode_to(vb_decoder *d, uint64_t index, bool *found,
                              vblip_error *err)
{
    *found = false;
    if (is_ahead(d, index))
        VB_TRY(roll(d, index, found, err));
    if (!*found || is_short(d, index))
        VB_TRY(seek_and_roll(d, index, found, err));
    return VBLIP_OK;
}

// As decode_to, passing over what no other picture refers to. In a damaged stream that
// could show: then all is decoded, now and from then on.
static vblip_status skip_to(vb_decoder *d, uint64_t index, bool *found,
                            vblip_error *err)
{
    vblip_status status = decode_to(d, index, found, d->may_skip ? NULL : err);
    bool far = *found && d->shown_index + FULL < index; // it may be one passed over
    if (!d->may_skip || (status == VBLIP_OK && *found && !d->doubtful && !far))
        return status;
    d->may_skip = false;
    return seek_and_roll(d, index, found, err);
}

vblip_status vb_decoder_frame(vb_decoder *decoder, uint64_t index, const AVFrame **out,
                              vblip_error *err)
{
    *out = NULL;
    const vb_packets *packets = &decoder->packets;
    if (packets->items[index].position >= packets->readable)
        return vb_packets_fail_truncated(packets->readable, packets->count, err);
    if (!decoder->source.format)
        return vb_fail(err, VBLIP_ERR_IO, "changed while it was read");
    bool found = false;
    decoder->wanted = index;
    VB_TRY(skip_to(decoder, index, &found, err));
    if (!found)
        return vb_fail(err, VBLIP_ERR_FORMAT, "no frame decodes of %" PRIu64,
                       packets->count);
    // What the decoder swallows at the very end (a second field, a packet without a
    // picture) repeats the last frame; what is damaged there does not.
    if (decoder->ended && decoder->shown_index < index && decoder->bad_run > 0)
        return vb_packets_fail_truncated(decoder->shown_index + 1, packets->count, err);
    *out = decoder->shown;
    return VBLIP_OK;
}
