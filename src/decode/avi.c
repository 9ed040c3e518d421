#include "decode/avi.h"

#include <string.h>

enum { CHUNK = 8 }; // bytes in front of a packet

bool vb_avi_is(const vb_source *source)
{
    return strcmp(source->format->iformat->name, "avi") == 0;
}

static bool avi_is_of(const vb_source *source, enum AVCodecID codec)
{
    return vb_avi_is(source) && source->stream->codecpar->codec_id == codec;
}

static const AVIndexEntry *avi_entry(const vb_source *source, int i)
{
    return avformat_index_get_entry(source->stream, i);
}

// Whether the chunk of the packet at `byte` has that size. Where the first packets are
// missing libavformat takes the index to begin with the first that it finds.
static bool avi_has_size(const vb_source *source, int64_t byte, int size)
{
    uint8_t field[4];
    if (!vb_reader_peek(source->reader, byte - 4, field, sizeof field))
        return false;
    const uint32_t said = (uint32_t)field[0] | (uint32_t)field[1] << 8 |
                          (uint32_t)field[2] << 16 | (uint32_t)field[3] << 24;
    return size >= 0 && said == (uint32_t)size;
}

// The place in the index of the packet at `byte`; -1 for none.
static int avi_find(const vb_source *source, int64_t byte)
{
    int low = 0, high = avformat_index_get_entries_count(source->stream);
    while (low < high) {
        const int middle = low + (high - low) / 2;
        const AVIndexEntry *entry = avi_entry(source, middle);
        if (entry->pos + CHUNK == byte)
            return avi_has_size(source, byte, entry->size) ? middle : -1;
        if (entry->pos + CHUNK < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

void vb_avi_correct(const vb_source *source, AVPacket *packet)
{
    const int i = vb_avi_is(source) ? avi_find(source, packet->pos) : -1;
    const AVIndexEntry *entry = i < 0 ? NULL : avi_entry(source, i);
    if (!entry || packet->dts == AV_NOPTS_VALUE || entry->timestamp <= packet->dts)
        return;
    if (packet->pts != AV_NOPTS_VALUE)
        packet->pts += entry->timestamp - packet->dts;
    packet->dts = entry->timestamp;
    packet->flags &= ~AV_PKT_FLAG_KEY;
    if (entry->flags & AVINDEX_KEYFRAME)
        packet->flags |= AV_PKT_FLAG_KEY;
}

int64_t vb_avi_between(const vb_source *source, int64_t from, int64_t to)
{
    const bool ends = to == INT64_MAX;
    const int first = from == 0 ? -1 : avi_find(source, from);
    const int last =
        ends ? avformat_index_get_entries_count(source->stream) : avi_find(source, to);
    const int64_t bytes = (ends ? avio_size(source->format->pb) : to) - from;
    if (!source->indexed || last <= first || (from != 0 && first < 0) ||
        last - first - 1 > bytes / CHUNK)
        return -1;
    int64_t count = 0;
    for (int i = first + 1; i < last; i++)
        count += avi_entry(source, i)->size > 0; // others hold no picture
    return count;
}

bool vb_avi_is_open(const vb_source *source, const AVPacket *packet)
{
    enum { IDR = 5, TYPE = 0x1F };
    const AVCodecParameters *par = source->stream->codecpar;
    if (!avi_is_of(source, AV_CODEC_ID_H264) ||
        (par->extradata_size > 0 && par->extradata[0] == 1)) // no start codes
        return false;
    for (int i = 0; i + 3 < packet->size; i++)
        if (memcmp(packet->data + i, "\0\0\1", 3) == 0 &&
            (packet->data[i + 3] & TYPE) == IDR)
            return false;
    return true;
}

bool vb_avi_is_packed(const vb_source *source, const AVPacket *packet)
{
    int pictures = 0;
    if (avi_is_of(source, AV_CODEC_ID_MPEG4))
        for (int i = 0; i + 3 < packet->size; i++)
            pictures += memcmp(packet->data + i, "\0\0\1\xB6", 4) == 0;
    return pictures > 1;
}
