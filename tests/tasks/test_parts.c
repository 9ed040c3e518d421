// test_parts.c - frames read by several decoders are those that one reads, and so is what
// fails (files by tests/support/make_media.py).
#include "video_tasks/parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIDE = 32, BYTES = SIDE * SIDE * 3, FRAMES = 12 };

static vb_frames files;
static atomic_uint opened;

static vblip_status open_counted(void *user, vb_video **out, const char *path,
                                 const vb_decode_options *options, vblip_error *err)
{
    atomic_fetch_add(&opened, 1);
    return files.open(user, out, path, options, err);
}

typedef struct read_frames {
    uint8_t pixels[FRAMES * BYTES];
    vb_frame frames[FRAMES];
    vblip_error err;
    uint32_t opened;
    vblip_status status;
} read_frames;

static void read_with(read_frames *out, const char *name, uint32_t threads)
{
    char path[512];
    uint64_t indices[FRAMES];
    vb_video *video;
    vb_frames counted = files = vb_frames_from_files();
    const vb_decode_options options = {.side = SIDE, .threads = threads};
    counted.open = open_counted;
    opened = 0;
    memset(out, 0, sizeof *out);
    snprintf(path, sizeof path, "%s/%s", VB_MEDIA, name);
    assert_int_equal(counted.open(NULL, &video, path, &options, NULL), VBLIP_OK);
    const uint64_t count = vb_video_describe(video)->frames;
    for (uint64_t i = 0; i < FRAMES; i++)
        indices[i] = i * (count / FRAMES);
    out->status = vb_read_parts(&counted, video, path, &options, indices, FRAMES,
                                out->pixels, out->frames, NULL, &out->err);
    out->opened = opened;
    vb_video_close(&video);
}

static void test_the_same_frames(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t threads, opened;
    } rows[] = {
        {"counted_h264_closed.mp4", 1, 1}, {"counted_h264_closed.mp4", 2, 2},
        {"counted_h264_open.mkv", 3, 3},   {"counted_h265_open.ts", 2, 2},
        {"counted_vp9_closed.webm", 4, 4}, {"no_keys.mkv", 2, 1},
    };
    read_frames *one = malloc(sizeof *one), *more = malloc(sizeof *more);
    assert_true(one && more);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        read_with(one, rows[i].name, 1);
        read_with(more, rows[i].name, rows[i].threads);
        assert_int_equal(one->status, VBLIP_OK);
        assert_int_equal(one->opened, 1);
        if (more->opened != rows[i].opened)
            fail_msg("%s: opened %u times", rows[i].name, more->opened);
        if (more->status != VBLIP_OK ||
            memcmp(one->pixels, more->pixels, sizeof one->pixels))
            fail_msg("%s: other pixels with %u threads", rows[i].name, rows[i].threads);
        for (uint32_t k = 0; k < FRAMES; k++)
            assert_true(more->frames[k].index == one->frames[k].index &&
                        more->frames[k].time_us == one->frames[k].time_us &&
                        more->frames[k].rgb == more->pixels + (size_t)k * BYTES);
    }
    free(one);
    free(more);
}

// One by one the first failure ends the reading.
static vblip_status fail_from(vb_video *video, uint64_t index, uint8_t *rgb,
                              vb_frame *out, vblip_error *err)
{
    if (index > 30)
        return vb_fail(err, VBLIP_ERR_IO, "frame %u", (unsigned)index);
    return vb_video_read(video, index, rgb, out, err);
}

static void test_the_first_failure_counts(void **state)
{
    (void)state;
    static uint8_t pixels[FRAMES * BYTES];
    static const char path[] = VB_MEDIA "/counted_h264_closed.mp4";
    vb_frames broken = vb_frames_from_files();
    broken.read = fail_from;
    const vb_decode_options options = {.side = SIDE, .threads = 4};
    vb_video *video;
    vblip_error err = {0};
    assert_int_equal(vb_video_open(&video, path, &options, &err), VBLIP_OK);
    uint64_t indices[FRAMES];
    vb_frame frames[FRAMES];
    for (uint64_t i = 0; i < FRAMES; i++)
        indices[i] = i * 7;
    assert_int_equal(vb_read_parts(&broken, video, path, &options, indices, FRAMES,
                                   pixels, frames, NULL, &err),
                     VBLIP_ERR_IO);
    assert_string_equal(err.message, "frame 35");
    vb_video_close(&video);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_frames),
        cmocka_unit_test(test_the_first_failure_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
