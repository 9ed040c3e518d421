#include "decode/holes.h"

#include "decode/avi.h"
#include "decode/chain.h"

#include <stdlib.h>
#include <string.h>

enum {
    HEADER = 8 // bytes that a packet needs at least
};

static bool holes_are_of(const vb_source *source, const char *format)
{
    return strcmp(source->format->iformat->name, format) == 0;
}

static bool is_matroska(const vb_source *source)
{
    return holes_are_of(source, "matroska,webm");
}

// How many frames are left out where it is `ticks` from one to the next: no more than
// `bytes` have room for.
static uint64_t frames_between(const vb_reading *r, int64_t ticks, int64_t bytes)
{
    const int64_t frames = (ticks + r->frame_ticks / 2) / r->frame_ticks - 1;
    const int64_t most = bytes / HEADER;
    return frames < 1 || most < 1 ? 0 : (uint64_t)(frames < most ? frames : most);
}

// How many packets a hole swallowed in front of `packet`, which is decoded at `dts`. A gap
// in time alone is none: frames may come as they like.
static uint64_t count_swallowed(const vb_reading *r, const vb_source *source,
                                const AVPacket *packet, int64_t dts)
{
    const vb_packets *p = r->packets;
    if (p->count == 0 || p->items[p->count - 1].part != (r->clock.part & VB_PART))
        return 0;
    const bool avi = vb_avi_is(source);
    const int64_t listed = avi ? vb_avi_between(source, r->last_byte, packet->pos) : -1;
    if (listed >= 0)
        return (uint64_t)listed;
    const int64_t gap = dts - r->decode_times[p->count - 1];
    // The times of an AVI are counted by what is there of it.
    const bool suspected = avi || gap - r->frame_ticks > r->frame_ticks / 2;
    // Of a picture that shares its packet of a program stream the place is not told.
    const int64_t to = packet->pos < 0 && holes_are_of(source, "mpeg")
                           ? avio_tell(source->format->pb)
                           : packet->pos;
    if (is_matroska(source) || !suspected ||
        !vb_chain_breaks(source->reader, source->format->iformat->name, r->last_byte,
                         to, packet->flags & AV_PKT_FLAG_KEY))
        return 0;
    const uint64_t frames = frames_between(r, gap, to - r->last_byte);
    return frames ? frames : !source->indexed; // then it may have been anything
}

// When the first of the packets from position `from` on is shown; VB_UNTIMED when none says.
static int64_t first_shown(const vb_reading *r, uint64_t from)
{
    const vb_packets *p = r->packets;
    int64_t first = VB_UNTIMED;
    for (uint64_t i = from; i < p->count && i < from + VB_AROUND; i++)
        if (p->items[i].time != VB_UNTIMED &&
            (first == VB_UNTIMED || p->items[i].time < first))
            first = p->items[i].time;
    return first;
}

// Places for `count` packets that a hole swallowed in front of the one at position `at`.
// When they are shown is seen when all times are known.
static vblip_status insert_missing(vb_reading *r, uint64_t at, uint64_t count,
                                   vblip_error *err)
{
    vb_packets *p = r->packets;
    if (count == 0)
        return VBLIP_OK;
    VB_TRY(vb_reading_make_room(r, count, err));
    const uint64_t behind = p->count - at, to = at + count;
    memmove(p->items + to, p->items + at, behind * sizeof *p->items);
    memmove(p->marks + to, p->marks + at, behind * sizeof *p->marks);
    memmove(r->decode_times + to, r->decode_times + at,
            behind * sizeof *r->decode_times);
    p->count += count;
    for (uint64_t i = to; i < p->count; i++)
        p->items[i].position = (uint32_t)i;
    for (size_t i = 0; i < p->header_count; i++)
        p->headers[i].position += p->headers[i].position >= at ? count : 0;
    int64_t dts = at ? r->decode_times[at - 1]
                     : r->decode_times[to] - r->frame_ticks * (int64_t)(count + 1);
    const vb_packet near = p->items[at ? at - 1 : to];
    const int64_t shown = at ? VB_UNTIMED : first_shown(r, to);
    int64_t ahead = p->reordering;
    if (at == 0)
        ahead = shown == VB_UNTIMED ? 0 : shown - r->decode_times[to];
    else
        p->items[at - 1].lost = true; // the hole may begin within it
    for (uint64_t i = at; i < to; i++) {
        r->decode_times[i] = dts += r->frame_ticks;
        p->marks[i] = (vb_packet_mark){.byte = VB_NO_BYTE, .pts = AV_NOPTS_VALUE};
        p->items[i] = (vb_packet){.time = dts + ahead,
                                  .position = (uint32_t)i,
                                  .part = near.part,
                                  .lost = true,
                                  .missing = true};
    }
    return VBLIP_OK;
}

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

// How many frames the times around the hole in front of position `at` leave out. There may
// be no packet behind it.
static uint64_t count_gaps(const vb_reading *r, uint64_t at)
{
    const vb_packets *p = r->packets;
    int64_t times[2 * VB_AROUND], low = INT64_MAX, high = INT64_MIN;
    size_t count = 0;
    for (uint64_t i = at < VB_AROUND ? 0 : at - VB_AROUND;
         i < p->count && i < at + VB_AROUND; i++) {
        const int64_t time = p->items[i].time;
        if (time == VB_UNTIMED || p->items[i].part != p->items[at - 1].part)
            continue;
        times[count++] = time;
        if (i + VB_REORDERED < at || i >= at + VB_REORDERED)
            continue;
        low = time < low ? time : low;
        high = time > high ? time : high;
    }
    qsort(times, count, sizeof *times, by_value);
    uint64_t frames = 0;
    for (size_t i = 1; i < count; i++)
        if (times[i - 1] >= low && times[i] <= high)
            frames += frames_between(r, times[i] - times[i - 1], INT64_MAX);
    return frames;
}

// How many packets the file declares besides those that were read.
static uint64_t count_declared_more(const vb_reading *r, const vb_source *source)
{
    const AVStream *stream = source->stream;
    const int64_t size = avio_size(source->format->pb);
    int64_t more = 0; // ticks
    if (vb_avi_is(source) && stream->nb_frames < r->limit_ticks / r->frame_ticks)
        more = (stream->nb_frames - (int64_t)r->packets->count) * r->frame_ticks;
    if (is_matroska(source) && vb_is_time(source->format->duration))
        more =
            av_rescale_q(source->format->duration, AV_TIME_BASE_Q, stream->time_base) -
            r->last_time - r->frame_ticks;
    return frames_between(r, more + r->frame_ticks, size);
}

// How many are missing in front of the first packet.
static uint64_t count_in_front(const vb_reading *r, const vb_source *source)
{
    const vb_packets *p = r->packets;
    const int64_t byte = p->marks[0].byte;
    const int64_t listed = vb_avi_is(source) ? vb_avi_between(source, 0, byte) : -1;
    if (listed >= 0)
        return (uint64_t)listed;
    if (!vb_chain_breaks_before(source->reader, source->format->iformat->name, byte))
        return 0;
    if (!is_matroska(source))
        return count_declared_more(r, source);
    // Recordings begin at 0, but for those that were joined to a stream on its way.
    const int64_t first = first_shown(r, 0);
    if (first < 0) // VB_UNTIMED, too
        return 0;
    const uint64_t frames = frames_between(r, first + r->frame_ticks, INT64_MAX);
    return frames > (uint64_t)byte / HEADER ? 1 : frames;
}

// How many are missing behind the last packet, where the file says how long it is.
static uint64_t count_behind(const vb_reading *r, const vb_source *source)
{
    const bool avi = vb_avi_is(source);
    const int64_t listed = avi ? vb_avi_between(source, r->last_byte, INT64_MAX) : -1;
    if (listed >= 0)
        return (uint64_t)listed;
    const int64_t size = avio_size(source->format->pb);
    if (!vb_chain_breaks(source->reader, source->format->iformat->name, r->last_byte,
                         size, false))
        return 0;
    const uint64_t most = (uint64_t)(size - r->last_byte) / HEADER;
    uint64_t frames = avi ? 0 : count_gaps(r, r->packets->count);
    frames = frames < most ? frames + count_declared_more(r, source) : most;
    return frames < most ? frames : most;
}

// Matroska has no decoding times, and those of presentation tell what a hole swallowed
// when those behind it are known.
static vblip_status settle_hole(vb_reading *r, vblip_error *err)
{
    const uint64_t at = r->hole;
    r->hole = 0;
    if (at == 0)
        return VBLIP_OK;
    const vb_packet_mark *marks = r->packets->marks;
    const uint64_t most = (uint64_t)(marks[at].byte - marks[at - 1].byte) / HEADER;
    const uint64_t gaps = count_gaps(r, at);
    return insert_missing(r, at, gaps < most ? gaps : most, err);
}

static bool leaves_hole(const vb_reading *r, const vb_source *source,
                        const AVPacket *packet, int64_t pts)
{
    const vb_packets *p = r->packets;
    return is_matroska(source) && p->count && pts != VB_UNTIMED &&
           p->items[p->count - 1].part == (r->clock.part & VB_PART) &&
           pts - r->last_time - r->frame_ticks > r->frame_ticks / 2 &&
           vb_chain_breaks(source->reader, source->format->iformat->name,
                           p->marks[p->count - 1].byte, packet->pos,
                           packet->flags & AV_PKT_FLAG_KEY);
}

vblip_status vb_holes_before(vb_reading *r, const vb_source *source,
                             const AVPacket *packet, int64_t pts, int64_t dts,
                             vblip_error *err)
{
    const bool hole = leaves_hole(r, source, packet, pts);
    if (r->hole && (hole || r->packets->count - r->hole >= VB_AROUND))
        VB_TRY(settle_hole(r, err));
    if (hole)
        r->hole = r->packets->count;
    return insert_missing(r, r->packets->count, count_swallowed(r, source, packet, dts),
                          err);
}

// Where libavformat does not know where the packets of an AVI end, it finds one that is cut
// in the index behind them. What seems to be missing in front of that one is counted again
// from the last packet that is one.
static void drop_false_last(vb_reading *r, const vb_source *source)
{
    vb_packets *p = r->packets;
    if (!r->cut || source->cut || p->count < 2 || !vb_avi_is(source))
        return;
    do
        p->count--;
    while (p->count > 1 && p->marks[p->count - 1].byte == VB_NO_BYTE);
    r->cut = false;
    r->last_byte = p->marks[p->count - 1].byte;
}

vblip_status vb_holes_settle(vb_reading *r, const vb_source *source, vblip_error *err)
{
    VB_TRY(settle_hole(r, err));
    drop_false_last(r, source);
    const bool told = vb_avi_is(source) || is_matroska(source);
    if (r->packets->count == 0 || source->cut || r->cut || !told)
        return VBLIP_OK;
    VB_TRY(insert_missing(r, 0, count_in_front(r, source), err));
    return insert_missing(r, r->packets->count, count_behind(r, source), err);
}
