// test_decoder.c - what is not done on the way to a frame, and that the way can be left.
#include "decode/decode.h"
#include "decode/decoder.h"
#include "decode/nal.h"
#include "decode/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
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

// Of two B-frames between two others none is decoded but the one that is wanted.
static void test_pictures_without_references_are_passed_over(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t index, most;
    } films[] = {
        {"long_closed.mp4", 99, 80},   {"long.mkv", 99, 80},
        {"long_b_frames.mp4", 99, 80}, {"long_b_frames.ts", 99, 80},
        {"h265.mp4", 19, 16},
    };
    for (size_t i = 0; i < sizeof films / sizeof *films; i++) {
        vb_decoder decoder;
        open_film(&decoder, films[i].name);
        go_to(&decoder, films[i].index);
        if (decoder.outputs > films[i].most)
            fail_msg("%s: %u frames", films[i].name, (unsigned)decoder.outputs);
        vb_decoder_close(&decoder);
    }
}

enum { SIDE = 64, MOST_FRAMES = 400 };

static uint32_t hash_of(vb_video *video, uint64_t index)
{
    static uint8_t rgb[SIDE * SIDE * 3];
    vb_frame frame;
    uint32_t hash = 2166136261U;
    assert_int_equal(vb_video_read(video, index, rgb, &frame, NULL), VBLIP_OK);
    for (size_t i = 0; i < sizeof rgb; i++)
        hash = (hash ^ rgb[i]) * 16777619U;
    return hash;
}

// Read one by one nothing is passed over. On three threads, too.
static void test_what_is_passed_over_changes_no_pixel(void **state)
{
    (void)state;
    static const char *const films[] = {
        "long.mp4",     "long_b_frames.ts",     "fields.mp4",          "h265.mp4",
        "b_frames.mp4", "counted_h265_open.ts", "counted_h264_open.ts"};
    static const uint32_t steps[] = {5, 13, 37};
    for (size_t i = 0; i < sizeof films / sizeof *films; i++) {
        static uint32_t hashes[MOST_FRAMES];
        char path[512];
        snprintf(path, sizeof path, "%s/%s", VB_MEDIA, films[i]);
        for (size_t k = 0; k <= sizeof steps / sizeof *steps; k++) {
            const vb_decode_options options = {.side = SIDE, .threads = k ? 3 : 1};
            vb_video *video;
            assert_int_equal(vb_video_open(&video, path, &options, NULL), VBLIP_OK);
            const uint64_t frames = vb_video_describe(video)->frames;
            assert_true(frames >= 20 && frames <= MOST_FRAMES);
            for (uint64_t f = 0; f < frames; f += k ? steps[k - 1] : 1)
                if (!k)
                    hashes[f] = hash_of(video, f);
                else if (hash_of(video, f) != hashes[f])
                    fail_msg("%s: frame %u in steps of %u", films[i], (unsigned)f,
                             steps[k - 1]);
            vb_video_close(&video);
        }
    }
}

enum { SMALL = 32, SMALL_BYTES = SMALL * SMALL * 3 };

static void read_small(uint8_t *rgb, vb_video *video, uint64_t index, bool alone)
{
    vblip_error err = {0};
    if (vb_video_read_small(video, index, alone, SMALL, rgb, &err) != VBLIP_OK)
        fail_msg("frame %u: %s", (unsigned)index, err.message);
}

// The same bits as from a video that is small as a whole, alone and in their turn; the large
// ones stay as they were.
static void test_small_frames_beside_large_ones(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t keys;
    } films[] = {{"plain.mp4", 3},
                 {"long.mp4", 2},
                 {"long_b_frames.ts", 2},
                 {"h265.mp4", 3},
                 {"counted_h265_open.ts", 5},
                 {"counted_h264_open.mp4", 5},
                 {"b_frames.mpg", 4},
                 {"quick.avi", 1},
                 {"fields.mp4", 3},
                 {"vp9.mp4", 3},
                 {"turned90.mp4", 3},
                 {"theora.ogv", 5},
                 {"noisy_mjpeg.avi", 60},
                 {"moving.gif", 1}};
    for (size_t i = 0; i < sizeof films / sizeof *films; i++) {
        static uint8_t small[MOST_FRAMES][SMALL_BYTES], other[SMALL_BYTES];
        char path[512];
        snprintf(path, sizeof path, "%s/%s", VB_MEDIA, films[i].name);
        const vb_decode_options options = {.side = SIDE, .threads = 2},
                                like_small = {.side = SMALL, .threads = 1};
        vb_video *video, *plain;
        assert_int_equal(vb_video_open(&video, path, &options, NULL), VBLIP_OK);
        assert_int_equal(vb_video_open(&plain, path, &like_small, NULL), VBLIP_OK);
        const uint64_t frames = vb_video_describe(video)->frames;
        assert_true(frames <= MOST_FRAMES);
        const uint32_t hash = hash_of(video, frames / 2);
        for (uint64_t f = 0; f < frames; f++) {
            vb_frame frame;
            read_small(small[f], video, f, false);
            assert_int_equal(vb_video_read(plain, f, other, &frame, NULL), VBLIP_OK);
            assert_memory_equal(small[f], other, SMALL_BYTES);
        }
        uint32_t keys = 0;
        for (uint64_t f = 0; (f = vb_video_next_key(video, f)) < frames; f++, keys++) {
            read_small(other, video, f, true);
            assert_memory_equal(other, small[f], SMALL_BYTES);
        }
        assert_int_equal(keys, films[i].keys);
        assert_int_equal(vb_video_next_key(video, frames + 1), frames);
        assert_int_equal(hash_of(video, frames / 2), hash);
        read_small(other, video, frames / 2, true);
        assert_memory_equal(other, small[frames / 2], SMALL_BYTES);
        vb_video_close(&video);
        vb_video_close(&plain);
    }
}

// What is behind lengths of two bytes, or start codes.
static void test_units_say_what_may_be_left_out(void **state)
{
    (void)state;
    static const struct {
        enum AVCodecID codec;
        vb_nal_use use;
        const char *units; // each behind its size
    } rows[] = {
        {AV_CODEC_ID_H264, VB_NAL_DROPPABLE, "\x3\x01\xAA\xBB"},
        {AV_CODEC_ID_H264, VB_NAL_DROPPABLE, "\x2\x09\x10\x2\x06\x05\x2\x01\xAA"},
        {AV_CODEC_ID_H264, VB_NAL_NEEDED, "\x3\x41\xAA\xBB"},
        {AV_CODEC_ID_H264, VB_NAL_NEEDED, "\x2\x65\xAA"},
        {AV_CODEC_ID_H264, VB_NAL_NEEDED, "\x2\x01\xAA\x2\x41\xAA"}, // two fields
        {AV_CODEC_ID_H264, VB_NAL_NEEDED, "\x2\x68\xAA\x2\x01\xAA"}, // parameters
        {AV_CODEC_ID_H264, VB_NAL_NEEDED, "\x2\x09\x10"},
        {AV_CODEC_ID_H264, VB_NAL_NEEDED, ""},
        {AV_CODEC_ID_HEVC, VB_NAL_DROPPABLE, "\x3\x10\x01\xAA"}, // RASL_N
        {AV_CODEC_ID_HEVC, VB_NAL_DROPPABLE, "\x3\x4E\x01\x05\x3\x1C\x01\xAA"},
        {AV_CODEC_ID_HEVC, VB_NAL_NEEDED, "\x3\x02\x01\xAA"},
        {AV_CODEC_ID_HEVC, VB_NAL_NEEDED, "\x3\x26\x01\xAA"},
        {AV_CODEC_ID_HEVC, VB_NAL_NEEDED, "\x2\x48\x01\x3\x10\x01\xAA"}, // an end
        {AV_CODEC_ID_HEVC, VB_NAL_LAYERED, "\x3\x04\x02\xAA"}, // TSA_N of layer 1
        {AV_CODEC_ID_HEVC, VB_NAL_LAYERED, "\x3\x02\x03\xAA"},
        {AV_CODEC_ID_VP9, VB_NAL_NEEDED, "\x3\x01\xAA\xBB"},
    };
    static uint8_t boxed[23] = {[0] = 1, [4] = 0xFD, [21] = 0xF9}; // lengths of two
    for (size_t i = 0; i < 2 * (sizeof rows / sizeof *rows); i++) {
        const bool lengths = i % 2;
        uint8_t bytes[64];
        AVPacket packet = {.data = bytes};
        for (const char *unit = rows[i / 2].units; *unit; unit += 1 + *unit) {
            static const uint8_t code[] = {0, 0, 1};
            const uint8_t length[] = {0, (uint8_t)*unit};
            const int head = lengths ? sizeof length : sizeof code;
            memcpy(bytes + packet.size, lengths ? length : code, (size_t)head);
            memcpy(bytes + packet.size + head, unit + 1, (size_t)*unit);
            packet.size += head + *unit;
        }
        const AVCodecParameters codec = {.codec_id = rows[i / 2].codec,
                                         .extradata = boxed,
                                         .extradata_size = lengths ? 23 : 0};
        if (vb_nal_use_of(&codec, &packet) != rows[i / 2].use)
            fail_msg("row %zu, %s", i / 2, lengths ? "lengths" : "start codes");
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
        cmocka_unit_test(test_units_say_what_may_be_left_out),
        cmocka_unit_test(test_what_is_passed_over_changes_no_pixel),
        cmocka_unit_test(test_small_frames_beside_large_ones),
        cmocka_unit_test(test_the_way_back_is_not_walked_for_nothing),
        cmocka_unit_test(test_the_caller_can_stop_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
