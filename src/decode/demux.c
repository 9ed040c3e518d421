#include "decode/demux.h"

#include "decode/averror.h"
#include "decode/orient.h"

#include <inttypes.h>
#include <stdlib.h>

#include <libavcodec/avcodec.h>

// Demuxers have no log level of their own, but a class could say where it is: in a field
// that is for muxers only.
void vb_demux_silence(AVFormatContext *format, AVClass *quiet)
{
    *quiet = *format->av_class;
    if (quiet->version > LIBAVUTIL_VERSION_INT)
        quiet->version = LIBAVUTIL_VERSION_INT; // of the fields that were copied
    quiet->log_level_offset_offset = offsetof(AVFormatContext, metadata_header_padding);
    format->av_class = quiet;
    format->metadata_header_padding = vb_av_log_offset();
}

static bool is_video(const AVStream *stream)
{
    return stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
           !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC);
}

vblip_status vb_demux_check_pixels(const AVFormatContext *format, uint64_t max_pixels,
                                   vblip_error *err)
{
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVCodecParameters *p = format->streams[i]->codecpar;
        uint64_t w = p->width > 0 ? (uint64_t)p->width : 0;
        uint64_t h = p->height > 0 ? (uint64_t)p->height : 0;
        if (is_video(format->streams[i]) && w * h > max_pixels)
            return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                           "%" PRIu64 "x%" PRIu64 " pixels, at most %" PRIu64
                           " in all are read",
                           w, h, max_pixels);
    }
    return VBLIP_OK;
}

static AVStream *pick_stream(AVFormatContext *format)
{
    int best = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (best >= 0 && is_video(format->streams[best]))
        return format->streams[best];
    for (unsigned i = 0; i < format->nb_streams; i++)
        if (is_video(format->streams[i]))
            return format->streams[i];
    return NULL;
}

AVStream *vb_demux_pick(AVFormatContext *format)
{
    AVStream *picked = pick_stream(format);
    for (unsigned i = 0; picked && i < format->nb_streams; i++)
        if (format->streams[i] != picked)
            format->streams[i]->discard = AVDISCARD_ALL;
    return picked;
}

int vb_demux_find_streams(AVFormatContext *format)
{
    const unsigned count = format->nb_streams; // more may be found
    AVDictionary **options = calloc(count ? count : 1, sizeof *options);
    int code = options ? 0 : AVERROR(ENOMEM);
    for (unsigned i = 0; code >= 0 && i < count; i++)
        code = av_dict_set_int(&options[i], "log_level_offset", vb_av_log_offset(), 0);
    if (code >= 0)
        code = avformat_find_stream_info(format, options);
    for (unsigned i = 0; options && i < count; i++)
        av_dict_free(&options[i]);
    free(options);
    return code;
}

// How the stream is to be turned; NULL = as it is.
static const int32_t *display_matrix(const AVStream *stream)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102) // FFmpeg 6.1
    const AVCodecParameters *par = stream->codecpar;
    const AVPacketSideData *side = av_packet_side_data_get(
        par->coded_side_data, par->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    const uint8_t *matrix = side ? side->data : NULL;
#else
    const uint8_t *matrix =
        av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, NULL);
#endif
    return (const int32_t *)(const void *)matrix;
}

uint32_t vb_demux_orientation(const AVStream *stream)
{
    return vb_orientation_from_matrix(display_matrix(stream));
}
