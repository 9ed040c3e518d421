#include "decode/packets.h"

#include "decode/averror.h"
#include "decode/chain.h"
#include "decode/clock.h"
#include "decode/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    BAD_RUN = 100,   // unreadable packets in a row that end the reading
    LAST_SKIP = 64,  // packets looked at for the one that is shown last
    FALL_S = 10,     // seconds that a clock may fall back by where packets are not told
                     // to come in the order of decoding
    LEAP_S = 86400,  // between two packets: more is a clock that was set
    LONE_S = 3600,   // in front of the last frame: more is a time stamp gone wild
    AROUND = 16,     // frames that may lie out of order around a hole
    HEADER = 8,      // bytes that a packet needs at least
    PART = 0xFFFFFFF // bits of a packet's part
};

// What is collected while the file is read, in file order.
typedef struct reading {
    vb_packets *packets;
    int64_t *decode_times; // [packets->count]
    size_t capacity;
    vb_clock clock;
    int64_t frame_ticks; // nominal length of a frame, at least 1
    int64_t first_time;  // of the first packet that has one
    // Of the packet that is shown last so far.
    int64_t last_time, last_decode_time, last_span;
    int64_t limit_ticks;
    uint64_t untimed, untimed_keys; // packets without a presentation time
    bool edited;                    // some packets are decoded, but never shown
    bool cut;                       // the packet read last is not complete
} reading;

#define UNTIMED INT64_MIN

static int64_t nominal_ticks(const AVStream *stream, int64_t limit_ticks)
{
    AVRational rate = stream->avg_frame_rate;
    if (rate.num <= 0 || rate.den <= 0)
        rate = stream->r_frame_rate;
    if (rate.num <= 0 || rate.den <= 0)
        rate = (AVRational){25, 1};
    int64_t ticks = av_rescale_q(1, av_inv_q(rate), stream->time_base);
    return ticks <= 0 ? 1 : ticks > limit_ticks ? limit_ticks : ticks;
}

static bool is_avi(const vb_source *source)
{
    return strcmp(source->format->iformat->name, "avi") == 0;
}

// libavformat counts the frames of an AVI as it comes upon them, also behind a hole. The
// index knows better, where there is one.
static void count_by_index(const vb_source *source, AVPacket *packet)
{
    enum { CHUNK = 8 }; // bytes in front of a packet
    const AVStream *stream = source->stream;
    int low = 0, high = avformat_index_get_entries_count(stream);
    while (is_avi(source) && low < high) {
        const int middle = low + (high - low) / 2;
        const AVIndexEntry *entry =
            avformat_index_get_entry((AVStream *)stream, middle);
        if (entry->pos == packet->pos - CHUNK && entry->timestamp > packet->dts)
            packet->dts = entry->timestamp;
        if (entry->pos < packet->pos - CHUNK)
            low = middle + 1;
        else
            high = middle;
    }
}

static bool packets_grow(reading *r)
{
    if (r->packets->count < r->capacity)
        return true;
    size_t capacity = r->capacity ? r->capacity * 2 : 1024;
    vb_packet *items = realloc(r->packets->items, capacity * sizeof *items);
    if (items)
        r->packets->items = items;
    vb_packet_mark *marks = realloc(r->packets->marks, capacity * sizeof *marks);
    if (marks)
        r->packets->marks = marks;
    int64_t *times = realloc(r->decode_times, capacity * sizeof *times);
    if (times)
        r->decode_times = times;
    if (items && marks && times)
        r->capacity = capacity;
    return items && marks && times;
}

// Where the packet before belongs when its time fits nothing.
static void tame_last(reading *r)
{
    vb_packets *p = r->packets;
    if (p->count < 2)
        return;
    int64_t time = r->decode_times[p->count - 2] + r->frame_ticks;
    r->decode_times[p->count - 1] = time;
    if (p->items[p->count - 1].time != UNTIMED)
        p->items[p->count - 1].time = time;
    r->last_time = r->last_decode_time = time;
}

// The times of a packet on the clock of the whole file. Without a decoding time it is
// taken to follow the packet before.
static void running_times(reading *r, const AVPacket *packet, int64_t *pts,
                          int64_t *dts)
{
    uint64_t n = r->packets->count;
    *pts = vb_is_time(packet->pts) ? packet->pts : UNTIMED;
    *dts = n ? r->decode_times[n - 1] + r->frame_ticks : 0;
    if (!vb_is_time(*dts))
        *dts = VB_TIME_LIMIT;
    bool decoded = vb_is_time(packet->dts);
    if (!decoded && *pts == UNTIMED)
        return;
    const int64_t said = decoded ? packet->dts : packet->pts;
    vb_clock_tick tick = vb_clock_step(&r->clock, said);
    if (tick.wild_before)
        tame_last(r);
    if (decoded)
        *dts = tick.time;
    if (*pts == UNTIMED)
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

static vblip_status packets_make_room(reading *r, vblip_error *err)
{
    if (r->packets->count == VB_NO_FRAME - 1)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "more than %u frames",
                       VB_NO_FRAME - 1);
    return packets_grow(r) ? VBLIP_OK : vb_fail_memory(err, "packet index");
}

// How many packets a hole swallowed in front of `packet`, which is decoded at `dts`. A gap
// in time alone is none: frames may come as they like.
static uint64_t count_swallowed(const reading *r, const vb_source *source,
                                const AVPacket *packet, int64_t dts)
{
    const vb_packets *p = r->packets;
    if (p->count == 0 || p->items[p->count - 1].part != (r->clock.part & PART))
        return 0;
    const int64_t from = p->marks[p->count - 1].byte;
    const int64_t gap = dts - r->decode_times[p->count - 1];
    // The times of an AVI are counted by what is there of it.
    const bool suspected = is_avi(source) || gap - r->frame_ticks > r->frame_ticks / 2;
    if (!suspected ||
        !vb_chain_breaks(source->reader, source->format->iformat->name, from,
                         packet->pos, packet->flags & AV_PKT_FLAG_KEY))
        return 0;
    const int64_t frames = (gap - r->frame_ticks / 2) / r->frame_ticks;
    const int64_t most = (packet->pos - from) / HEADER;
    if (frames < 1)
        return !source->indexed; // then it may have been anything
    return (uint64_t)(frames < most ? frames : most);
}

// Places for those. When they are shown is seen when all times are known.
static vblip_status add_swallowed(reading *r, uint64_t count, vblip_error *err)
{
    vb_packets *p = r->packets;
    if (count) // the hole may begin within it
        p->items[p->count - 1].lost = true;
    for (uint64_t i = 0; i < count; i++, p->count++) {
        VB_TRY(packets_make_room(r, err));
        const int64_t dts = r->decode_times[p->count - 1] + r->frame_ticks;
        r->decode_times[p->count] = dts;
        p->marks[p->count] =
            (vb_packet_mark){.byte = VB_NO_BYTE, .pts = AV_NOPTS_VALUE};
        p->items[p->count] = (vb_packet){.time = dts + p->reordering,
                                         .position = (uint32_t)p->count,
                                         .part = p->items[p->count - 1].part,
                                         .lost = true,
                                         .missing = true};
    }
    return VBLIP_OK;
}

static vblip_status packets_add(reading *r, const vb_source *source,
                                const AVPacket *packet, vblip_error *err)
{
    vb_packets *p = r->packets;
    int64_t pts, dts;
    running_times(r, packet, &pts, &dts);
    VB_TRY(add_swallowed(r, count_swallowed(r, source, packet, dts), err));
    VB_TRY(packets_make_room(r, err));
    bool timed = pts != UNTIMED, key = packet->flags & AV_PKT_FLAG_KEY;
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
    p->items[p->count] = (vb_packet){.time = pts,
                                     .position = (uint32_t)p->count,
                                     .part = r->clock.part & PART,
                                     .key = key};
    p->count++;
    r->cut = (packet->flags & AV_PKT_FLAG_CORRUPT) != 0;
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

static vblip_status read_each(reading *r, vb_source *source, vblip_error *err)
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
            count_by_index(source, packet);
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
    return status;
}

// The usual distance of frames. AVI counts chunks, many of which may be empty, and the
// rate that it states with them.
static int64_t usual_ticks(const reading *r, const vb_source *source)
{
    uint64_t n = r->packets->count;
    if (n < 2 || !(r->packets->by_order || is_avi(source)))
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
// and has no sample table, the duration is taken to go on as it begins. (The frame count
// of an AVI that is whole means nothing: it may declare more than was ever recorded.)
static uint64_t count_declared(const reading *r, const vb_source *source)
{
    const AVStream *stream = source->stream;
    if (strstr(source->format->iformat->name, "mp4"))
        return count_samples(stream);
    if (!source->cut)
        return 0;
    int64_t usual = usual_ticks(r, source), ticks = stream->nb_frames;
    if (!is_avi(source))
        ticks = source->format->duration <= 0
                    ? 0
                    : av_rescale_q(source->format->duration, AV_TIME_BASE_Q,
                                   stream->time_base);
    return ticks > 0 ? (uint64_t)(ticks / usual + (ticks % usual > usual / 2)) : 0;
}

// Frames that were cut off still count, at about the times they would have had: behind
// those that are there.
static vblip_status add_missing(reading *r, uint64_t count, int64_t usual,
                                vblip_error *err)
{
    vb_packets *p = r->packets;
    int64_t first = p->items[0].time;
    for (; p->count < count && p->count < VB_NO_FRAME - 1; p->count++) {
        if (!packets_grow(r))
            return vb_fail_memory(err, "packet index");
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
                                         .part = r->clock.part & PART};
    }
    return VBLIP_OK;
}

// Gives every packet a time where some, but not enough to trust the order of decoding
// more, have none. A second field goes right behind the first. What else has no time is
// taken for a picture that others refer to (the last ones of MPEG-2 program streams lack
// times): it is shown when the next such picture is decoded, behind the B-frames between
// them. Four packets, decoded at 0, 1, 2 and 3, are I P B B; the B-frames are shown at
// once, at 2 and 3. Then P, if it has no time, is shown behind all that is decoded, at 4;
// I, if it has none, when P is decoded, at 1.
static void resolve_times(reading *r, bool fields)
{
    vb_packets *p = r->packets;
    int64_t next = 0; // when the next such picture is decoded
    int64_t last = r->last_time;
    for (uint64_t i = 0; i < p->count; i++)
        next = r->decode_times[i] > next || i == 0 ? r->decode_times[i] : next;
    next += r->frame_ticks;
    for (uint64_t i = p->count; !fields && i-- > 0;) {
        int64_t dts = r->decode_times[i];
        bool referred = p->items[i].time == UNTIMED || p->items[i].time > dts;
        if (p->items[i].time == UNTIMED)
            p->items[i].time = next;
        if (referred)
            next = dts;
    }
    for (uint64_t i = 0; i < p->count; i++) {
        if (p->items[i].time == UNTIMED)
            p->items[i].time = i ? p->items[i - 1].time + 1 : r->first_time;
        last = p->items[i].time > last ? p->items[i].time : last;
    }
    if (last > r->last_time)
        r->last_span = 0;
    r->last_time = last;
}

// Chooses between times and order, and gives every packet a time.
static void settle_times(reading *r, const AVStream *stream)
{
    vb_packets *p = r->packets;
    bool fields = stream->codecpar->field_order > AV_FIELD_PROGRESSIVE;
    p->by_order = r->untimed_keys > 0 || (!fields && r->untimed > p->count / 10 + 2);
    if (!p->by_order)
        resolve_times(r, fields);
    for (uint64_t i = 0; p->by_order && i < p->count; i++) {
        p->items[i].time = r->decode_times[i];
        r->last_time = i == 0 || r->decode_times[i] > r->last_time ? r->decode_times[i]
                                                                   : r->last_time;
    }
}

// Settles how many frames there are, and how many of them can be read.
static vblip_status count_frames(reading *r, const vb_source *source, vblip_error *err)
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
// that begins in the middle of another.
static void drop_headless(vb_packets *p)
{
    uint32_t first = VB_NO_FRAME; // position
    for (uint64_t i = 0; i < p->count; i++)
        if (p->items[i].key && p->items[i].position < first)
            first = p->items[i].position;
    if (first == 0 || first == VB_NO_FRAME)
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
static void tame_end(reading *r)
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

// Shows what is missing among the frames `from` to `to` where these leave gaps.
static void fill_gaps(vb_packets *p, uint64_t from, uint64_t to, int64_t frame_ticks)
{
    uint64_t next = from; // of those that are missing
    const vb_packet *before = NULL;
    for (uint64_t i = from; i < to; i++) {
        const vb_packet *item = &p->items[i];
        if (item->missing)
            continue;
        int64_t time = before ? before->time + frame_ticks : item->time;
        for (; time < item->time - frame_ticks / 2 && next < to; time += frame_ticks) {
            while (next < to && !p->items[next].missing)
                next++;
            if (next < to)
                p->items[next++].time = time;
        }
        before = item;
    }
}

static bool same_part(const vb_packets *p, uint64_t a, uint64_t b)
{
    return p->items[a].part == p->items[b].part;
}

// Finds when those are shown that holes swallowed. Packets are in order of their times,
// but for what is missing, which is near.
static void place_missing(vb_packets *p, int64_t frame_ticks)
{
    bool moved = false;
    for (uint64_t i = 0; i < p->count; i++) {
        if (!p->items[i].missing)
            continue;
        uint64_t from = i, last = i, to = i;
        while (from > 0 && i - from < AROUND && same_part(p, from - 1, i))
            from--;
        for (; to < p->count && to - last <= AROUND && same_part(p, to, i); to++)
            last = p->items[to].missing ? to : last;
        fill_gaps(p, from, to, frame_ticks);
        i = to - 1;
        moved = true;
    }
    if (moved)
        qsort(p->items, p->count, sizeof *p->items, by_time);
}

// What is decoded behind a packet that is missing refers to it, up to the next key packet,
// and so does what is decoded behind that one and shown before it.
static void lose_references(vb_packets *p)
{
    bool passing = false;
    uint32_t resumed = VB_NO_FRAME;
    for (uint64_t i = 0; i < p->positions; i++) {
        vb_packet *item = p->frames[i] == VB_NO_FRAME ? NULL : &p->items[p->frames[i]];
        if (!item)
            continue;
        if (item->key && !item->lost) {
            resumed = passing ? p->frames[i] : VB_NO_FRAME;
            passing = false;
        }
        passing = passing || item->lost;
        if (passing || (resumed != VB_NO_FRAME && p->frames[i] < resumed))
            item->lost = true;
        p->lost += item->lost;
    }
}

// Puts the packets in order of their times, and finds of each position its frame.
static vblip_status order_frames(reading *r, vblip_error *err)
{
    vb_packets *p = r->packets;
    const uint64_t positions = p->count;
    qsort(p->items, p->count, sizeof *p->items, by_time);
    join_parts(p, r->frame_ticks);
    if (!p->by_order)
        place_missing(p, r->frame_ticks);
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
    lose_references(p);
    p->one_clock = r->clock.part == 0;
    return VBLIP_OK;
}

// The span of the packet shown last, which a walk through the table may not tell: read
// with the packet itself.
static vblip_status read_last_span(reading *r, vb_source *source, vblip_error *err)
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
static vblip_status list_all(reading *r, vb_source *source, vblip_error *err)
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

static void start_clock(reading *r, const vb_source *source)
{
    // Containers that are made to be sent, whose packets come as they are decoded.
    static const char *const sent[] = {"mpegts", "mpeg", "flv"};
    const AVRational base = source->stream->time_base, seconds = {1, 1};
    r->clock = (vb_clock){.frame = r->frame_ticks,
                          .fall = av_rescale_q(FALL_S, seconds, base),
                          .leap = av_rescale_q(LEAP_S, seconds, base),
                          .wrap_bits = source->stream->pts_wrap_bits};
    for (size_t i = 0; i < sizeof sent / sizeof *sent; i++)
        if (strcmp(source->format->iformat->name, sent[i]) == 0)
            r->clock.fall = 0;
}

static vblip_status collect_ordered(reading *r, vb_source *source, bool through_table,
                                    vblip_error *err)
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
    reading r = {.packets = out};
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
