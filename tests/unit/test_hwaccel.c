// test_hwaccel.c - devices that decode: their names, and frames as the processor has them.
// There need not be one.
#include "decode/decode.h"
#include "decode/hwdecode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <libavutil/hwcontext.h>

static int count_device(void *user, const char *name, bool opens)
{
    vb_hwaccel *hwaccel;
    vblip_error err = {0};
    const vblip_status status = vb_hwaccel_open(&hwaccel, name, &err);
    assert_int_equal(status, opens ? VBLIP_OK : VBLIP_ERR_DEVICE);
    assert_true((hwaccel != NULL) == opens);
    assert_true(opens || strstr(err.message, name));
    vb_hwaccel_close(&hwaccel);
    *(int *)user += opens;
    return 0;
}

static void test_names(void **state)
{
    (void)state;
    vb_hwaccel *hwaccel = (vb_hwaccel *)&hwaccel;
    vblip_error err = {0};
    int opened = 0;
    vb_decode_silence();
    assert_int_equal(vb_hwaccel_open(&hwaccel, NULL, &err), VBLIP_OK);
    assert_null(hwaccel);
    assert_int_equal(vb_hwaccel_open(&hwaccel, "none", &err), VBLIP_OK);
    assert_null(hwaccel);
    static const char *const unknown[] = {"", "warp",
                                          "opencl"}; // which decodes nothing
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_int_equal(vb_hwaccel_open(&hwaccel, unknown[i], &err),
                         VBLIP_ERR_ARGUMENT);
        assert_null(hwaccel);
        assert_non_null(strstr(err.message, "allowed: none, auto"));
    }
    vb_hwaccel_list(count_device, &opened);
    assert_int_equal(vb_hwaccel_open(&hwaccel, "auto", &err), VBLIP_OK);
    assert_true((hwaccel != NULL) == (opened > 0));
    vb_hwaccel_close(&hwaccel);
}

static AVFrame *make_frame(int format, int width, int height)
{
    AVFrame *frame = av_frame_alloc();
    assert_non_null(frame);
    frame->format = format;
    frame->width = width;
    frame->height = height;
    assert_int_equal(av_frame_get_buffer(frame, 0), 0);
    return frame;
}

// Odd sizes, which have a column and a row of chroma more than half.
static void test_chroma_is_parted(void **state)
{
    (void)state;
    static const struct {
        enum AVPixelFormat format, planar;
        int bytes, shift;
    } rows[] = {{AV_PIX_FMT_NV12, AV_PIX_FMT_YUV420P, 1, 0},
                {AV_PIX_FMT_P010LE, AV_PIX_FMT_YUV420P10LE, 2, 6}};
    enum { WIDTH = 5, HEIGHT = 3 };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AVFrame *device = make_frame(rows[i].format, WIDTH, HEIGHT), *copy = NULL;
        for (int plane = 0; plane < 2; plane++)
            for (int y = 0; y < (plane ? 2 : HEIGHT); y++)
                for (int x = 0; x < (plane ? 6 : WIDTH); x++) {
                    const int value = (100 * plane + 10 * y + x) << rows[i].shift;
                    uint8_t *to = device->data[plane] + y * device->linesize[plane] +
                                  x * rows[i].bytes;
                    to[0] = (uint8_t)value;
                    if (rows[i].bytes == 2)
                        to[1] = (uint8_t)(value >> 8);
                }
        device->color_range = AVCOL_RANGE_JPEG;
        const AVFrame *frame = device;
        assert_int_equal(vb_hwdecode_fetch(&copy, &frame, NULL), VBLIP_OK);
        assert_int_equal(frame->format, rows[i].planar);
        assert_int_equal(frame->color_range, AVCOL_RANGE_JPEG);
        for (int plane = 0; plane < 3; plane++)
            for (int y = 0; y < (plane ? 2 : HEIGHT); y++)
                for (int x = 0; x < (plane ? 3 : WIDTH); x++) {
                    const int from = plane ? 2 * x + plane - 1 : x;
                    const uint8_t *at = frame->data[plane] +
                                        y * frame->linesize[plane] + x * rows[i].bytes;
                    const int value = rows[i].bytes == 2 ? at[0] | at[1] << 8 : at[0];
                    assert_int_equal(value, (plane ? 100 : 0) + 10 * y + from);
                }
        av_frame_free(&copy);
        av_frame_free(&device);
    }
}

// A frame of the processor's stays as it is.
static void test_other_frames_are_not_copied(void **state)
{
    (void)state;
    AVFrame *plain = make_frame(AV_PIX_FMT_YUV420P, 16, 16), *copy = NULL;
    const AVFrame *frame = plain;
    assert_int_equal(vb_hwdecode_fetch(&copy, &frame, NULL), VBLIP_OK);
    assert_ptr_equal(frame, plain);
    assert_null(copy);
    av_frame_free(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_chroma_is_parted),
        cmocka_unit_test(test_other_frames_are_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
