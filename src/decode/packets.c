#include "decode/packets.h"

#include "decode/averror.h"
#include "decode/avi.h"
#include "decode/chain.h"
#include "decode/holes.h"
#include "decode/missing.h"
#include "decode/reading.h"
#include "decode/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    BAD_RUN = 100,  // unreadable packets in a row that end the reading
    LAST_SKIP = 64, // packets looked at for the one that is shown last
    FALL_S = 10,    // seconds that a clock may fall back by where packets are not told
                    // to come in the order of decoding
    REORDERED = 16, // frames that it may always
    LEAP_S = 86400, // between two packets: more is a clock that was set
    PROMISED = 8, // bytes that a cut file must have for each frame that it says it had
    LONE_S = 3600 // in front of the last frame: more is a time stamp gone wild
};

static int64_t nominal_ticks(const AVStream *stream, int64_t limit_ticks)
{
    AVRational rate = stream->avg_frame_rate;
    if (rate.num <= 0 || rate.den <= 0)
        rate = stream->r_frame_rate;
    if (rate.num <= 0 || rate.den <= 0)
        rate = (AVRational){25, 1};
    int64_t ticks = av_rescale_q(1, av_inv_q(rate), stream->time_base);
    if (ticks > limit_ticks)
        ticks = limit_ticks; // 0 where a tick is longer than all that is read
    return ticks <= 0 ? 1 : ticks;
}

// Where the packet before belongs when its time fits nothing.
static void tame_last(vb_reading *r)
{
    vb_packets *p = r->packets;
    if (p->count < 2)
        return;
    int64_t time = r->decode_times[p->count - 2] + r->frame_ticks;
    r->decode_times[p->count - 1] = time;
    if (p->items[p->count - 1].time != VB_UNTIMED)
        p->items[p->count - 1].time = time;
    r->last_time = r->last_decode_time = time;
}

// Whether libavformat made up the decoding time of a packet: behind a hole it goes on from
// what it knew, where the file says nothing.
static bool is_guessed(const vb_reading *r, const AVPacket *packet)
{
    return !vb_is_time(packet->pts) && r->clock.started && r->clock.fall == 0 &&
           vb_clock_distance(&r->clock, packet->dts, r->clock.last) < 0;
}

// The times of a packet on the clock of the whole file. Without a decoding time it is
// taken to follow the packet before.
static void running_times(vb_reading *r, const AVPacket *packet, int64_t *pts,
                          int64_t *dts)
{
    uint64_t n = r->packets->count;
    *pts = vb_is_time(packet->pts) ? packet->pts : VB_UNTIMED;
    *dts = n ? r->decode_times[n - 1] + r->frame_ticks : 0;
    if (!vb_is_time(*dts))
        *dts = VB_TIME_LIMIT;
    const bool decoded = vb_is_time(packet->dts) && !is_guessed(r, packet);
    if (!decoded && *pts == VB_UNTIMED)
        return;
    const int64_t said = decoded ? packet->dts : packet->pts;
    vb_clock_tick tick = vb_clock_step(&r->clock, said);
    if (tick.wild_before)
        tame_last(r);
    if (decoded)
        *dts = tick.time;
    if (*pts == VB_UNTIMED)
        return;
    int64_t ahead = vb_clock_distance(&r->clock, packet->pts, said);
    if (ahead > r->clock.leap || ahead < -r->clock.leap)
        ahead = r->frame_ticks;
    *pts = tick.time + ahead;
}

static vblip_status fail_duration(int64_t limit_ticks, AVRational time_base,
                                  vblip_error *err)
{
    int64_t seconds = av_rescale_q(limit_ticks, time_base, (AVRational){1, 1});
    return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                   "longer than %" PRId64 " s, the longest that is read", seconds);
}

// Whether a packet that shows no sign of it was written as a key packet.
static bool is_key_by_container(const vb_source *source, const AVPacket *packet)
{
    return vb_chain_says_key(source->reader, source->format->iformat->name,
                             packet->pos);
}

static vblip_status packets_add(vb_reading *r, const vb_source *source,
                                const AVPacket *packet, vblip_error *err)
{
    vb_packets *p = r->packets;
    int64_t pts, dts;
    running_times(r, packet, &pts, &dts);
    VB_TRY(vb_holes_before(r, source, packet, pts, dts, err));
    VB_TRY(vb_reading_make_room(r, 1, err));
    bool timed = pts != VB_UNTIMED, key = packet->flags & AV_PKT_FLAG_KEY;
    key = key && !vb_avi_is_open(source, packet);
    if (timed && pts - dts > p->reordering && vb_is_time(packet->dts))
        p->reordering = pts - dts;
    if (timed && r->untimed == p->count)
        r->first_time = r->last_time = pts;
    if (timed && pts >= r->last_time) {
        r->last_time = pts;
        r->last_decode_time = dts;
        r->last_span = packet->duration;
    }
    r->untimed += !timed;
    r->untimed_keys += key && !timed;
    r->decode_times[p->count] = dts;
    p->marks[p->count] = (vb_packet_mark){.byte = packet->pos, .pts = packet->pts};
    p->items[p->count] =
        (vb_packet){.time = pts,
                    .position = (uint32_t)p->count,
                    .part = r->clock.part & VB_PART,
                    .lost = !key && !r->keyed && is_key_by_container(source, packet),
                    .key = key};
    p->count++;
    if (vb_sizes_add(&r->sizes, key || packet->size < 0 ? 0 : (uint32_t)packet->size) &&
        p->count > VB_SIZES_AROUND)
        p->items[p->count - 1 - VB_SIZES_AROUND].large = true;
    r->cut = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
    r->last_byte = packet->pos >= 0 ? packet->pos : r->last_byte;
    r->keyed = r->keyed || key;
    r->packed = r->packed || vb_avi_is_packed(source, packet);
    return VBLIP_OK;
}

// Keeps what a packet says of the codec where that is news: a recording that was joined
// to the one before may be coded otherwise.
static vblip_status keep_header(vb_packets *p, const AVPacket *packet, vblip_error *err)
{
    size_t size = 0;
    const uint8_t *bytes =
        av_packet_get_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, &size);
    const vb_codec_header *last = p->headers ? &p->headers[p->header_count - 1] : NULL;
    if (!bytes || size == 0 ||
        (last && last->size == size && memcmp(last->bytes, bytes, size) == 0))
        return VBLIP_OK;
    vb_codec_header *headers =
        realloc(p->headers, (p->header_count + 1) * sizeof *headers);
    if (!headers)
        return vb_fail_memory(err, "packet index");
    p->headers = headers;
    vb_codec_header *header = &headers[p->header_count];
    *header = (vb_codec_header){
        .bytes = malloc(size),
        .size = size,
        .position = p->count ? p->count - 1 : 0, // of `packet`
    };
    if (!header->bytes)
        return vb_fail_memory(err, "packet index");
    memcpy(header->bytes, bytes, size);
    p->header_count++;
    return VBLIP_OK;
}

static vblip_status read_each(vb_reading *r, vb_source *source, vblip_error *err)
{
    AVPacket *packet = av_packet_alloc();
    if (!packet)
        return vb_fail_memory(err, "packet");
    vblip_status status = VBLIP_OK;
    bool first = true;
    for (int bad = 0; status == VBLIP_OK && bad < BAD_RUN;) {
        int code = vb_source_read(source, packet);
        if (code == AVERROR_EOF)
            break;
        if (code == AVERROR(ENOMEM))
            status = vb_fail_memory(err, "packet");
        bad = code < 0 ? bad + 1 : 0;
        if (code >= 0 && first) {
            r->packets->first_pts = packet->pts;
            r->packets->first_dts = packet->dts;
            r->packets->first_byte = packet->pos;
            first = false;
        }
        if (code >= 0)
            vb_avi_correct(source, packet);
        // Packets outside of the edit list are decoded, but never shown.
        if (code >= 0 && (packet->flags & AV_PKT_FLAG_DISCARD))
            r->edited = true;
        else if (code >= 0)
            status = packets_add(r, source, packet, err);
        if (code >= 0 && status == VBLIP_OK)
            status = keep_header(r->packets, packet, err);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    return status == VBLIP_OK ? vb_holes_settle(r, source, err) : status;
}

// The usual distance of frames. AVI counts chunks, many of which may be empty, and the
// rate that it states with them.
static int64_t usual_ticks(const vb_reading *r, const vb_source *source)
{
    uint64_t n = r->packets->count;
    if (n < 2 || !(r->packets->by_order || vb_avi_is(source)))
        return r->frame_ticks;
    int64_t span = r->decode_times[n - 1] - r->decode_times[0];
    int64_t mean = span > 0 && span <= r->limit_ticks ? span / (int64_t)(n - 1) : 0;
    return mean > 0 ? mean : r->frame_ticks;
}

// The sample table of an mp4 lists every frame.
static uint64_t count_samples(const AVStream *stream)
{
    uint64_t count = 0;
    int entries = avformat_index_get_entries_count(stream);
    for (int i = 0; i < entries; i++) {
        const AVIndexEntry *entry = avformat_index_get_entry((AVStream *)stream, i);
        if (entry && !(entry->flags & AVINDEX_DISCARD_FRAME))
            count++;
    }
    return count;
}

// How many frames the file says it has; 0 when it does not. Of a file that was cut off
// and has no sample table, the duration is taken to go on as it begins, for no more frames
// than what is left of it could say anything of: a few bytes promise years. (The frame count
// of an AVI that is whole means nothing: it may declare more than was ever recorded.)
static uint64_t count_declared(const vb_reading *r, const vb_source *source)
{
    const AVStream *stream = source->stream;
    if (strstr(source->format->iformat->name, "mp4"))
        return count_samples(stream);
    if (!source->cut)
        return 0;
    int64_t usual = usual_ticks(r, source), ticks = stream->nb_frames;
    if (!vb_avi_is(source))
        ticks = source->format->duration <= 0
                    ? 0
                    : av_rescale_q(source->format->duration, AV_TIME_BASE_Q,
                                   stream->time_base);
    const int64_t bytes = avio_size(source->format->pb), most = bytes / PROMISED;
    const int64_t frames = ticks / usual + (ticks % usual > usual / 2);
    return frames <= 0 || most <= 0 ? 0 : (uint64_t)(frames < most ? frames : most);
}

// Frames that were cut off still count, at about the times they would have had: behind
// those that are there.
static vblip_status add_missing(vb_reading *r, uint64_t count, int64_t usual,
                                vblip_error *err)
{
    vb_packets *p = r->packets;
    int64_t first = p->items[0].time;
    for (; p->count < count && p->count < VB_NO_FRAME - 1; p->count++) {
        VB_TRY(vb_reading_make_room(r, 1, err));
        int64_t regular = (int64_t)p->count > r->limit_ticks / usual
                              ? r->limit_ticks
                              : (int64_t)p->count * usual;
        r->last_time =
            first + regular > r->last_time ? first + regular : r->last_time + 1;
        if (r->last_time - first > r->limit_ticks)
            return fail_duration(r->limit_ticks, p->time_base, err);
        r->decode_times[p->count] = r->last_time;
        p->items[p->count] = (vb_packet){.time = r->last_time,
                                         .position = (uint32_t)p->count,
                                         .part = r->clock.part & VB_PART};
    }
    return VBLIP_OK;
}

// Gives every packet a time where some, but not enough to trust the order of decoding
// more, have none. A second field goes right behind the first. What else has no time is
// taken for a picture that others refer to (the last ones of MPEG-2 program streams lack
// times): it is shown when the next such picture is decoded, behind the B-frames between
// them. Four packets, decoded at 0, 1, 2 and 3, are I P B B; the B-frames are shown at
// once, at 2 and 3. Then P, if it has no time, is shown behind all that is decoded, at 4;
// I, if it has none, when P is decoded, at 1. In front of a hole nobody knows. `all`: the
// times of such pictures are not believed where there are some, either.
static void resolve_times(vb_reading *r, bool fields, bool all)
{
    vb_packets *p = r->packets;
    int64_t next = 0;     // when the next such picture is decoded
    bool guessed = false; // a hole is in front of that
    int64_t last = r->last_time;
    for (uint64_t i = 0; i < p->count; i++)
        next = r->decode_times[i] > next || i == 0 ? r->decode_times[i] : next;
    next += r->frame_ticks;
    for (uint64_t i = p->count; !fields && i-- > 0;) {
        vb_packet *item = &p->items[i];
        const int64_t dts = r->decode_times[i];
        const bool referred = item->time == VB_UNTIMED || item->time > dts;
        if (item->time == VB_UNTIMED || (all && referred && !item->missing)) {
            item->time = next;
            item->unsure = guessed;
        }
        if (referred || item->missing)
            next = dts;
        guessed = item->missing || (guessed && !referred);
    }
    for (uint64_t i = 0; i < p->count; i++) {
        if (p->items[i].time == VB_UNTIMED)
            p->items[i].time = i ? p->items[i - 1].time + 1 : r->first_time;
        last = p->items[i].time > last ? p->items[i].time : last;
    }
    if (last > r->last_time)
        r->last_span = 0;
    r->last_time = last;
}

// Whether those that have no time are those that others refer to: of these codecs
// libavformat gives B-frames the time at which they are decoded.
static bool tells_order(const vb_reading *r, const AVStream *stream)
{
    const enum AVCodecID codec = stream->codecpar->codec_id;
    return r->untimed < r->packets->count && !r->packed &&
           stream->codecpar->field_order <= AV_FIELD_PROGRESSIVE &&
           (codec == AV_CODEC_ID_MPEG4 || codec == AV_CODEC_ID_MPEG2VIDEO ||
            codec == AV_CODEC_ID_MPEG1VIDEO);
}

// Chooses between times and order, and gives every packet a time.
static void settle_times(vb_reading *r, const AVStream *stream)
{
    vb_packets *p = r->packets;
    bool fields = stream->codecpar->field_order > AV_FIELD_PROGRESSIVE;
    const bool sparse =
        r->untimed_keys > 0 || (!fields && r->untimed > p->count / 10 + 2);
    const bool told = sparse && tells_order(r, stream);
    p->by_order = sparse && !told;
    if (!p->by_order)
        resolve_times(r, fields, told);
    for (uint64_t i = 0; p->by_order && i < p->count; i++) {
        p->items[i].time = r->decode_times[i];
        r->last_time = i == 0 || r->decode_times[i] > r->last_time ? r->decode_times[i]
                                                                   : r->last_time;
    }
}

// Settles how many frames there are, and how many of them can be read.
static vblip_status count_frames(vb_reading *r, const vb_source *source,
                                 vblip_error *err)
{
    vb_packets *p = r->packets;
    settle_times(r, source->stream);
    uint64_t declared = count_declared(r, source);
    if (r->cut && declared < p->count) // half a frame that no index has
        p->count--;
    p->positions = r->cut && declared >= p->count && p->count ? p->count - 1 : p->count;
    if (p->count == 0 && declared == 0)
        return vb_fail(err, VBLIP_ERR_FORMAT, "no video frames");
    if (p->count == 0)
        return vb_packets_fail_truncated(0, declared, err);
    int64_t usual = usual_ticks(r, source);
    r->last_span = r->last_span > 0 && !p->by_order ? r->last_span : usual;
    if (r->last_span > r->limit_ticks)
        r->last_span = r->frame_ticks;
    return add_missing(r, declared, usual, err);
}

static int by_time(const void *a, const void *b)
{
    const vb_packet *x = a, *y = b;
    if (x->part != y->part)
        return x->part < y->part ? -1 : 1;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->position < y->position ? -1 : x->position > y->position;
}

// Moves the times of each part behind the part before.
static void join_parts(vb_packets *p, int64_t frame_ticks)
{
    int64_t shift = 0;
    for (uint64_t i = 1; i < p->count; i++) {
        if (p->items[i].part != p->items[i - 1].part)
            shift = p->items[i - 1].time + frame_ticks - p->items[i].time;
        p->items[i].time += shift;
    }
}

// Takes away what comes before the first packet that decoding can start at: a recording
// that begins in the middle of another. Where something is lost there, that may have been
// such a packet.
static void drop_headless(vb_packets *p)
{
    uint32_t first = VB_NO_FRAME; // position
    uint32_t lost = VB_NO_FRAME;  // the same of what is known to be
    for (uint64_t i = 0; i < p->count; i++) {
        const vb_packet *item = &p->items[i];
        if (item->key && item->position < first)
            first = item->position;
        if (item->lost && item->position < lost)
            lost = item->position;
    }
    if (first == 0 || first == VB_NO_FRAME || lost < first)
        return;
    uint64_t kept = 0;
    bool begun =
        false; // what is decoded behind that packet and shown before it goes too
    for (uint64_t i = 0; i < p->count; i++) {
        begun = begun || p->items[i].position == first;
        if (begun && p->items[i].position >= first)
            p->items[kept++] = p->items[i];
    }
    p->count = kept;
}

// A last frame far behind all others is a time stamp gone wild.
static void tame_end(vb_reading *r)
{
    vb_packets *p = r->packets;
    if (p->count < 3)
        return;
    vb_packet *last = &p->items[p->count - 1];
    const int64_t others = last[-1].time - p->items[0].time;
    const int64_t usual = others / (int64_t)(p->count - 2);
    const int64_t gap = last->time - last[-1].time;
    if (gap > av_rescale_q(LONE_S, (AVRational){1, 1}, p->time_base) &&
        gap / 1000 > usual)
        last->time = last[-1].time + (usual > 0 ? usual : 1);
}

// Puts the packets in order of their times, and finds of each position its frame.
static vblip_status order_frames(vb_reading *r, vblip_error *err)
{
    vb_packets *p = r->packets;
    const uint64_t positions = p->count;
    qsort(p->items, p->count, sizeof *p->items, by_time);
    join_parts(p, r->frame_ticks);
    if (!p->by_order && vb_missing_place(p, r->frame_ticks))
        qsort(p->items, p->count, sizeof *p->items, by_time);
    if (!p->by_order && !r->edited)
        drop_headless(p);
    tame_end(r);
    p->frames = malloc(positions * sizeof *p->frames);
    if (!p->frames)
        return vb_fail_memory(err, "packet index");
    memset(p->frames, 0xFF, positions * sizeof *p->frames);
    for (uint64_t i = 0; i < p->count; i++) {
        p->frames[p->items[i].position] = (uint32_t)i;
        p->readable += p->items[i].position < p->positions;
    }
    vb_missing_lose(p, p->by_order ? VB_REORDERED : 0);
    p->one_clock = r->clock.part == 0;
    return VBLIP_OK;
}

// The span of the packet shown last, which a walk through the table may not tell: read
// with the packet itself.
static vblip_status read_last_span(vb_reading *r, vb_source *source, vblip_error *err)
{
    AVPacket *packet = av_packet_alloc();
    if (!packet)
        return vb_fail_memory(err, "packet");
    int code = av_seek_frame(source->format, source->stream->index, r->last_decode_time,
                             AVSEEK_FLAG_BACKWARD | AVSEEK_FLAG_ANY);
    for (int i = 0; code >= 0 && i < LAST_SKIP; i++) {
        code = vb_source_read(source, packet);
        if (code >= 0 && packet->pts == r->last_time) {
            r->last_span = packet->duration;
            break;
        }
    }
    av_packet_free(&packet);
    return code == AVERROR(ENOMEM) ? vb_fail_memory(err, "packet") : VBLIP_OK;
}

// Reads all packets: without their bytes where a table lists them.
static vblip_status list_all(vb_reading *r, vb_source *source, vblip_error *err)
{
    vb_table table;
    VB_TRY(vb_table_begin(&table, source, err));
    r->packets->through_table = table.positions != NULL;
    vblip_status status = read_each(r, source, err);
    vb_table_end(&table, source);
    if (status == VBLIP_OK && r->packets->through_table)
        status = read_last_span(r, source, err);
    return status;
}

static void start_clock(vb_reading *r, const vb_source *source)
{
    // Containers that are made to be sent, whose packets come as they are decoded.
    static const char *const sent[] = {"mpegts", "mpeg", "flv"};
    const AVRational base = source->stream->time_base, seconds = {1, 1};
    const int64_t reordered = r->frame_ticks < r->limit_ticks / REORDERED
                                  ? r->frame_ticks * REORDERED
                                  : r->limit_ticks;
    const int64_t fall = av_rescale_q(FALL_S, seconds, base);
    r->clock = (vb_clock){.frame = r->frame_ticks,
                          .fall = fall > reordered ? fall : reordered,
                          .leap = av_rescale_q(LEAP_S, seconds, base),
                          .wrap_bits = source->stream->pts_wrap_bits};
    for (size_t i = 0; i < sizeof sent / sizeof *sent; i++)
        if (strcmp(source->format->iformat->name, sent[i]) == 0)
            r->clock.fall = 0;
}

static vblip_status collect_ordered(vb_reading *r, vb_source *source,
                                    bool through_table, vblip_error *err)
{
    vb_packets *p = r->packets;
    if (through_table)
        VB_TRY(list_all(r, source, err));
    else
        VB_TRY(read_each(r, source, err));
    VB_TRY(count_frames(r, source, err));
    VB_TRY(order_frames(r, err));
    p->end = p->items[p->count - 1].time + r->last_span;
    if (p->end - p->items[0].time > r->limit_ticks)
        return fail_duration(r->limit_ticks, p->time_base, err);
    return VBLIP_OK;
}

static vblip_status packets_collect(vb_packets *out, vb_source *source,
                                    bool through_table, int64_t max_duration_us,
                                    vblip_error *err)
{
    *out = (vb_packets){.time_base = source->stream->time_base};
    vb_reading r = {.packets = out, .last_byte = -1};
    r.limit_ticks = av_rescale_q(max_duration_us, AV_TIME_BASE_Q, out->time_base);
    r.frame_ticks = nominal_ticks(source->stream, r.limit_ticks);
    start_clock(&r, source);
    vblip_status status = collect_ordered(&r, source, through_table, err);
    free(r.decode_times);
    if (status != VBLIP_OK)
        vb_packets_free(out);
    return status;
}

vblip_status vb_packets_list(vb_packets *out, vb_source *source,
                             int64_t max_duration_us, vblip_error *err)
{
    return packets_collect(out, source, true, max_duration_us, err);
}

vblip_status vb_packets_read(vb_packets *out, vb_source *source,
                             int64_t max_duration_us, vblip_error *err)
{
    return packets_collect(out, source, false, max_duration_us, err);
}

void vb_packets_free(vb_packets *packets)
{
    free(packets->items);
    free(packets->marks);
    free(packets->frames);
    for (size_t i = 0; i < packets->header_count; i++)
        free(packets->headers[i].bytes);
    free(packets->headers);
    *packets = (vb_packets){0};
}

vblip_status vb_packets_fail_truncated(uint64_t decoded, uint64_t count,
                                       vblip_error *err)
{
    return vb_fail(err, VBLIP_ERR_IO,
                   "truncated: %" PRIu64 " of %" PRIu64 " frames decode", decoded,
                   count);
}

static int64_t to_us(const vb_packets *packets, int64_t time)
{
    return av_rescale_q(time - packets->items[0].time, packets->time_base,
                        AV_TIME_BASE_Q);
}

int64_t vb_packets_time_us(const vb_packets *packets, uint64_t index)
{
    return to_us(packets, packets->items[index].time);
}

int64_t vb_packets_end_us(const vb_packets *packets)
{
    return to_us(packets, packets->end);
}

int64_t vb_packets_lead_us(const vb_packets *packets, int64_t start_us)
{
    const int64_t first =
        av_rescale_q(packets->items[0].time, packets->time_base, AV_TIME_BASE_Q);
    if (!vb_is_time(start_us) || !vb_is_time(first) || first < start_us)
        return 0;
    const int64_t lead = first - start_us;
    return lead / AV_TIME_BASE > LEAP_S ? 0 : lead; // else a clock that was set
}
