#include "export/sheet.h"

#include "base/outfile.h"
#include "decode/averror.h"
#include "decode/decode.h"
#include "export/glyphs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>

// Pixels.
enum {
    THUMB_WIDTH = 320,
    THUMB_HEIGHT = 180,
    BAR_HEIGHT = 4,    // as long as P(match)
    LABEL_HEIGHT = 52, // two lines of text
    GAP = 16,
    TITLE_HEIGHT = 40,
    TEXT_SCALE = 2,
    LINE_HEIGHT = 22,
    MOST_COLUMNS = 8
};

enum {
    COLOUR_PAPER = 0x16181C,
    COLOUR_EMPTY = 0x24272D,
    COLOUR_TEXT = 0xF2F3F5,
    COLOUR_FAINT = 0x9AA0AA,
    COLOUR_BAR = 0x4CC38A
};

typedef struct sheet {
    vb_image image;
    const vblip_tile *tiles;
    const vblip_sheet_options *options;
    uint32_t count, columns;
    uint32_t top;      // of the first row
    uint8_t *squashed; // [THUMB_WIDTH, THUMB_WIDTH, 3]: a frame, squashed
} sheet;

// ----------------------------------------------------------------------------- a picture

// Draws the squashed frame in the shape of `info`, in the middle of the thumbnail at (x, y).
static vblip_status place_thumb(sheet *s, const vb_video_info *info, uint32_t x,
                                uint32_t y, vblip_error *err)
{
    const uint64_t w = info->width ? info->width : 1,
                   h = info->height ? info->height : 1;
    uint32_t width = THUMB_WIDTH, height = (uint32_t)(THUMB_WIDTH * h / w);
    if (height > THUMB_HEIGHT) {
        height = THUMB_HEIGHT;
        width = (uint32_t)(THUMB_HEIGHT * w / h);
    }
    width = width ? width : 1;
    height = height ? height : 1;
    struct SwsContext *scale = sws_getContext(
        THUMB_WIDTH, THUMB_WIDTH, AV_PIX_FMT_RGB24, (int)width, (int)height,
        AV_PIX_FMT_RGB24, SWS_AREA | SWS_ACCURATE_RND, NULL, NULL, NULL);
    if (!scale)
        return vb_fail_memory(err, "thumbnail");
    const size_t row = (size_t)s->image.width * 3;
    const uint8_t *from[4] = {s->squashed};
    uint8_t *to[4] = {s->image.rgb + (y + (THUMB_HEIGHT - height) / 2) * row +
                      (x + (THUMB_WIDTH - width) / 2) * (size_t)3};
    const int from_row[4] = {THUMB_WIDTH * 3}, to_row[4] = {(int)row};
    sws_scale(scale, from, from_row, 0, THUMB_WIDTH, to, to_row);
    sws_freeContext(scale);
    return VBLIP_OK;
}

static vblip_status draw_thumb(sheet *s, const vblip_tile *tile, uint32_t x, uint32_t y,
                               vblip_error *err)
{
    const vb_decode_options options = {.side = THUMB_WIDTH,
                                       .stopped = s->options->stopped,
                                       .stopped_user = s->options->stopped_user};
    vb_video *video;
    vb_frame frame;
    VB_TRY(vb_video_open(&video, tile->path, &options, err));
    const int64_t middle_us = tile->start_us + (tile->end_us - tile->start_us) / 2;
    const uint64_t index = tile->timed ? vb_video_index_at(video, middle_us) : 0;
    vblip_status status = vb_video_read(video, index, s->squashed, &frame, err);
    if (status == VBLIP_OK)
        status = place_thumb(s, vb_video_describe(video), x, y, err);
    vb_video_close(&video);
    return status;
}

// -------------------------------------------------------------------------------- a tile

static void write_clock(char out[16], int64_t time_us)
{
    const int64_t s = time_us / 1000000;
    snprintf(out, 16, "%02" PRId64 ":%02d:%02d", s / 3600 % 100, (int)(s / 60 % 60),
             (int)(s % 60));
}

// "2  0.97" on the left, the time on the right, the name below.
static void draw_label(sheet *s, const vblip_tile *tile, uint32_t x, uint32_t y)
{
    const char *slash = strrchr(tile->path, '/');
    const uint32_t advance = VB_GLYPH_ADVANCE * TEXT_SCALE;
    char rank[48], clock[16];
    snprintf(rank, sizeof rank, "#%u", (unsigned)tile->rank);
    vb_draw_text(&s->image, x, y, THUMB_WIDTH, TEXT_SCALE, COLOUR_TEXT, rank);
    if (tile->judged) {
        const uint32_t at = x + (uint32_t)(strlen(rank) + 1) * advance;
        snprintf(rank, sizeof rank, "P %.2f", (double)tile->p_match);
        vb_draw_text(&s->image, at, y, THUMB_WIDTH, TEXT_SCALE, COLOUR_BAR, rank);
    }
    if (tile->timed) {
        write_clock(clock, tile->start_us);
        const uint32_t width = (uint32_t)strlen(clock) * advance;
        vb_draw_text(&s->image, x + THUMB_WIDTH + TEXT_SCALE - width, y, width,
                     TEXT_SCALE, COLOUR_TEXT, clock);
    }
    vb_draw_text(&s->image, x, y + LINE_HEIGHT, THUMB_WIDTH, TEXT_SCALE, COLOUR_FAINT,
                 slash ? slash + 1 : tile->path);
}

// A tile that cannot be read keeps its place.
static vblip_status report_tile(const sheet *s, uint32_t at, vblip_error *err)
{
    const vblip_failure failure = {
        .input = at, .path = s->tiles[at].path, .message = err->message};
    const bool stop =
        s->options->failed && s->options->failed(s->options->user, &failure);
    vb_error_reset(err);
    return stop ? vb_fail(err, VBLIP_ERR_CANCELLED, "stopped by the caller") : VBLIP_OK;
}

static vblip_status draw_tile(sheet *s, uint32_t at, vblip_error *err)
{
    const vblip_tile *tile = &s->tiles[at];
    const uint32_t column = at % s->columns, row = at / s->columns;
    const uint32_t x = GAP + column * (THUMB_WIDTH + GAP);
    const uint32_t y = s->top + row * (THUMB_HEIGHT + BAR_HEIGHT + LABEL_HEIGHT + GAP);
    const uint32_t below = y + THUMB_HEIGHT;
    vblip_error why = {0};
    vb_draw_box(&s->image, x, y, THUMB_WIDTH, THUMB_HEIGHT + BAR_HEIGHT, COLOUR_EMPTY);
    const vblip_status status = draw_thumb(s, tile, x, y, &why);
    if (status == VBLIP_ERR_CANCELLED || status == VBLIP_ERR_MEMORY)
        return vb_fail(err, status, "%s", why.message);
    if (status != VBLIP_OK)
        VB_TRY(report_tile(s, at, &why));
    if (tile->judged)
        vb_draw_box(&s->image, x, below, (uint32_t)(THUMB_WIDTH * tile->p_match + 0.5f),
                    BAR_HEIGHT, COLOUR_BAR);
    draw_label(s, tile, x, below + BAR_HEIGHT + 8);
    return VBLIP_OK;
}

// --------------------------------------------------------------------------------- a PNG

static vblip_status encode_png(AVPacket *out, const vb_image *image, vblip_error *err)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_PNG);
    AVCodecContext *context = codec ? avcodec_alloc_context3(codec) : NULL;
    AVFrame *frame = av_frame_alloc();
    int code = codec && context && frame ? 0 : AVERROR(ENOMEM);
    if (code >= 0) {
        context->width = frame->width = (int)image->width;
        context->height = frame->height = (int)image->height;
        context->pix_fmt = AV_PIX_FMT_RGB24;
        context->time_base = (AVRational){1, 1};
        context->log_level_offset = vb_av_log_offset();
        frame->format = AV_PIX_FMT_RGB24;
        code = avcodec_open2(context, codec, NULL);
    }
    if (code >= 0)
        code = av_frame_get_buffer(frame, 0);
    for (uint32_t y = 0; code >= 0 && y < image->height; y++)
        memcpy(frame->data[0] + (ptrdiff_t)y * frame->linesize[0],
               image->rgb + (size_t)y * image->width * 3, (size_t)image->width * 3);
    if (code >= 0)
        code = avcodec_send_frame(context, frame);
    if (code >= 0)
        code = avcodec_receive_packet(context, out);
    avcodec_free_context(&context);
    av_frame_free(&frame);
    return code < 0 ? vb_fail_av(err, code, "PNG") : VBLIP_OK;
}

static vblip_status write_png_file(const char *path, const vb_image *image,
                                   vblip_error *err)
{
    AVPacket *packet = av_packet_alloc();
    vblip_status status =
        packet ? encode_png(packet, image, err) : vb_fail_memory(err, path);
    if (status == VBLIP_OK)
        status = vb_file_replace(path, packet->data, (size_t)packet->size, err);
    av_packet_free(&packet);
    return status;
}

// ----------------------------------------------------------------------------- the whole

static uint32_t choose_columns(uint32_t count)
{
    uint32_t columns = 1;
    while (columns * columns < count && columns < MOST_COLUMNS)
        columns++;
    return columns;
}

static vblip_status draw_sheet(sheet *s, vblip_error *err)
{
    const char *title = s->options->title;
    const uint32_t rows = (s->count + s->columns - 1) / s->columns;
    const uint32_t width = GAP + s->columns * (THUMB_WIDTH + GAP);
    s->top = title ? GAP + TITLE_HEIGHT : GAP;
    s->squashed =
        malloc((size_t)THUMB_WIDTH * THUMB_WIDTH * 3 + 64); // libswscale reads on
    if (!s->squashed)
        return vb_fail_memory(err, "contact sheet");
    VB_TRY(
        vb_image_make(&s->image, width,
                      s->top + rows * (THUMB_HEIGHT + BAR_HEIGHT + LABEL_HEIGHT + GAP),
                      UINT64_MAX, err));
    vb_draw_box(&s->image, 0, 0, s->image.width, s->image.height, COLOUR_PAPER);
    if (title)
        vb_draw_text(&s->image, GAP, GAP, width - 2 * GAP, TEXT_SCALE + 1, COLOUR_TEXT,
                     title);
    for (uint32_t i = 0; i < s->count; i++)
        VB_TRY(draw_tile(s, i, err));
    return VBLIP_OK;
}

vblip_status vb_sheet_write(const char *path, const vblip_tile *tiles, uint32_t count,
                            const vblip_sheet_options *options, vblip_error *err)
{
    sheet s = {.tiles = tiles,
               .options = options,
               .count = count,
               .columns = choose_columns(count)};
    vblip_status status = draw_sheet(&s, err);
    if (status == VBLIP_OK)
        status = write_png_file(path, &s.image, err);
    vb_image_free(&s.image);
    free(s.squashed);
    return status;
}
