// test_scale.c - 4:2:0 whose rows need no scaling gives the pixels of FFmpeg 5.1.
#include "decode/scale.h"

#include "support/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libavutil/pixdesc.h>

// Noise of as many bits as the format has.
static AVFrame *make_noise(int format, int width, int height)
{
    AVFrame *frame = av_frame_alloc();
    assert_non_null(frame);
    frame->format = format;
    frame->width = width;
    frame->height = height;
    assert_true(av_frame_get_buffer(frame, 64) >= 0);
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);
    const int step = desc->comp[0].step;
    const uint32_t mask = (1U << desc->comp[0].depth) - 1;
    uint32_t state = 1;
    for (int plane = 0; plane < 4 && frame->data[plane]; plane++) {
        const bool chroma = plane == 1 || plane == 2;
        for (int y = 0; y < (chroma ? height / 2 : height); y++)
            for (int x = 0; x < (chroma ? (width + 1) / 2 : width); x++) {
                state = state * 1664525U + 1013904223U;
                const uint32_t value = (state >> 16) & mask;
                const uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8)};
                memcpy(frame->data[plane] + y * frame->linesize[plane] + x * step,
                       bytes, (size_t)step);
            }
    }
    return frame;
}

static void check(int format, int width, uint32_t side, const char *expected)
{
    AVFrame *frame = make_noise(format, width, (int)side);
    uint8_t *rgb = aligned_alloc(16, (size_t)side * side * 3);
    assert_non_null(rgb);
    vb_scaler scaler = {0};
    assert_int_equal(vb_scaler_run(&scaler, rgb, side, frame, 0, NULL), VBLIP_OK);
    char hex[65];
    sha256_hex(hex, rgb, (size_t)side * side * 3);
    if (strncmp(hex, expected, 16) != 0)
        fail_msg("%s %dx%u: %.16s, expected %s", av_get_pix_fmt_name(format), width,
                 side, hex, expected);
    vb_scaler_free(&scaler);
    free(rgb);
    av_frame_free(&frame);
}

static void test_rows_that_are_not_scaled(void **state)
{
    (void)state;
    check(AV_PIX_FMT_YUV420P, 160, 96, "074c38d14362c89d");
    check(AV_PIX_FMT_YUV420P, 75, 96, "bf6ff8e772c43565");
    check(AV_PIX_FMT_YUV420P, 96, 96, "bf9516e1a5daac91");
    check(AV_PIX_FMT_YUV420P, 20, 16, "7bc84eb998d240f3");
    check(AV_PIX_FMT_YUVJ420P, 160, 96, "270e6a1c40059ca7");
    check(AV_PIX_FMT_YUVA420P, 160, 96, "074c38d14362c89d");
    check(AV_PIX_FMT_YUV420P10LE, 160, 96, "5827cc56f6d26588");
    check(AV_PIX_FMT_YUV420P10LE, 96, 96, "c91ed14e5e72e7a7");
    check(AV_PIX_FMT_YUV420P12LE, 160, 96, "7004f6a355c408bb");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_that_are_not_scaled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
