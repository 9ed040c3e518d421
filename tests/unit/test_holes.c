// test_holes.c - holes that swallow whole packets: what they held is counted and lost, and
// nothing answers for it (films by tests/support/make_media.py).
#include "support/counted.h"
#include "support/media_copy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Every moment shows its own picture or is refused, whatever the order of asking; of the
// frames that are counted as many decode as is said.
static void check_film(const media_copy *f, const char *name, size_t at)
{
    vb_video *video = counted_open(f->path);
    const vb_video_info *info = vb_video_describe(video);
    vblip_error err;
    char said[64], message[sizeof err.message] = "";
    bool reads[COUNTED_FRAMES] = {false};
    uint32_t good = 0;
    for (uint32_t i = 0; i < COUNTED_FRAMES; i++) {
        const uint64_t index = vb_video_index_at(video, i * COUNTED_FRAME_US + 5000);
        const int number = counted_read(video, index, &err);
        if (number < 0)
            snprintf(message, sizeof message, "%s", err.message);
        if (number >= 0 && number != (int)i)
            fail_msg("%s, hole at %u: frame %u is frame %d", name, (unsigned)at, i,
                     number);
        reads[i] = number >= 0;
        good += reads[i];
    }
    if (info->frames != COUNTED_FRAMES || good == COUNTED_FRAMES ||
        good < COUNTED_FRAMES / 2 || info->lost == 0)
        fail_msg("%s, hole at %u: %u of %u frames decode, %u are lost", name,
                 (unsigned)at, good, (unsigned)info->frames, (unsigned)info->lost);
    snprintf(said, sizeof said, "damaged: %u of %u frames decode", good,
             COUNTED_FRAMES);
    assert_string_equal(message, said);
    for (uint32_t i = 0, k = 0; i < COUNTED_FRAMES;
         i++, k = (k + 17) % COUNTED_FRAMES) {
        const uint64_t index = vb_video_index_at(video, k * COUNTED_FRAME_US + 5000);
        const int number = counted_read(video, index, &err);
        if (number != (reads[k] ? (int)k : -1))
            fail_msg("%s, hole at %u: frame %u is frame %d", name, (unsigned)at, k,
                     number);
    }
    vb_video_close(&video);
}

// The same where times around a hole are guesses: every picture is at its own moment, or a
// frame away from it, in order, and nearly as many frames are counted.
static void check_rough_film(const media_copy *f, const char *name, size_t at)
{
    vb_video *video = counted_open(f->path);
    const vb_video_info *info = vb_video_describe(video);
    vblip_error err;
    uint64_t good = 0;
    int last = -1;
    for (uint64_t i = 0; i < info->frames; i++) {
        const int number = counted_read(video, i, &err);
        const int64_t off =
            vb_video_time(video, i) - (int64_t)number * COUNTED_FRAME_US;
        if (number >= 0 && (number <= last || llabs(off) > COUNTED_FRAME_US))
            fail_msg("%s, hole at %u: frame %u is frame %d, %lld us off", name,
                     (unsigned)at, (unsigned)i, number, (long long)off);
        last = number >= 0 ? number : last;
        good += number >= 0;
    }
    if (info->frames < COUNTED_FRAMES - 1 || info->frames > COUNTED_FRAMES + 1 ||
        good + 4 > COUNTED_FRAMES || good < COUNTED_FRAMES / 2 || info->lost == 0)
        fail_msg("%s, hole at %u: %u of %u frames decode, %u are lost", name,
                 (unsigned)at, (unsigned)good, (unsigned)info->frames,
                 (unsigned)info->lost);
    vb_video_close(&video);
}

// A film whose bytes from `at` on are zeros, `size` of them.
static void check_hole(const char *name, size_t at, size_t size, bool rough)
{
    media_copy f = media_copy_load(name);
    memset(f.bytes + at, 0, at + size < f.size ? size : f.size - at);
    media_copy_write(&f, f.size);
    if (rough)
        check_rough_film(&f, name, at);
    else
        check_film(&f, name, at);
    media_copy_free(&f);
}

static size_t size_of(const char *name)
{
    media_copy f = media_copy_load(name);
    media_copy_free(&f);
    return f.size;
}

// Where `mark` is first or, from behind, last.
static size_t find_mark(const char *name, const char *mark, bool last)
{
    media_copy f = media_copy_load(name);
    const size_t size = strlen(mark);
    size_t found = SIZE_MAX;
    for (size_t i = 0; i + size <= f.size && (last || found == SIZE_MAX); i++)
        if (memcmp(f.bytes + i, mark, size) == 0)
            found = i;
    media_copy_free(&f);
    assert_true(found != SIZE_MAX);
    return found;
}

static void test_holes_that_swallow_packets(void **state)
{
    (void)state;
    static const char *const names[] = {
        VB_MEDIA "/counted_h264_closed.ts",  VB_MEDIA "/counted_h264_open.ts",
        VB_MEDIA "/counted_h264_closed.flv", VB_MEDIA "/noisy_h264.mkv",
        VB_MEDIA "/noisy_h265.mkv",          VB_MEDIA "/noisy_mpeg2_open.mkv",
        VB_MEDIA "/noisy_mpeg4.mkv",         VB_MEDIA "/noisy_mjpeg.mkv",
        VB_MEDIA "/noisy_vp9.webm",          VB_MEDIA "/noisy_h264.avi",
        VB_MEDIA "/noisy_mpeg2_open.avi",    VB_MEDIA "/noisy_mpeg2_closed.avi",
        VB_MEDIA "/noisy_mpeg4.avi",         VB_MEDIA "/noisy_mjpeg.avi",
        VB_MEDIA "/noisy_mpeg2_open.mpg",    VB_MEDIA "/noisy_mpeg2_closed.mpg",
    };
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        const size_t size = size_of(names[n]);
        for (size_t tenth = 3; tenth <= 6; tenth++)
            check_hole(names[n], size * tenth / 10, size / 12,
                       strstr(names[n], ".mpg") != NULL);
    }
}

// Containers that say what they hold, by an index or their length.
static const struct film {
    const char *name, *first, *behind; // in front of the packets, and behind them
} told[] = {
    {VB_MEDIA "/noisy_h264.mkv", "\x1F\x43\xB6\x75", "\x1C\x53\xBB\x6B"},
    {VB_MEDIA "/noisy_mpeg2_open.mkv", "\x1F\x43\xB6\x75", "\x1C\x53\xBB\x6B"},
    {VB_MEDIA "/noisy_mjpeg.mkv", "\x1F\x43\xB6\x75", "\x1C\x53\xBB\x6B"},
    {VB_MEDIA "/noisy_vp9.webm", "\x1F\x43\xB6\x75", "\x1C\x53\xBB\x6B"},
    {VB_MEDIA "/noisy_h264.avi", "movi", "idx1"},
    {VB_MEDIA "/noisy_mpeg4.avi", "movi", "idx1"},
    {VB_MEDIA "/noisy_mjpeg.avi", "movi", "idx1"},
};

static void test_holes_at_the_start(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof told / sizeof *told; n++) {
        const size_t size = size_of(told[n].name);
        const size_t first = find_mark(told[n].name, told[n].first, false);
        // Of an AVI the index is of no use then: libavformat takes it to begin behind.
        const bool rough = strstr(told[n].name, ".avi") != NULL;
        check_hole(told[n].name, first + 4, size / 12, rough);    // all of the first
        check_hole(told[n].name, first + 1000, size / 12, rough); // it begins in one
    }
}

static void test_holes_at_the_end(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof told / sizeof *told; n++) {
        const size_t size = size_of(told[n].name);
        const size_t behind = find_mark(told[n].name, told[n].behind, true);
        check_hole(told[n].name, behind - size / 12, size / 12, false);
        check_hole(told[n].name, behind - size / 12, size, false); // the index too
    }
}

// Packets of a transport stream that never came.
static void test_packets_of_a_transport_stream_that_are_not_there(void **state)
{
    (void)state;
    static const char *const names[] = {VB_MEDIA "/counted_h264_closed.ts",
                                        VB_MEDIA "/counted_mpeg2_open.ts"};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        media_copy f = media_copy_load(names[n]);
        const size_t packets = f.size / 188, at = packets / 2 * 188,
                     size = packets / 9 * 188;
        memmove(f.bytes + at, f.bytes + at + size, f.size - at - size);
        f.size -= size;
        media_copy_write(&f, f.size);
        check_film(&f, names[n], at);
        media_copy_free(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holes_that_swallow_packets),
        cmocka_unit_test(test_holes_at_the_start),
        cmocka_unit_test(test_holes_at_the_end),
        cmocka_unit_test(test_packets_of_a_transport_stream_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
