// test_joined.c - recordings joined by their bytes: the order of the file is the order of
// its packets, and times go on where the first clock ended (files by
// tests/support/make_media.py).
#include "base/file.h"
#include "decode/clock.h"
#include "decode/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIDE = 64, FRAME = SIDE * SIDE * 3, FRAMES = 75, FRAME_US = 40000 };

static void check_file(const char *name)
{
    char path[512], *expected;
    size_t size;
    vblip_error err = {0};
    vb_video *video;
    vb_frame frame;
    uint8_t rgb[FRAME];
    snprintf(path, sizeof path, "%s/%s.rgb", VB_MEDIA, name);
    assert_int_equal(vb_file_read(&expected, &size, path, 1 << 26, NULL), VBLIP_OK);
    assert_int_equal(size, FRAMES * FRAME);
    snprintf(path, sizeof path, "%s/%s", VB_MEDIA, name);
    if (vb_video_open(&video, path, &(vb_decode_options){.side = SIDE}, &err))
        fail_msg("%s: %s", name, err.message);
    const vb_video_info *info = vb_video_describe(video);
    if (info->frames != FRAMES || llabs(info->duration_us - FRAMES * FRAME_US) > 1100)
        fail_msg("%s: %u frames of %lld us", name, (unsigned)info->frames,
                 (long long)info->duration_us);
    for (uint32_t step = 1; step <= 29; step += 28) // in order, then to and fro
        for (uint32_t i = 0, at = 0; i < FRAMES; i++, at = (at + step) % FRAMES) {
            if (vb_video_read(video, at, rgb, &frame, &err) != VBLIP_OK)
                fail_msg("%s: frame %u: %s", name, at, err.message);
            if (llabs(frame.time_us - (int64_t)at * FRAME_US) > 1100)
                fail_msg("%s: frame %u at %lld us", name, at, (long long)frame.time_us);
            if (memcmp(rgb, expected + (size_t)at * FRAME, FRAME) != 0)
                fail_msg("%s: frame %u is another, by steps of %u", name, at, step);
        }
    vb_video_close(&video);
    free(expected);
}

static void test_joined_recordings_go_on(void **state)
{
    (void)state;
    static const char *const clocks[] = {"equal", "overlapping", "earlier", "long_ago"};
    static const char *const kinds[] = {"ts", "mpg", "flv"};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t c = 0; c < sizeof clocks / sizeof *clocks; c++) {
            char name[64];
            snprintf(name, sizeof name, "joined_%s.%s", clocks[c], kinds[k]);
            check_file(name);
        }
}

// Of the times `said`, by a clock whose counter has `wrap_bits`.
static void check_clock(const int64_t *said, const int64_t *expected, size_t count,
                        int wrap_bits)
{
    vb_clock clock = {.frame = 10, .leap = 100000, .wrap_bits = wrap_bits};
    int64_t got[16];
    for (size_t i = 0; i < count; i++) {
        vb_clock_tick tick = vb_clock_step(&clock, said[i]);
        got[i] = tick.time;
        if (tick.wild_before && i > 1)
            got[i - 1] = got[i - 2] + clock.frame;
    }
    for (size_t i = 0; i < count; i++)
        if (got[i] != expected[i])
            fail_msg("time %u, %lld, becomes %lld, expected %lld", (unsigned)i,
                     (long long)said[i], (long long)got[i], (long long)expected[i]);
}

static void test_one_clock_of_many(void **state)
{
    (void)state;
    static const struct {
        int64_t said[6], expected[6];
        int wrap_bits;
    } rows[] = {
        {{5, 15, 25, 35, 45, 55}, {5, 15, 25, 35, 45, 55}, 64},
        {{5, 15, 5, 15, 25, 35}, {5, 15, 25, 35, 45, 55}, 64}, // anew
        {{5, 15, 99000, 99010, 99020, 99030}, {5, 15, 99000, 99010, 99020, 99030}, 64},
        {{5, 15, 990000, 990010, 990020, 0},
         {5, 15, 25, 35, 45, 55},
         64},                                                      // set, and anew
        {{5, 15, 90000, 35, 45, 55}, {5, 15, 25, 35, 45, 55}, 64}, // one wild
        {{5, 15, 990000, 35, 45, 55}, {5, 15, 25, 35, 45, 55}, 64},
        {{5, 15, 15, 15, 25, 35}, {5, 15, 15, 15, 25, 35}, 64},         // equal
        {{236, 246, 0, 10, 20, 30}, {236, 246, 256, 266, 276, 286}, 8}, // overflow
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_clock(rows[i].said, rows[i].expected, 6, rows[i].wrap_bits);
}

// Writes the file `name` twice, one behind the other, to `path`; its size. QuickTime's
// files began without ftyp: `quicktime` makes a box of it that means nothing.
static size_t write_twice(const char *path, const char *name, bool quicktime)
{
    char from[512], *bytes;
    size_t size;
    snprintf(from, sizeof from, "%s/%s", VB_MEDIA, name);
    assert_int_equal(vb_file_read(&bytes, &size, from, 1 << 26, NULL), VBLIP_OK);
    if (quicktime) {
        assert_memory_equal(bytes + 4, "ftyp", 4);
        memcpy(bytes + 4, "free", 4);
    }
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    for (int i = 0; i < 2; i++)
        assert_int_equal(fwrite(bytes, 1, size, out), size);
    fclose(out);
    free(bytes);
    return size;
}

// Containers that cannot be joined by their bytes: one recording is read, and how much of
// the file is not is known.
static void test_what_is_joined_and_not_read_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t frames;
        bool all, quicktime;
    } rows[] = {
        {"quick.mp4", 50, false, false},    {"plain.mp4", 50, false, false},
        {"plain.mkv", 50, false, false},    {"hidden.webm", 50, false, false},
        {"moving.gif", 10, false, false},   {"fragments.mp4", 50, false, false},
        {"sounding.mov", 50, false, false}, {"windows.wmv", 50, false, false},
        {"theora.ogv", 50, false, false},   {"live.mkv", 50, false, false},
        {"quick.avi", 100, true, false},    {"quick.mp4", 50, false, true},
        {"sounding.mov", 50, false, true},  {"fragments.mp4", 50, false, true},
    };
    char path[] = "/tmp/vblip-joined-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const size_t size = write_twice(path, rows[i].name, rows[i].quicktime);
        vblip_error err = {0};
        vb_video *video;
        vb_frame frame;
        uint8_t rgb[FRAME];
        if (vb_video_open(&video, path, &(vb_decode_options){.side = SIDE}, &err))
            fail_msg("%s: %s", rows[i].name, err.message);
        const vb_video_info *info = vb_video_describe(video);
        if (info->frames != rows[i].frames ||
            info->unread_bytes != (rows[i].all ? 0 : size))
            fail_msg("%s: %u frames, %u bytes not read", rows[i].name,
                     (unsigned)info->frames, (unsigned)info->unread_bytes);
        if (vb_video_read(video, info->frames - 1, rgb, &frame, &err) != VBLIP_OK)
            fail_msg("%s: %s", rows[i].name, err.message);
        vb_video_close(&video);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joined_recordings_go_on),
        cmocka_unit_test(test_one_clock_of_many),
        cmocka_unit_test(test_what_is_joined_and_not_read_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
