// test_decoder.c - what is not done on the way to a frame, and that the way can be left.
#include "decode/decoder.h"
#include "decode/source.h"

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
    const vb_decode_options options = {.threads = 1,
                                       .max_pixels = 1 << 28,
                                       .max_duration_us = INT64_C(86400) * 1000000};
    if (vb_decoder_open(decoder, path, &options, &err) != VBLIP_OK)
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

static int ask_left(void *user)
{
    int *left = user;
    return --*left < 0;
}

// Opens a film and reads frames of it, while the caller lets it: how often he was asked.
static int read_until_stopped(const char *name, int let)
{
    static uint8_t rgb[16 * 16 * 3];
    char path[512];
    int left = let;
    const vb_decode_options options = {
        .side = 16, .threads = 1, .stopped = ask_left, .stopped_user = &left};
    vb_video *video;
    vblip_error err = {0};
    snprintf(path, sizeof path, "%s/%s", VB_MEDIA, name);
    vblip_status status = vb_video_open(&video, path, &options, &err);
    assert_true((status == VBLIP_OK) == (video != NULL));
    const uint64_t frames = video ? vb_video_describe(video)->frames : 0;
    vb_frame frame;
    for (uint64_t i = 0; status == VBLIP_OK && i < frames; i += 7)
        status = vb_video_read(video, i, rgb, &frame, &err);
    const bool stopped = left < 0;
    assert_int_equal(status, stopped ? VBLIP_ERR_CANCELLED : VBLIP_OK);
    assert_string_equal(err.message, stopped ? "stopped by the caller" : "");
    if (video && stopped) // for good
        assert_int_equal(vb_video_read(video, 0, rgb, &frame, NULL),
                         VBLIP_ERR_CANCELLED);
    vb_video_close(&video);
    return let - left;
}

// Wherever it is: at the header, in the middle of the index, between two frames.
static void test_the_caller_can_stop_the_reading(void **state)
{
    (void)state;
    static const char *const films[] = {"long_closed.mp4", "long.mkv",
                                        "long_b_frames.ts"};
    for (size_t i = 0; i < sizeof films / sizeof *films; i++) {
        const int asked = read_until_stopped(films[i], 1000000);
        assert_true(asked > 10);
        for (int let = 0; let < asked; let += 1 + let / 4)
            assert_int_equal(read_until_stopped(films[i], let), let + 1);
    }
}

// A recording that follows and cannot be opened leaves nothing open; frames that are asked
// for after that fail as the first did.
static void test_the_status_of_what_is_closed(void **state)
{
    (void)state;
    const vb_source closed = {0};
    vblip_error err = {0};
    assert_int_equal(vb_source_status(&closed, VBLIP_ERR_IO, &err), VBLIP_ERR_IO);
    assert_int_equal(vb_source_status(&closed, VBLIP_OK, &err), VBLIP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_status_of_what_is_closed),
        cmocka_unit_test(test_pictures_without_references_are_passed_over),
        cmocka_unit_test(test_the_way_back_is_not_walked_for_nothing),
        cmocka_unit_test(test_the_caller_can_stop_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
