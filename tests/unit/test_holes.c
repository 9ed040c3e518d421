// test_holes.c - holes that swallow whole packets: what they held is counted and lost, and
// nothing answers for it (films by tests/support/make_media.py).
#include "base/file.h"
#include "support/counted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct film {
    const char *name;
    char *bytes;
    size_t size;
    char path[64]; // of what is made of it
} film;

static film load_film(const char *name)
{
    film f = {.name = name, .path = "/tmp/vblip-holes-XXXXXX"};
    char path[512];
    snprintf(path, sizeof path, "%s/%s", VB_MEDIA, name);
    assert_int_equal(vb_file_read(&f.bytes, &f.size, path, 1 << 26, NULL), VBLIP_OK);
    int fd = mkstemp(f.path);
    assert_true(fd >= 0);
    close(fd);
    return f;
}

static void unload_film(film *f)
{
    unlink(f->path);
    free(f->bytes);
}

static void write_film(const film *f)
{
    FILE *out = fopen(f->path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(f->bytes, 1, f->size, out), f->size);
    fclose(out);
}

// Every moment shows its own picture or is refused, whatever the order of asking; of the
// frames that are counted as many decode as is said.
static void check_film(const film *f, size_t at)
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
            fail_msg("%s, hole at %u: frame %u is frame %d", f->name, (unsigned)at, i,
                     number);
        reads[i] = number >= 0;
        good += reads[i];
    }
    if (info->frames != COUNTED_FRAMES || good == COUNTED_FRAMES || info->lost == 0)
        fail_msg("%s, hole at %u: %u of %u frames decode, %u are lost", f->name,
                 (unsigned)at, good, (unsigned)info->frames, (unsigned)info->lost);
    snprintf(said, sizeof said, "damaged: %u of %u frames decode", good,
             COUNTED_FRAMES);
    assert_string_equal(message, said);
    for (uint32_t i = 0, k = 0; i < COUNTED_FRAMES;
         i++, k = (k + 17) % COUNTED_FRAMES) {
        const uint64_t index = vb_video_index_at(video, k * COUNTED_FRAME_US + 5000);
        const int number = counted_read(video, index, &err);
        if (number != (reads[k] ? (int)k : -1))
            fail_msg("%s, hole at %u: frame %u is frame %d", f->name, (unsigned)at, k,
                     number);
    }
    vb_video_close(&video);
}

static void test_holes_that_swallow_packets(void **state)
{
    (void)state;
    static const char *const names[] = {
        "counted_h264_closed.ts",
        "counted_h264_open.ts",
        "counted_h264_closed.flv",
    };
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        for (size_t tenth = 3; tenth <= 6; tenth++) {
            film f = load_film(names[n]);
            const size_t at = f.size * tenth / 10;
            memset(f.bytes + at, 0, f.size / 12);
            write_film(&f);
            check_film(&f, at);
            unload_film(&f);
        }
}

// Packets of a transport stream that never came.
static void test_packets_of_a_transport_stream_that_are_not_there(void **state)
{
    (void)state;
    static const char *const names[] = {"counted_h264_closed.ts",
                                        "counted_mpeg2_open.ts"};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        film f = load_film(names[n]);
        const size_t packets = f.size / 188, at = packets / 2 * 188,
                     size = packets / 9 * 188;
        memmove(f.bytes + at, f.bytes + at + size, f.size - at - size);
        f.size -= size;
        write_film(&f);
        check_film(&f, at);
        unload_film(&f);
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
