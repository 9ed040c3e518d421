// test_decoder.c - what is not done on the way to a frame.
#include "decode/decoder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

static void open_film(vb_decoder *decoder, const char *name)
{
    char path[512];
    vblip_error err = {0};
    snprintf(path, sizeof path, "%s/%s", VB_MEDIA, name);
    if (vb_decoder_open(decoder, path, 1, 1 << 28, INT64_C(86400) * 1000000, &err) !=
        VBLIP_OK)
        fail_msg("%s: %s", name, err.message);
}

static void go_to(vb_decoder *decoder, uint64_t index)
{
    const AVFrame *frame;
    assert_int_equal(vb_decoder_frame(decoder, index, &frame, NULL), VBLIP_OK);
}

// Of two B-frames between two others none is decoded but near the frame that is wanted.
static void test_pictures_without_references_are_passed_over(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool passes;
    } films[] = {
        {"long_closed.mp4", true},  {"long.mkv", true},  {"long_b_frames.mp4", true},
        {"long_b_frames.ts", true}, {"h265.mp4", false},
    };
    for (size_t i = 0; i < sizeof films / sizeof *films; i++) {
        vb_decoder decoder;
        open_film(&decoder, films[i].name);
        uint64_t index = decoder.packets.count > 100 ? 99 : 19;
        go_to(&decoder, index);
        if (films[i].passes ? decoder.outputs > 80 : decoder.outputs < index)
            fail_msg("%s: %u frames", films[i].name, (unsigned)decoder.outputs);
        vb_decoder_close(&decoder);
    }
}

static double seconds_of_asking(vb_decoder *decoder, uint64_t index)
{
    go_to(decoder, index);
    clock_t start = clock();
    for (int i = 0; i < 100000; i++)
        go_to(decoder, index);
    return (double)(clock() - start) / CLOCKS_PER_SEC;
}

// However far away the last key frame is.
static void test_the_way_back_is_not_walked_for_nothing(void **state)
{
    (void)state;
    vb_decoder decoder;
    open_film(&decoder, "no_keys.mkv");
    double near = seconds_of_asking(&decoder, 10);
    double far = seconds_of_asking(&decoder, 1999);
    if (far > 20 * near + 0.05)
        fail_msg("%g s near a key frame, %g s far from it", near, far);
    vb_decoder_close(&decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures_without_references_are_passed_over),
        cmocka_unit_test(test_the_way_back_is_not_walked_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
