#include "decode/table.h"

#include <stdlib.h>
#include <string.h>

// libavformat parses the packets of some codecs. What that can add to a table of these
// is nothing, but for key packets of H.264 that the table leaves out (recovery points):
// decoding then starts further ahead.
static bool is_told_by_table(enum AVCodecID codec)
{
    static const enum AVCodecID told[] = {
        AV_CODEC_ID_H264,  AV_CODEC_ID_HEVC,  AV_CODEC_ID_AV1, AV_CODEC_ID_VP9,
        AV_CODEC_ID_MPEG4, AV_CODEC_ID_MJPEG, AV_CODEC_ID_PNG, AV_CODEC_ID_PRORES,
    };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (told[i] == codec)
            return true;
    return false;
}

static const AVIndexEntry *table_entry(const vb_source *source, int index)
{
    return avformat_index_get_entry(source->stream, index);
}

static bool is_trusted(const vb_source *source)
{
    const AVStream *stream = source->stream;
    // A table that knows of no key packets leaves telling them to the parser.
    return strstr(source->format->iformat->name, "mp4") &&
           is_told_by_table(stream->codecpar->codec_id) &&
           avformat_index_get_entries_count(stream) > 0 &&
           (table_entry(source, 0)->flags & AVINDEX_KEYFRAME);
}

static int by_position(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static vblip_status copy_positions(vb_table *table, const vb_source *source,
                                   vblip_error *err)
{
    table->count = (size_t)avformat_index_get_entries_count(source->stream);
    table->positions = malloc(table->count * sizeof *table->positions);
    if (!table->positions)
        return vb_fail_memory(err, "packet index");
    for (size_t i = 0; i < table->count; i++)
        table->positions[i] = table_entry(source, (int)i)->pos;
    qsort(table->positions, table->count, sizeof *table->positions, by_position);
    return VBLIP_OK;
}

vblip_status vb_table_begin(vb_table *out, vb_source *source, vblip_error *err)
{
    *out = (vb_table){0};
    if (!is_trusted(source))
        return VBLIP_OK;
    VB_TRY(copy_positions(out, source, err));
    source->format->flags |= AVFMT_FLAG_NOPARSE;
    if (av_seek_frame(source->format, source->stream->index, INT64_MIN / 2,
                      AVSEEK_FLAG_BACKWARD | AVSEEK_FLAG_ANY) < 0) {
        free(out->positions);
        *out = (vb_table){0};
        return vb_source_reopen(source, err);
    }
    vb_reader_skip_samples(source->reader, out->positions, out->count);
    return VBLIP_OK;
}

void vb_table_end(vb_table *table, vb_source *source)
{
    if (!table->positions)
        return;
    vb_reader_skip_samples(source->reader, NULL, 0);
    source->format->flags &= ~AVFMT_FLAG_NOPARSE;
    // Of a file in fragments the table grew, and what was new to it was read.
    if (table->count == (size_t)avformat_index_get_entries_count(source->stream))
        vb_reader_keep_no_more(source->reader);
    free(table->positions);
    *table = (vb_table){0};
}
