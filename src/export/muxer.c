#include "export/muxer.h"

#include "decode/averror.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <libavcodec/avcodec.h>

enum { MUXER_BUFFER = 1 << 16 };

static const struct {
    const char *extension, *container;
} containers[] = {
    {".mp4", "mp4"},      {".m4v", "mp4"},   {".mov", "mov"},
    {".mkv", "matroska"}, {".webm", "webm"},
};
enum { CONTAINERS = sizeof containers / sizeof *containers, MKV = 3, WEBM = 4 };

// CONTAINERS where there is none.
static int find_container(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash ? slash : path, '.');
    int i = 0;
    while (i < CONTAINERS && !(dot && strcasecmp(dot, containers[i].extension) == 0))
        i++;
    return i;
}

const char *vb_muxer_extension(const char *path, bool encoded)
{
    const int found = find_container(path);
    const bool fits = found < CONTAINERS && !(encoded && found == WEBM);
    return containers[fits ? found : MKV].extension;
}

// --------------------------------------------------------------------------- the file

#if LIBAVFORMAT_VERSION_MAJOR >= 61 // FFmpeg 7
static int write_bytes(void *file, const uint8_t *bytes, int size)
#else
static int write_bytes(void *file, uint8_t *bytes, int size)
#endif
{
    vb_outfile *out = file;
    return vb_outfile_write(out, bytes, (size_t)size) ? size : AVERROR(out->error);
}

static int64_t seek_bytes(void *file, int64_t offset, int whence)
{
    vb_outfile *out = file;
    if (whence == AVSEEK_SIZE)
        return AVERROR(ENOSYS);
    if (fseeko(out->stream, (off_t)offset, whence & ~AVSEEK_FORCE) != 0)
        return AVERROR(errno);
    return (int64_t)ftello(out->stream);
}

static vblip_status open_io(vb_muxer *m, vblip_error *err)
{
    unsigned char *buffer = av_malloc(MUXER_BUFFER);
    if (buffer)
        m->format->pb = avio_alloc_context(buffer, MUXER_BUFFER, 1, &m->file, NULL,
                                           write_bytes, seek_bytes);
    if (m->format->pb)
        return VBLIP_OK;
    av_free(buffer);
    return vb_fail_memory(err, m->file.name);
}

static void close_format(vb_muxer *m)
{
    if (!m->format)
        return;
    if (m->format->pb) {
        av_freep(&m->format->pb->buffer);
        avio_context_free(&m->format->pb);
    }
    avformat_free_context(m->format);
    m->format = NULL;
}

vblip_status vb_muxer_open(vb_muxer *out, const char *path, vblip_error *err)
{
    const int found = find_container(path);
    *out = (vb_muxer){0};
    if (found == CONTAINERS)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "%.400s: mp4, m4v, mov, mkv or webm can be written", path);
    VB_TRY(vb_outfile_open(&out->file, path, err));
    vblip_status status = VBLIP_OK;
    const int code = avformat_alloc_output_context2(&out->format, NULL,
                                                    containers[found].container, NULL);
    if (code < 0)
        status = vb_fail_av(err, code, path);
    if (status == VBLIP_OK)
        status = open_io(out, err);
    if (status != VBLIP_OK)
        vb_muxer_discard(out);
    return status;
}

// What went wrong with the file itself tells more than what the muxer made of it.
static vblip_status muxer_fail(const vb_muxer *m, int code, vblip_error *err)
{
    if (m->file.error)
        return vb_fail_errno(err, m->file.name, m->file.error);
    return vb_fail_av(err, code, m->file.name);
}

// ------------------------------------------------------------------------- the streams

bool vb_muxer_takes(const vb_muxer *muxer, enum AVCodecID codec)
{
    // What a container does not say of itself, its header will.
    return avformat_query_codec(muxer->format->oformat, codec, FF_COMPLIANCE_NORMAL) !=
           0;
}

#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102) // FFmpeg 6.1
static int copy_side_data(AVStream *to, const AVStream *from)
{
    const AVCodecParameters *par = from->codecpar;
    for (int i = 0; i < par->nb_coded_side_data; i++) {
        const AVPacketSideData *side = &par->coded_side_data[i];
        AVPacketSideData *made = av_packet_side_data_new(
            &to->codecpar->coded_side_data, &to->codecpar->nb_coded_side_data,
            side->type, side->size, 0);
        if (!made)
            return AVERROR(ENOMEM);
        memcpy(made->data, side->data, side->size);
    }
    return 0;
}
#else
static int copy_side_data(AVStream *to, const AVStream *from)
{
    for (int i = 0; i < from->nb_side_data; i++) {
        const AVPacketSideData *side = &from->side_data[i];
        uint8_t *made = av_stream_new_side_data(to, side->type, side->size);
        if (!made)
            return AVERROR(ENOMEM);
        memcpy(made, side->data, side->size);
    }
    return 0;
}
#endif

vblip_status vb_muxer_copy_tags(AVStream *to, const AVStream *from, vblip_error *err)
{
    to->disposition = from->disposition;
    to->sample_aspect_ratio = from->sample_aspect_ratio;
    if (copy_side_data(to, from) < 0 || av_dict_copy(&to->metadata, from->metadata, 0))
        return vb_fail_memory(err, "stream");
    return VBLIP_OK;
}

vblip_status vb_muxer_copy_stream(AVStream **out, vb_muxer *muxer, const AVStream *from,
                                  vblip_error *err)
{
    const struct AVCodecTag *const *tags = muxer->format->oformat->codec_tag;
    const AVCodecParameters *par = from->codecpar;
    AVStream *to = avformat_new_stream(muxer->format, NULL);
    *out = to;
    if (!to || avcodec_parameters_copy(to->codecpar, par) < 0)
        return vb_fail_memory(err, "stream");
    if (!tags || av_codec_get_id(tags, par->codec_tag) != par->codec_id)
        to->codecpar->codec_tag = 0; // the container has one of its own
    to->time_base = from->time_base;
    to->avg_frame_rate = from->avg_frame_rate;
    return vb_muxer_copy_tags(to, from, err);
}

// --------------------------------------------------------------------------- writing

vblip_status vb_muxer_begin(vb_muxer *muxer, vblip_error *err)
{
    const int code = avformat_write_header(muxer->format, NULL);
    return code < 0 ? muxer_fail(muxer, code, err) : VBLIP_OK;
}

vblip_status vb_muxer_write(vb_muxer *muxer, const AVStream *stream,
                            AVRational time_base, AVPacket *packet, vblip_error *err)
{
    packet->stream_index = stream->index;
    packet->pos = -1;
    av_packet_rescale_ts(packet, time_base, stream->time_base);
    const int code = av_interleaved_write_frame(muxer->format, packet);
    return code < 0 ? muxer_fail(muxer, code, err) : VBLIP_OK;
}

vblip_status vb_muxer_finish(vb_muxer *muxer, vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    const int code = av_write_trailer(muxer->format);
    if (code < 0)
        status = muxer_fail(muxer, code, err);
    avio_flush(muxer->format->pb);
    close_format(muxer);
    if (status == VBLIP_OK)
        return vb_outfile_finish(&muxer->file, err);
    vb_outfile_discard(&muxer->file);
    return status;
}

void vb_muxer_discard(vb_muxer *muxer)
{
    close_format(muxer);
    if (muxer->file.stream)
        vb_outfile_discard(&muxer->file);
}
