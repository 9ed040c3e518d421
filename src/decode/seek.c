#include "decode/seek.h"

enum {
    SEEK_SKIP = 1000, // packets looked at for the key packet after a seek
    BAD_RUN = 100     // unreadable packets in a row that end the reading
};

static bool is_packet_of(const vb_packet_mark *mark, const AVPacket *packet)
{
    return mark->pts == packet->pts && mark->byte == packet->pos;
}

uint32_t vb_seek_position(const vb_packets *packets, const AVPacket *packet,
                          uint64_t last)
{
    if (last >= packets->positions)
        last = packets->positions ? packets->positions - 1 : 0;
    for (uint64_t i = last + 1; i-- > 0 && packets->positions;)
        if (is_packet_of(&packets->marks[i], packet))
            return (uint32_t)i;
    return VB_NO_FRAME;
}

// Reads the next packet and says whether it is the first of the file.
static bool at_start(vb_source *source, const vb_packets *packets, AVPacket *packet)
{
    return vb_source_read(source, packet) >= 0 && packet->pts == packets->first_pts &&
           packet->dts == packets->first_dts && packet->pos == packets->first_byte;
}

static bool seek_to_start(vb_source *source, const vb_packets *packets,
                          AVPacket *packet)
{
    int stream = source->stream->index;
    int64_t times[] = {packets->first_dts, packets->first_pts};
    for (size_t i = 0; i < 2; i++)
        if (packets->one_clock && times[i] != AV_NOPTS_VALUE &&
            av_seek_frame(source->format, stream, times[i], AVSEEK_FLAG_BACKWARD) >=
                0 &&
            at_start(source, packets, packet))
            return true;
    return !(source->format->iformat->flags & AVFMT_NO_BYTE_SEEK) &&
           av_seek_frame(source->format, stream, 0, AVSEEK_FLAG_BYTE) >= 0 &&
           at_start(source, packets, packet);
}

vblip_status vb_seek_start(vb_source *source, const vb_packets *packets,
                           AVPacket *packet, vblip_error *err)
{
    if (seek_to_start(source, packets, packet))
        return VBLIP_OK;
    VB_TRY(vb_source_reopen(source, err));
    if (at_start(source, packets, packet))
        return VBLIP_OK;
    vb_source_close(source);
    return vb_fail(err, VBLIP_ERR_IO, "changed while it was read");
}

// Reads on to a key packet that lies at `position` or before. False when none comes.
static bool read_to_key(uint32_t *out, vb_source *source, vb_packets *p,
                        uint32_t position, AVPacket *packet)
{
    for (int skipped = 0; skipped < SEEK_SKIP; skipped++) {
        if (vb_source_read(source, packet) < 0)
            return false;
        uint32_t at = vb_seek_position(p, packet, position);
        if (at == VB_NO_FRAME)
            continue;
        bool key = packet->flags & AV_PKT_FLAG_KEY;
        vb_packet *item =
            p->frames[at] == VB_NO_FRAME ? NULL : &p->items[p->frames[at]];
        if (item && p->through_table && !key)
            item->key = false; // the codec knows better
        if (item && item->key && key) {
            *out = at;
            return true;
        }
        if (at == position)
            return false;
    }
    return false;
}

// Seeks to `time` as the file has it.
static bool seek_time(uint32_t *out, vb_source *source, vb_packets *p,
                      uint32_t position, int64_t time, AVPacket *packet)
{
    return av_seek_frame(source->format, source->stream->index, time,
                         AVSEEK_FLAG_BACKWARD) >= 0 &&
           read_to_key(out, source, p, position, packet);
}

static bool seek_byte(uint32_t *out, vb_source *source, vb_packets *p,
                      uint32_t position, AVPacket *packet)
{
    const int64_t byte = p->marks[position].byte;
    return byte >= 0 && (source->format->iformat->flags & AVFMT_TS_DISCONT) &&
           !(source->format->iformat->flags & AVFMT_NO_BYTE_SEEK) &&
           av_seek_frame(source->format, source->stream->index, byte,
                         AVSEEK_FLAG_BYTE) >= 0 &&
           read_to_key(out, source, p, position, packet);
}

uint32_t vb_seek_first(const vb_packets *p, uint32_t position)
{
    while (position < p->positions && p->marks[position].byte == VB_NO_BYTE)
        position++;
    return position;
}

// Reads from the first packet on, whatever that costs.
static vblip_status read_from_start(uint32_t *out, vb_source *source, vb_packets *p,
                                    uint32_t position, AVPacket *packet,
                                    vblip_error *err)
{
    VB_TRY(vb_seek_start(source, p, packet, err));
    uint32_t at = vb_seek_first(p, 0);
    for (int bad = 0; bad < BAD_RUN;) {
        bool shown = !(packet->flags & AV_PKT_FLAG_DISCARD);
        if (shown && at == position) {
            *out = position;
            return VBLIP_OK;
        }
        at = vb_seek_first(p, at + (shown && bad == 0));
        int code = vb_source_read(source, packet);
        if (code == AVERROR(ENOMEM))
            return vb_fail_memory(err, "packet");
        if (code == AVERROR_EOF)
            break;
        bad = code < 0 ? bad + 1 : 0;
    }
    return vb_fail(err, VBLIP_ERR_IO, "changed while it was read");
}

vblip_status vb_seek_key(uint32_t *out, vb_source *source, vb_packets *packets,
                         uint32_t position, AVPacket *packet, vblip_error *err)
{
    const vb_packet *item = &packets->items[packets->frames[position]];
    const int64_t pts = packets->marks[position].pts;
    // The container may look up times of presentation or of decoding.
    if (packets->one_clock && pts != AV_NOPTS_VALUE &&
        (seek_time(out, source, packets, position, pts, packet) ||
         (packets->reordering && seek_time(out, source, packets, position,
                                           pts - packets->reordering, packet))))
        return VBLIP_OK;
    *out = VB_NO_FRAME;
    if (!item->key)
        return VBLIP_OK;
    if (seek_byte(out, source, packets, position, packet))
        return VBLIP_OK;
    return read_from_start(out, source, packets, position, packet, err);
}
