// test_holes.c - holes that swallow whole packets: what they held is counted and lost, and
// nothing answers for it (films by tests/support/make_media.py).
#include "support/counted.h"
#include "support/media_copy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
    if (info->frames != COUNTED_FRAMES || good == COUNTED_FRAMES || info->lost == 0)
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

static void test_holes_that_swallow_packets(void **state)
{
    (void)state;
    static const char *const names[] = {
        VB_MEDIA "/counted_h264_closed.ts",
        VB_MEDIA "/counted_h264_open.ts",
        VB_MEDIA "/counted_h264_closed.flv",
    };
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        for (size_t tenth = 3; tenth <= 6; tenth++) {
            media_copy f = media_copy_load(names[n]);
            const size_t at = f.size * tenth / 10;
            memset(f.bytes + at, 0, f.size / 12);
            media_copy_write(&f, f.size);
            check_film(&f, names[n], at);
            media_copy_free(&f);
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
        cmocka_unit_test(test_packets_of_a_transport_stream_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
