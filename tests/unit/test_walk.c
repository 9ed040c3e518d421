// test_walk.c - whatever the order of asking, each frame is its own: of open and closed
// groups of pictures, of each codec in each container that holds it (files by
// tests/support/make_media.py).
#include "support/counted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void check_number(const char *name, vb_video *video, uint32_t index,
                         const char *how)
{
    vblip_error err;
    const int number = counted_read(video, index, &err);
    if (number < 0)
        fail_msg("%s: frame %u, %s: %s", name, index, how, err.message);
    if (number != (int)index)
        fail_msg("%s: frame %u, %s, is frame %d", name, index, how, number);
}

static void walk_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", VB_MEDIA, name);
    vb_video *video = counted_open(path);
    const vb_video_info *info = vb_video_describe(video);
    if (info->frames != COUNTED_FRAMES || info->readable != COUNTED_FRAMES ||
        info->lost != 0)
        fail_msg("%s: %u frames, %u readable, %u lost", name, (unsigned)info->frames,
                 (unsigned)info->readable, (unsigned)info->lost);
    for (uint32_t i = 0; i < COUNTED_FRAMES; i++)
        check_number(name, video, i, "in order");
    uint32_t noise = 3;
    for (uint32_t i = 0; i < COUNTED_FRAMES; i++) {
        noise = noise * 1664525 + 1013904223;
        check_number(name, video, (noise >> 8) % COUNTED_FRAMES, "at random");
    }
    for (uint32_t i = COUNTED_FRAMES; i-- > 0;)
        check_number(name, video, i, "backwards");
    vb_video_close(&video);
    for (uint32_t i = 0; i < COUNTED_FRAMES; i += 7) {
        video = counted_open(path);
        check_number(name, video, i, "asked first");
        vb_video_close(&video);
    }
}

static void test_frames_are_the_same_in_any_order(void **state)
{
    (void)state;
    static const struct {
        const char *codec;
        const char *kinds[8];
        bool open; // groups too
    } rows[] = {
        {"h264", {"mp4", "mov", "mkv", "ts", "flv", "avi"}, true},
        {"h265", {"mp4", "mov", "mkv", "ts"}, true},
        {"mpeg2", {"mp4", "mov", "mkv", "ts", "avi", "mpg"}, true},
        {"vp9", {"webm", "mkv", "mp4"}, false},
    };
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++)
        for (const char *const *kind = rows[row].kinds; *kind; kind++) {
            char name[64];
            snprintf(name, sizeof name, "counted_%s_closed.%s", rows[row].codec, *kind);
            walk_file(name);
            snprintf(name, sizeof name, "counted_%s_open.%s", rows[row].codec, *kind);
            if (rows[row].open)
                walk_file(name);
        }
}

static void test_the_size_changes_within_a_stream(void **state)
{
    (void)state;
    walk_file("counted_sizes.ts");
    walk_file("counted_sizes.mkv");
}

static void test_frames_of_equal_times(void **state)
{
    (void)state;
    walk_file("counted_fast.mkv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_are_the_same_in_any_order),
        cmocka_unit_test(test_the_size_changes_within_a_stream),
        cmocka_unit_test(test_frames_of_equal_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
