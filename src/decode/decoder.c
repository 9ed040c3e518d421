#include "decode/decoder.h"

#include "decode/averror.h"
#include "decode/hwdecode.h"
#include "decode/nal.h"
#include "decode/seek.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    BAD_RUN = 100,  // failures in a row without progress that end the stream
    NEAR = 16,      // packets: a key frame this close is reached faster by decoding
    SEEK_TRIES = 4, // before decoding starts over from the first packet
    RESYNC = 64,    // packets that may be missing when they are read again
    THREADS = 32    // packets that a decoder may have in work
};

// Whether a decoder whose threads have a picture each hands one out before it is known to
// be damaged. (That of H.264 may as well, but much is found beforehand: has_hole.)
static bool conceals_late(enum AVCodecID codec)
{
    return codec == AV_CODEC_ID_MPEG4 || codec == AV_CODEC_ID_MPEG2VIDEO ||
           codec == AV_CODEC_ID_MPEG1VIDEO || codec == AV_CODEC_ID_H263;
}

static vblip_status open_codec(vb_decoder *d, vblip_error *err)
{
    const AVCodec *codec = avcodec_find_decoder(d->parameters->codec_id);
    if (!codec)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "no decoder for %s",
                       avcodec_get_name(d->parameters->codec_id));
    avcodec_free_context(&d->codec);
    d->used = false;
    d->codec = avcodec_alloc_context3(codec);
    if (!d->codec)
        return vb_fail_memory(err, "decoder");
    int code = avcodec_parameters_to_context(d->codec, d->parameters);
    if (code < 0)
        return vb_fail_av(err, code, codec->name);
    d->codec->pkt_timebase = d->packets.time_base;
    d->codec->thread_count = d->threads < INT16_MAX ? (int)d->threads : INT16_MAX;
    d->codec->log_level_offset = vb_av_log_offset();
    d->codec->max_pixels = (int64_t)d->source.max_pixels;
    if (conceals_late(codec->id))
        d->codec->thread_type = FF_THREAD_SLICE;
    if (d->hwaccel && !d->careful) // it would not tell of damage
        VB_TRY(vb_hwdecode_use(d->codec, d->hwaccel, err));
    code = avcodec_open2(d->codec, codec, NULL);
    return code < 0 ? vb_fail_av(err, code, codec->name) : VBLIP_OK;
}

// Whether a picture that no other refers to leaves no trace when it is not decoded.
static bool can_skip(enum AVCodecID codec)
{
    return codec == AV_CODEC_ID_H264 || codec == AV_CODEC_ID_HEVC ||
           codec == AV_CODEC_ID_MPEG4 || codec == AV_CODEC_ID_MPEG2VIDEO ||
           codec == AV_CODEC_ID_MPEG1VIDEO;
}

static vblip_status decoder_prepare(vb_decoder *d, int64_t max_duration_us,
                                    vblip_error *err)
{
    d->parameters = avcodec_parameters_alloc();
    d->packet = av_packet_alloc();
    d->shown = av_frame_alloc();
    d->ahead = av_frame_alloc();
    if (!d->parameters || !d->packet || !d->shown || !d->ahead ||
        avcodec_parameters_copy(d->parameters, d->source.stream->codecpar) < 0)
        return vb_fail_memory(err, "decoder");
    VB_TRY(vb_packets_list(&d->packets, &d->source, max_duration_us, err));
    VB_TRY(open_codec(d, err));
    d->may_skip = !d->packets.by_order && can_skip(d->codec->codec_id);
    return VBLIP_OK;
}

vblip_status vb_decoder_open(vb_decoder *out, const char *path,
                             const vb_decode_options *options, vblip_error *err)
{
    *out = (vb_decoder){.threads = options->threads, .hwaccel = options->hwaccel};
    VB_TRY(vb_source_open(&out->source, path, options, err));
    vblip_status status = decoder_prepare(out, options->max_duration_us, err);
    status = vb_source_status(&out->source, status, err);
    if (status == VBLIP_OK && options->keep_bytes)
        vb_reader_roll(out->source.reader, options->keep_bytes);
    if (status != VBLIP_OK)
        vb_decoder_close(out);
    out->position = out->packets.positions; // the index was read: start with a seek
    return status;
}

void vb_decoder_close(vb_decoder *decoder)
{
    avcodec_free_context(&decoder->codec);
    avcodec_parameters_free(&decoder->parameters);
    av_packet_free(&decoder->packet);
    av_frame_free(&decoder->shown);
    av_frame_free(&decoder->ahead);
    vb_held_free(&decoder->held);
    vb_packets_free(&decoder->packets);
    vb_source_close(&decoder->source);
    *decoder = (vb_decoder){0};
}

// ---------------------------------------------------------------------------- seeking

// Tells the codec, with the packet in `packet`, what holds from `position` on where that
// is not the same everywhere.
static void tell_header(vb_decoder *d, uint64_t position)
{
    const vb_packets *p = &d->packets;
    const uint8_t *bytes = d->parameters->extradata;
    size_t size = (size_t)d->parameters->extradata_size;
    for (size_t i = 0; i < p->header_count && p->headers[i].position <= position; i++) {
        bytes = p->headers[i].bytes;
        size = p->headers[i].size;
    }
    if (p->header_count == 0 || size == 0)
        return;
    uint8_t *room = av_packet_new_side_data(d->packet, AV_PKT_DATA_NEW_EXTRADATA, size);
    if (room) // else it is out of memory, which decoding will find
        memcpy(room, bytes, size);
}

// Decoding begins with the packet in `packet`.
static void begin_decoding(vb_decoder *d, uint64_t position, bool from_start)
{
    tell_header(d, position);
    avcodec_flush_buffers(d->codec);
    av_frame_unref(d->shown);
    av_frame_unref(d->ahead);
    vb_held_clear(&d->held);
    d->has_shown = d->has_ahead = d->ended = false;
    d->has_packet = true;
    d->position = d->begun = position;
    d->sure = from_start ? 0 : VB_NO_FRAME;
    d->outputs = d->packets.by_order ? position : 0;
    d->shown_index = 0;
    d->restart = d->unskip = d->skipped = d->passing = d->draining = false;
    d->bad_from = d->bad_to = d->resumed = VB_NO_FRAME;
}

static vblip_status begin_at_start(vb_decoder *d, vblip_error *err)
{
    VB_TRY(vb_seek_start(&d->source, &d->packets, d->packet, err));
    if (d->used) // it would know parameter sets that come only later
        VB_TRY(open_codec(d, err));
    begin_decoding(d, vb_seek_first(&d->packets, 0), true);
    return VBLIP_OK;
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

// Decoding starts at the `back`-th key packet before `index`.
static vblip_status seek_before(vb_decoder *d, uint64_t index, uint32_t back,
                                vblip_error *err)
{
    vb_packets *p = &d->packets;
    while (!p->by_order && back < SEEK_TRIES) {
        const vb_packet item = p->items[key_before(p, index, back)];
        uint32_t found;
        if (item.position == 0 || !item.key)
            break;
        VB_TRY(vb_seek_key(&found, &d->source, p, item.position, d->packet, err));
        if (found != VB_NO_FRAME) {
            if (d->careful &&
                d->used) // what it keeps is part of what it tells of damage
                VB_TRY(open_codec(d, err));
            begin_decoding(d, found, found == 0);
            return VBLIP_OK;
        }
    }
    return begin_at_start(d, err);
}

uint64_t vb_decoder_cost(const vb_decoder *decoder, uint64_t last, uint64_t index)
{
    const vb_packets *p = &decoder->packets;
    const uint64_t key = p->by_order ? 0 : last_key(p, 0, index);
    const bool seeks = last == UINT64_MAX || last > index || key > last;
    return seeks ? index - key + 1 : index - last;
}

vblip_status vb_decoder_use_threads(vb_decoder *decoder, uint32_t threads,
                                    vblip_error *err)
{
    if (decoder->careful || decoder->threads == threads)
        return VBLIP_OK;
    decoder->threads = threads;
    decoder->has_shown = false; // begins with a seek
    return open_codec(decoder, err);
}

uint64_t vb_decoder_next_key(const vb_decoder *decoder, uint64_t index)
{
    const vb_packets *p = &decoder->packets;
    while (index < p->count && (p->by_order ? index > 0 : !p->items[index].key))
        index++;
    return index;
}

uint64_t vb_decoder_place(const vb_decoder *decoder, uint64_t index)
{
    const vb_packets *p = &decoder->packets;
    const uint32_t position = p->items[index].position;
    const int64_t byte = position < p->positions ? p->marks[position].byte : 0;
    return byte > 0 ? (uint64_t)byte : 0;
}

bool vb_decoder_has_large(const vb_decoder *decoder, uint64_t from, uint64_t end)
{
    const vb_packets *p = &decoder->packets;
    for (uint64_t i = from; i < end && i < p->count; i++)
        if (p->items[i].large)
            return true;
    return false;
}

// ----------------------------------------------------------------------------- damage

static vb_packet *frame_at(const vb_decoder *d, uint64_t position)
{
    if (position >= d->packets.positions || d->packets.frames[position] == VB_NO_FRAME)
        return NULL;
    return &d->packets.items[d->packets.frames[position]];
}

// Whether the picture at `position` refers to what is before the packet that decoding
// began with at `start`: it is decoded behind that one, and shown before it.
static bool is_leading(const vb_decoder *d, uint64_t position, uint64_t start)
{
    return start != VB_NO_FRAME && position > start &&
           position < d->packets.positions &&
           d->packets.frames[position] < d->packets.frames[start];
}

// Whether nothing is to be expected of the picture at `position`: decoding began too
// late for it.
static bool is_too_early(const vb_decoder *d, uint64_t position)
{
    return d->sure != 0 && is_leading(d, position, d->begun);
}

// The packet at `position` is damaged, or made the decoder find that something it refers
// to is. Nothing is believed of it and what follows, up to the next key packet.
static void note_damage(vb_decoder *d, uint64_t position)
{
    if (is_too_early(d, position))
        return;
    if (!d->careful) {
        d->restart = true;
        return;
    }
    d->bad_from = position;
    d->bad_to = VB_NO_FRAME;
    for (uint64_t i = position; d->packets.by_order && i-- > 0;) {
        if (position - i > VB_REORDERED)
            break;
        d->packets.items[i].unsure = true;
    }
    for (uint64_t i = position; i < d->position; i++) {
        vb_packet *item = frame_at(d, i);
        if (item && item->key && i > position) {
            d->bad_to = i;
            return;
        }
        if (item && i >= d->sure)
            item->lost = true;
    }
    d->passing = true;
}

static bool is_bad(const vb_decoder *d, uint64_t position)
{
    return position >= d->bad_from && position < d->bad_to &&
           d->bad_from != VB_NO_FRAME;
}

// From now on one thread decodes everything.
static vblip_status become_careful(vb_decoder *d, vblip_error *err)
{
    d->may_skip = false;
    d->restart = false;
    if (d->careful)
        return VBLIP_OK;
    d->careful = true;
    d->threads = 1;
    return open_codec(d, err);
}

// --------------------------------------------------------------------------- decoding

// Whether the picture in `packet`, which is shown before the one that is wanted, is left
// out: no other refers to it. A packet that is known to hold such a one is not sent at all:
// threads that take turns with a picture each would have nothing to do in every other.
static bool choose_skip(vb_decoder *d, uint64_t index)
{
    const bool early = index != VB_NO_FRAME && index < d->wanted;
    d->codec->skip_frame = AVDISCARD_DEFAULT;
    if (!d->may_skip)
        return false;
    const vb_nal_use use = vb_nal_use_of(d->parameters, d->packet);
    if (use == VB_NAL_LAYERED) {
        d->may_skip = false;
        d->restart = d->unskip = d->skipped;
        return false;
    }
    const bool whole = d->codec->codec_id == AV_CODEC_ID_H264 ||
                       d->codec->codec_id == AV_CODEC_ID_HEVC;
    if (early && !whole)
        d->codec->skip_frame = AVDISCARD_NONREF;
    const bool drop = early && use == VB_NAL_DROPPABLE;
    d->skipped = d->skipped || drop || (early && !whole);
    return drop;
}

// Whether the packet at d->position was swallowed by a hole.
static bool is_missing(const vb_decoder *d)
{
    return d->position < d->packets.positions &&
           d->packets.marks[d->position].byte == VB_NO_BYTE;
}

// Reads a packet into `packet`: 0, AVERROR_EOF or another AVERROR.
static int read_packet(vb_decoder *d)
{
    if (d->has_packet)
        return 0;
    for (; is_missing(d); d->position++)
        d->passing = true; // what comes refers to it
    if (d->position >= d->packets.positions)
        return AVERROR_EOF;
    int code = vb_source_read(&d->source, d->packet);
    const vb_packet_mark *mark = &d->packets.marks[d->position];
    if (code < 0 || (d->packet->flags & AV_PKT_FLAG_DISCARD) ||
        mark->byte == d->packet->pos)
        return code;
    uint32_t at = vb_seek_position(&d->packets, d->packet, d->position + RESYNC);
    if (at != VB_NO_FRAME && at > d->position)
        d->position = at;
    return 0;
}

// Decides about the packet in `packet`, which is at d->position: false to pass over it.
static bool takes_packet(vb_decoder *d)
{
    vb_packet *item = frame_at(d, d->position);
    if (!item) // in front of all that can be decoded
        return false;
    bool orphan = is_leading(d, d->position, d->resumed);
    if (item->lost && !orphan && !is_leading(d, d->position, d->begun))
        d->passing = true;
    if (d->passing && item->key && !item->lost)
        d->draining = true;
    if ((orphan || d->passing) && !d->draining && d->position >= d->sure)
        item->lost = true;
    if (item->key && !d->passing && d->position != d->resumed) {
        d->resumed = VB_NO_FRAME;
        if (d->sure == VB_NO_FRAME && d->position > d->begun)
            d->sure = d->position;
    }
    // H.264 counts pictures, and would miss those.
    bool early =
        is_too_early(d, d->position) && d->parameters->codec_id != AV_CODEC_ID_H264;
    return !orphan && !early && !d->passing && !item->lost;
}

// Whether the packet in `packet` holds a stretch that was never written, or lost: a NAL
// unit, whose length stands in front of it, has no three zeros in a row.
static bool has_hole(const vb_decoder *d)
{
    const AVCodecParameters *p = d->parameters;
    enum { HOLE = 64 }; // bytes
    if ((p->codec_id != AV_CODEC_ID_H264 && p->codec_id != AV_CODEC_ID_HEVC) ||
        p->extradata_size < 1 || p->extradata[0] != 1)
        return false;
    int zeros = 0;
    for (int i = 0; i < d->packet->size && zeros < HOLE; i++)
        zeros = d->packet->data[i] ? 0 : zeros + 1;
    return zeros == HOLE;
}

// Sends the packet in `packet`, with its index for a time: what comes out is known by it.
static int send_packet(vb_decoder *d, bool shown)
{
    uint32_t index = shown ? d->packets.frames[d->position] : VB_NO_FRAME;
    if (choose_skip(d, index))
        return 0;
    d->packet->pts = index == VB_NO_FRAME ? -1 : (int64_t)index;
    d->packet->dts = AV_NOPTS_VALUE;
    if (d->packet->size == 0) // would end the stream
        return 0;
    if (has_hole(d))
        return AVERROR_INVALIDDATA;
    d->used = true;
    return avcodec_send_packet(d->codec, d->packet);
}

// Gives the decoder the packet in `packet`, or reads the next one; the end of the file
// when there is none.
static vblip_status feed_decoder(vb_decoder *d, uint32_t *failures, vblip_error *err)
{
    int code = read_packet(d);
    d->has_packet = false;
    bool ends = code == AVERROR_EOF;
    if (code == 0) {
        bool shown = !(d->packet->flags & AV_PKT_FLAG_DISCARD);
        bool taken = !shown || takes_packet(d);
        d->has_packet = d->draining;
        if (taken)
            code = send_packet(d, shown);
        ends = d->draining;
        if (!d->has_packet) {
            d->position += shown;
            av_packet_unref(d->packet);
        }
    }
    if (ends)
        code = avcodec_send_packet(d->codec, NULL);
    if (code == AVERROR(ENOMEM))
        return vb_fail_memory(err, "decoder");
    if (code >= 0 || code == AVERROR_EOF)
        return VBLIP_OK;
    ++*failures;
    note_damage(d, d->position ? d->position - 1 : 0);
    return VBLIP_OK;
}

static uint64_t index_of(const vb_decoder *d, const AVFrame *frame)
{
    if (d->packets.by_order)
        return d->outputs < d->packets.count ? d->outputs : d->packets.count - 1;
    return frame->pts >= 0 ? (uint64_t)frame->pts : VB_NO_FRAME;
}

// Whether the frame at `index` came out, but not as it should be.
static bool is_spoilt(const vb_decoder *d, uint64_t index)
{
    const vb_packet *item = &d->packets.items[index];
    return vb_packet_is_bad(item) || is_bad(d, item->position) ||
           is_too_early(d, item->position);
}

// Looks at the frame that came out into `ahead`, and holds it when it may be shown.
static vblip_status hold_ahead(vb_decoder *d, vblip_error *err)
{
    const uint64_t index = index_of(d, d->ahead);
    d->outputs++;
    if (index < d->packets.count) {
        if (d->ahead->decode_error_flags || (d->ahead->flags & AV_FRAME_FLAG_CORRUPT))
            note_damage(d, d->packets.items[index].position); // concealed
        if (!d->restart && !is_spoilt(d, index))
            VB_TRY(vb_held_put(&d->held, d->ahead, index, err));
    }
    av_frame_unref(d->ahead);
    return VBLIP_OK;
}

// Takes the first frame that is held and can be shown into `ahead`; of those that wait for
// others only when there is no room for more, or when `all` came out.
static bool take_held(vb_decoder *d, bool all)
{
    vb_held *held = &d->held;
    while (held->count > 0 && !d->restart && !d->has_ahead) {
        if (!all && !vb_held_is_full(held) &&
            !vb_held_is_settled(held, &d->packets, d->begun))
            break;
        vb_held_take(held, d->ahead, &d->ahead_index);
        d->has_ahead = !is_spoilt(d, d->ahead_index);
        if (!d->has_ahead)
            av_frame_unref(d->ahead);
    }
    return d->has_ahead;
}

// All that is in front of damage has come out: goes on with the key packet behind it.
static void resume_decoding(vb_decoder *d)
{
    avcodec_flush_buffers(d->codec);
    d->draining = d->passing = false;
    d->resumed = d->bad_to = d->position;
    if (d->packets.by_order)
        d->outputs = d->position;
}

// Decodes one more frame into `ahead`, or finds the end, or that it must be done anew.
static vblip_status decode_next(vb_decoder *d, vblip_error *err)
{
    bool all = false; // that the decoder has came out
    for (uint32_t failures = 0; failures < BAD_RUN && !d->restart;) {
        if (take_held(d, all))
            return VBLIP_OK;
        int code = avcodec_receive_frame(d->codec, d->ahead);
        if (code == AVERROR(ENOMEM))
            return vb_fail_memory(err, "decoder");
        if (code == 0) {
            failures = 0;
            VB_TRY(hold_ahead(d, err));
        } else if (code == AVERROR_EOF && !all) {
            all = true;
        } else if (code == AVERROR_EOF && d->draining) {
            resume_decoding(d);
            all = false;
        } else if (code == AVERROR_EOF) {
            d->ended = true;
            return VBLIP_OK;
        } else if (code == AVERROR(EAGAIN)) {
            uint64_t before = d->position;
            VB_TRY(feed_decoder(d, &failures, err));
            failures = d->position != before ? 0 : failures;
        } else {
            failures++;
            note_damage(d, d->position ? d->position - 1 : 0);
        }
    }
    d->ended = !d->restart && !take_held(d, true);
    return VBLIP_OK;
}

static void take_ahead(vb_decoder *d)
{
    av_frame_unref(d->shown);
    av_frame_move_ref(d->shown, d->ahead);
    d->shown_index = d->ahead_index;
    d->has_shown = true;
    d->has_ahead = false;
}

// Decodes until the frame `index` is in `shown`, or the last one before it, and one
// behind it in `ahead`, or the stream has `ended`.
static vblip_status roll(vb_decoder *d, uint64_t index, vblip_error *err)
{
    while (!(d->has_shown && d->shown_index == index)) {
        if (!d->has_ahead && !d->ended)
            VB_TRY(decode_next(d, err));
        if (!d->has_ahead || d->ahead_index > index)
            break;
        take_ahead(d);
    }
    return VBLIP_OK;
}

// ---------------------------------------------------------------------------- answers

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

// Whether frame `index` has no picture of its own although all that leads to it was
// decoded: the one before, in `shown`, is still shown. At the start of a file it may be
// the one behind.
static bool is_repeat(vb_decoder *d, uint64_t index)
{
    vb_packet *items = d->packets.items;
    bool whole = items[index].position >= d->sure && d->resumed == VB_NO_FRAME;
    if (!d->has_shown && d->has_ahead && whole && d->sure == 0 &&
        d->bad_from == VB_NO_FRAME) {
        take_ahead(d);
        return true;
    }
    if (!d->has_shown || d->shown_index >= index)
        return false;
    for (uint64_t i = d->shown_index + 1; i <= index; i++)
        if (vb_packet_is_bad(&items[i]) || !(whole || items[i].silent))
            return false;
    items[index].silent = true;
    return true;
}

// Whether what `roll` found answers for frame `index`. Where pictures were skipped only its
// own does: the one before may have been among them.
static bool is_answer(vb_decoder *d, uint64_t index)
{
    if (d->has_shown && d->shown_index == index)
        return true;
    if (!d->restart && d->skipped)
        d->restart = d->unskip = true;
    return !d->restart && is_repeat(d, index);
}

// Seeks further and further back until that answers for frame `index`. Where the whole
// stream does not, the frame is lost.
static vblip_status seek_and_roll(vb_decoder *d, uint64_t index, vblip_error *err)
{
    vb_packet *item = &d->packets.items[index];
    for (uint32_t back = 0; back <= SEEK_TRIES && !vb_packet_is_bad(item); back++) {
        VB_TRY(seek_before(d, index, back, err));
        VB_TRY(roll(d, index, err));
        if (is_answer(d, index) || d->restart)
            return VBLIP_OK;
        if (d->sure == 0) // from the first packet on
            item->lost = true;
    }
    return VBLIP_OK;
}

// Goes on to frame `index`, or seeks. Neither answers where `lost` is set.
static vblip_status decode_to(vb_decoder *d, uint64_t index, vblip_error *err)
{
    bool ahead = is_ahead(d, index);
    if (ahead)
        VB_TRY(roll(d, index, err));
    if (ahead && is_answer(d, index))
        return VBLIP_OK;
    if (!d->restart)
        VB_TRY(seek_and_roll(d, index, err));
    while (d->restart) { // twice at most
        if (!d->unskip)
            VB_TRY(become_careful(d, err));
        d->may_skip = d->restart = d->unskip = false;
        VB_TRY(seek_and_roll(d, index, err));
    }
    return VBLIP_OK;
}

// Behind damage a frame that did not come out between two others is lost as well: what it
// refers to may be.
static void lose_unseen(vb_decoder *d, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to && d->resumed != VB_NO_FRAME; i++) {
        vb_packet *item = &d->packets.items[i];
        item->unsure = item->unsure || (!item->silent && !item->lost);
    }
}

// Decodes all of the file to tell which frames are lost.
static vblip_status count_lost(vb_decoder *d, vblip_error *err)
{
    VB_TRY(become_careful(d, err));
    VB_TRY(begin_at_start(d, err));
    uint64_t next = 0; // frame that is to come out
    while (!d->ended) {
        VB_TRY(decode_next(d, err));
        if (d->has_ahead) {
            lose_unseen(d, next, d->ahead_index);
            next = d->ahead_index + 1;
        }
        av_frame_unref(d->ahead);
        d->has_ahead = false;
    }
    lose_unseen(d, next, d->packets.count);
    d->counted = true;
    return VBLIP_OK;
}

// The failure of a frame that is lost, or not known.
static vblip_status fail_lost(vb_decoder *d, vblip_error *err)
{
    const vb_packets *p = &d->packets;
    if (!d->counted)
        VB_TRY(count_lost(d, err));
    uint64_t lost = 0;
    for (uint64_t i = 0; i < p->count; i++)
        lost += vb_packet_is_bad(&p->items[i]) && p->items[i].position < p->positions;
    return vb_fail(err, VBLIP_ERR_IO,
                   "damaged: %" PRIu64 " of %" PRIu64 " frames decode",
                   p->readable - lost, p->count);
}

static vblip_status find_frame(vb_decoder *decoder, uint64_t index, const AVFrame **out,
                               vblip_error *err)
{
    const vb_packets *packets = &decoder->packets;
    if (packets->items[index].position >= packets->positions)
        return vb_packets_fail_truncated(packets->readable, packets->count, err);
    if (!decoder->source.format)
        return vb_fail(err, VBLIP_ERR_IO, "changed while it was read");
    decoder->wanted = index;
    if (!vb_packet_is_bad(&packets->items[index]))
        VB_TRY(decode_to(decoder, index, err));
    if (vb_packet_is_bad(&packets->items[index]) || !decoder->has_shown)
        return fail_lost(decoder, err);
    *out = decoder->shown;
    return VBLIP_OK;
}

vblip_status vb_decoder_frame(vb_decoder *decoder, uint64_t index, const AVFrame **out,
                              vblip_error *err)
{
    *out = NULL;
    return vb_source_status(&decoder->source, find_frame(decoder, index, out, err),
                            err);
}

// Decodes the key packet of frame `index` alone: false when that does not give its picture.
static vblip_status decode_alone(bool *out, vb_decoder *d, uint64_t index,
                                 vblip_error *err)
{
    const vb_packet *item = &d->packets.items[index];
    uint32_t found;
    *out = false;
    VB_TRY(
        vb_seek_key(&found, &d->source, &d->packets, item->position, d->packet, err));
    if (found != item->position)
        return VBLIP_OK;
    begin_decoding(d, found, found == 0);
    d->wanted = index;
    if (send_packet(d, true) < 0 || avcodec_send_packet(d->codec, NULL) < 0 ||
        avcodec_receive_frame(d->codec, d->shown) < 0)
        return VBLIP_OK;
    *out = index_of(d, d->shown) == index && !d->shown->decode_error_flags &&
           !(d->shown->flags & AV_FRAME_FLAG_CORRUPT);
    return VBLIP_OK;
}

vblip_status vb_decoder_lone_frame(vb_decoder *decoder, uint64_t index,
                                   const AVFrame **out, vblip_error *err)
{
    const vb_packets *p = &decoder->packets;
    const vb_packet *item = &p->items[index];
    bool alone = !p->by_order && item->key && !vb_packet_is_bad(item) &&
                 item->position < p->positions && decoder->source.format;
    if (alone)
        VB_TRY(vb_source_status(&decoder->source,
                                decode_alone(&alone, decoder, index, err), err));
    decoder->has_shown = false; // what comes next begins with a seek
    if (!alone)
        return vb_decoder_frame(decoder, index, out, err);
    *out = decoder->shown;
    return VBLIP_OK;
}
