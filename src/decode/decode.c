#include "decode/decode.h"

#include "decode/avimage.h"
#include "decode/decoder.h"
#include "decode/demux.h"
#include "decode/hwdecode.h"
#include "decode/orient.h"
#include "decode/resize.h"
#include "decode/scale.h"
#include "decode/still.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/log.h>

enum {
    MAX_SIDE = 16384, // pixels of the squares that are made
    OTHER_SIDES = 4   // that frames are scaled to in turn, without making a scaler anew
};

// Of squares of another size than the video's own.
typedef struct sized_scaler {
    uint32_t side; // 0 = of none yet
    vb_scaler scaler;
} sized_scaler;

struct vb_video {
    vb_decode_options options;
    vb_video_info info;
    vb_decoder decoder; // closed for a still image
    vb_scaler scaler;
    sized_scaler others[OTHER_SIDES];
    uint32_t replaced; // of these, the next one that serves another size
    AVFrame *fetched;  // from the device that decodes
    uint32_t orientation;
    vb_image image;   // of a still
    uint64_t content; // of a still's file, where it is wanted
};

// The first bytes of a regular file, padded with zeros. A pipe could not be read twice,
// and opening one could block for ever.
static vblip_status read_first_bytes(uint8_t head[VB_STILL_HEAD], const char *path,
                                     vblip_error *err)
{
    memset(head, 0, VB_STILL_HEAD);
    struct stat st;
    if (stat(path, &st) != 0)
        return vb_fail_errno(err, NULL, errno);
    if (!S_ISREG(st.st_mode))
        return vb_fail(err, VBLIP_ERR_IO, "not a regular file");
    if (st.st_size == 0)
        return vb_fail(err, VBLIP_ERR_FORMAT, "empty file");
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return vb_fail_errno(err, NULL, errno);
    ssize_t got = read(file, head, VB_STILL_HEAD);
    int number = errno;
    close(file);
    return got <= 0 ? vb_fail_errno(err, NULL, got ? number : 0) : VBLIP_OK;
}

static void describe_still(vb_video *v)
{
    v->info = (vb_video_info){.still = true,
                              .frames = 1,
                              .readable = 1,
                              .width = v->image.width,
                              .height = v->image.height};
    memcpy(v->info.warning, v->image.warning, sizeof v->info.warning);
}

static vblip_status open_still(vb_video *v, const char *path, vblip_error *err)
{
    VB_TRY(vb_still_read(&v->image, v->options.keep_bytes ? &v->content : NULL, path,
                         v->options.max_pixels, v->options.ignore_orientation, err));
    describe_still(v);
    return VBLIP_OK;
}

// A GIF that does not move is an image.
static vblip_status open_single_gif(vb_video *v, vblip_error *err)
{
    const AVFrame *frame;
    VB_TRY(vb_decoder_frame(&v->decoder, 0, &frame, err));
    VB_TRY(vb_image_from_frame(&v->image, frame, err));
    describe_still(v);
    if (v->options.keep_bytes)
        VB_TRY(vb_reader_content(v->decoder.source.reader, &v->content, err));
    vb_decoder_close(&v->decoder);
    return VBLIP_OK;
}

static vblip_status open_film(vb_video *v, const char *path, vblip_error *err)
{
    VB_TRY(vb_decoder_open(&v->decoder, path, &v->options, err));
    const vb_packets *packets = &v->decoder.packets;
    const AVStream *stream = v->decoder.source.stream;
    if (packets->count == 1 && stream->codecpar->codec_id == AV_CODEC_ID_GIF)
        return open_single_gif(v, err);
    v->orientation = vb_demux_orientation(stream);
    uint32_t width = (uint32_t)stream->codecpar->width;
    uint32_t height = (uint32_t)stream->codecpar->height;
    bool turned = (v->orientation & VB_TRANSPOSE) != 0;
    v->info = (vb_video_info){
        .frames = packets->count,
        .readable = packets->readable,
        .lost = packets->lost,
        .unread_bytes = (uint64_t)v->decoder.source.unread,
        .duration_us = vb_packets_end_us(packets),
        .lead_us = vb_packets_lead_us(packets, v->decoder.source.format->start_time),
        .width = turned ? height : width,
        .height = turned ? width : height,
    };
    return VBLIP_OK;
}

static vblip_status set_options(vb_video *v, const vb_decode_options *options,
                                vblip_error *err)
{
    const uint64_t day_us = UINT64_C(86400) * 1000000;
    if (!options || options->side == 0 || options->side > MAX_SIDE)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "side %u, 1 to %d are allowed",
                       options ? options->side : 0, MAX_SIDE);
    v->options = *options;
    if (v->options.max_pixels == 0 || v->options.max_pixels > INT64_MAX)
        v->options.max_pixels = 16384 * 16384;
    if (v->options.max_duration_us <= 0)
        v->options.max_duration_us = (int64_t)(day_us * 31);
    if (v->options.max_duration_us > (int64_t)(day_us * 3650))
        v->options.max_duration_us = (int64_t)(day_us * 3650);
    return VBLIP_OK;
}

vblip_status vb_video_open(vb_video **out, const char *path,
                           const vb_decode_options *options, vblip_error *err)
{
    *out = NULL;
    vb_video *v = calloc(1, sizeof *v);
    if (!v)
        return vb_fail_memory(err, "video");
    uint8_t head[VB_STILL_HEAD];
    vblip_status status = set_options(v, options, err);
    if (status == VBLIP_OK)
        status = read_first_bytes(head, path, err);
    if (status == VBLIP_OK)
        status = vb_still_check(head, err);
    if (status == VBLIP_OK)
        status = vb_still_is(head) ? open_still(v, path, err) : open_film(v, path, err);
    if (status != VBLIP_OK) {
        vb_video_close(&v);
        return status;
    }
    *out = v;
    return VBLIP_OK;
}

void vb_video_close(vb_video **video)
{
    if (!*video)
        return;
    vb_decoder_close(&(*video)->decoder);
    vb_scaler_free(&(*video)->scaler);
    for (uint32_t i = 0; i < OTHER_SIDES; i++)
        vb_scaler_free(&(*video)->others[i].scaler);
    av_frame_free(&(*video)->fetched);
    free((*video)->image.rgb);
    free(*video);
    *video = NULL;
}

void vb_decode_silence(void)
{
    if (av_log_get_level() == AV_LOG_INFO)
        av_log_set_level(AV_LOG_QUIET);
}

const vb_video_info *vb_video_describe(const vb_video *video)
{
    return &video->info;
}

uint64_t vb_video_bytes_read(const vb_video *video)
{
    const vb_reader *reader = video->decoder.source.reader;
    return reader ? vb_reader_bytes_read(reader) : 0;
}

vblip_status vb_video_content(vb_video *video, uint64_t *out, vblip_error *err)
{
    *out = video->content;
    return video->info.still
               ? VBLIP_OK
               : vb_reader_content(video->decoder.source.reader, out, err);
}

int64_t vb_video_time(const vb_video *video, uint64_t index)
{
    if (video->info.still)
        return 0;
    if (index >= video->info.frames)
        return video->info.duration_us;
    return vb_packets_time_us(&video->decoder.packets, index);
}

uint64_t vb_video_index_at(const vb_video *video, int64_t time_us)
{
    uint64_t low = 0, high = video->info.frames;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (vb_video_time(video, middle) <= time_us)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint64_t vb_video_next_key(const vb_video *video, uint64_t index)
{
    if (video->info.still)
        return index > 0;
    return index < video->info.frames ? vb_decoder_next_key(&video->decoder, index)
                                      : video->info.frames;
}

uint64_t vb_video_place(const vb_video *video, uint64_t index)
{
    return video->info.still || index >= video->info.frames
               ? 0
               : vb_decoder_place(&video->decoder, index);
}

bool vb_video_has_large(const vb_video *video, uint64_t from, uint64_t end)
{
    return !video->info.still && vb_decoder_has_large(&video->decoder, from, end);
}

uint64_t vb_video_decoded_for(const vb_video *video, uint64_t last, uint64_t index)
{
    return video->info.still ? 0 : vb_decoder_cost(&video->decoder, last, index);
}

vblip_status vb_video_use_threads(vb_video *video, uint32_t threads, vblip_error *err)
{
    return video->info.still ? VBLIP_OK
                             : vb_decoder_use_threads(&video->decoder, threads, err);
}

// Where a decoded frame lies that the scaler can read.
static vblip_status fetch_decoded(vb_video *v, const AVFrame **out, vblip_error *err)
{
    if (!v->options.hwaccel)
        return VBLIP_OK;
    vb_hwdecode_note(v->info.warning, v->options.hwaccel, *out);
    return vb_hwdecode_fetch(&v->fetched, out, err);
}

static vblip_status check_index(const vb_video *v, uint64_t index, vblip_error *err)
{
    return index < v->info.frames
               ? VBLIP_OK
               : vb_fail(err, VBLIP_ERR_ARGUMENT, "frame %" PRIu64 " of %" PRIu64,
                         index, v->info.frames);
}

vblip_status vb_video_read(vb_video *video, uint64_t index, uint8_t *rgb, vb_frame *out,
                           vblip_error *err)
{
    *out = (vb_frame){0};
    VB_TRY(check_index(video, index, err));
    const uint32_t side = video->options.side;
    if (video->info.still) {
        VB_TRY(vb_resize_bicubic(rgb, side, &video->image, err));
    } else {
        const AVFrame *frame;
        VB_TRY(vb_decoder_frame(&video->decoder, index, &frame, err));
        VB_TRY(fetch_decoded(video, &frame, err));
        VB_TRY(
            vb_scaler_run(&video->scaler, rgb, side, frame, video->orientation, err));
    }
    *out = (vb_frame){.rgb = rgb,
                      .side = side,
                      .time_us = vb_video_time(video, index),
                      .index = index};
    return VBLIP_OK;
}

static vb_scaler *scaler_of_side(vb_video *v, uint32_t side)
{
    for (uint32_t i = 0; i < OTHER_SIDES; i++)
        if (v->others[i].side == side)
            return &v->others[i].scaler;
    sized_scaler *other = &v->others[v->replaced++ % OTHER_SIDES];
    vb_scaler_free(&other->scaler);
    *other = (sized_scaler){.side = side};
    return &other->scaler;
}

vblip_status vb_video_read_small(vb_video *video, uint64_t index, bool alone,
                                 uint32_t side, uint8_t *rgb, vblip_error *err)
{
    VB_TRY(check_index(video, index, err));
    if (video->info.still)
        return vb_resize_bicubic(rgb, side, &video->image, err);
    vb_decoder *decoder = &video->decoder;
    const AVFrame *frame;
    VB_TRY(alone ? vb_decoder_lone_frame(decoder, index, &frame, err)
                 : vb_decoder_frame(decoder, index, &frame, err));
    VB_TRY(fetch_decoded(video, &frame, err));
    return vb_scaler_run(scaler_of_side(video, side), rgb, side, frame,
                         video->orientation, err);
}
