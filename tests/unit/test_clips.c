// test_clips.c - odd videos give the frames and times that ffmpeg itself gives for them,
// in any order of asking (files by tests/support/make_media.py).
#include "base/file.h"
#include "base/hash.h"
#include "decode/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { SIDE = 64, FRAME = SIDE * SIDE * 3 };

static const struct clip {
    const char *name;
    uint32_t frames, width, height;
    const char *expected; // whose frames and times; NULL = its own
} clips[] = {
    {.name = "plain.mp4", .frames = 50, .width = 176, .height = 144},
    {.name = "plain.mkv", .frames = 50, .width = 176, .height = 144},
    {.name = "plain.ts", .frames = 50, .width = 176, .height = 144},
    {.name = "plain.flv", .frames = 50, .width = 176, .height = 144},
    {.name = "sparse.ts",
     .frames = 50,
     .width = 176,
     .height = 144,
     .expected = "plain.ts"},
    {.name = "fragments.mp4", .frames = 50, .width = 176, .height = 144},
    {.name = "edited.mp4", .frames = 22, .width = 176, .height = 144},
    {.name = "turned90.mp4", .frames = 50, .width = 144, .height = 176},
    {.name = "turned180.mp4", .frames = 50, .width = 176, .height = 144},
    {.name = "turned270.mp4", .frames = 50, .width = 144, .height = 176},
    {.name = "422.mp4", .frames = 50, .width = 176, .height = 144},
    {.name = "turned422.mp4", .frames = 50, .width = 144, .height = 176},
    {.name = "uneven.mp4", .frames = 30, .width = 176, .height = 144},
    {.name = "ten_bits.mp4", .frames = 50, .width = 176, .height = 144},
    {.name = "full_range.mp4", .frames = 50, .width = 176, .height = 144},
    {.name = "refresh.mkv", .frames = 50, .width = 176, .height = 144},
    {.name = "refresh.mp4", .frames = 50, .width = 176, .height = 144},
    {.name = "fields.mp4", .frames = 50, .width = 176, .height = 144},
    {.name = "sounding.mov", .frames = 50, .width = 176, .height = 144},
    {.name = "b_frames.mp4", .frames = 50, .width = 176, .height = 144},
    {.name = "pictures.mov", .frames = 12, .width = 176, .height = 144},
    {.name = "h265.mp4", .frames = 50, .width = 176, .height = 144},
    {.name = "vp9.mp4", .frames = 50, .width = 176, .height = 144},
    {.name = "quick.mp4", .frames = 50, .width = 176, .height = 144},
    {.name = "b_frames.avi",
     .frames = 50,
     .width = 176,
     .height = 144,
     .expected = NULL},
    {.name = "b_frames.mpg", .frames = 50, .width = 176, .height = 144},
    {.name = "hidden.webm", .frames = 50, .width = 176, .height = 144},
    {.name = "odd.mkv", .frames = 12, .width = 75, .height = 43},
    {.name = "pictures.mkv", .frames = 12, .width = 75, .height = 43},
    {.name = "moving.gif", .frames = 10, .width = 60, .height = 44},
    {.name = "cover_first.mp4", .frames = 50, .width = 176, .height = 144},
};

enum { CLIPS = sizeof clips / sizeof *clips };

static vb_video *open_clip(const char *name, uint32_t threads)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", VB_MEDIA, name);
    vb_video *video;
    vblip_error err = {0};
    vb_decode_options options = {.side = SIDE, .threads = threads};
    if (vb_video_open(&video, path, &options, &err) != VBLIP_OK)
        fail_msg("%s: %s", name, err.message);
    return video;
}

static void read_frame(vb_video *video, const char *name, uint64_t index, uint8_t *rgb)
{
    vb_frame frame;
    vblip_error err = {0};
    if (vb_video_read(video, index, rgb, &frame, &err) != VBLIP_OK)
        fail_msg("%s: frame %u: %s", name, (unsigned)index, err.message);
    assert_int_equal(frame.index, index);
    assert_int_equal(frame.time_us, vb_video_time(video, index));
}

// All frames of a clip, read from first to last.
static uint8_t *read_all(const struct clip *clip, uint32_t threads)
{
    vb_video *video = open_clip(clip->name, threads);
    if (vb_video_describe(video)->frames != clip->frames)
        fail_msg("%s: %u frames, expected %u", clip->name,
                 (unsigned)vb_video_describe(video)->frames, clip->frames);
    uint8_t *frames = malloc((size_t)clip->frames * FRAME);
    assert_non_null(frames);
    for (uint32_t i = 0; i < clip->frames; i++)
        read_frame(video, clip->name, i, frames + (size_t)i * FRAME);
    vb_video_close(&video);
    assert_null(video);
    return frames;
}

static char *load(const struct clip *clip, const char *extension, size_t *size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s.%s", VB_MEDIA,
             clip->expected ? clip->expected : clip->name, extension);
    char *bytes;
    assert_int_equal(vb_file_read(&bytes, size, path, 1 << 26, NULL), VBLIP_OK);
    return bytes;
}

static void test_every_frame_is_ffmpegs(void **state)
{
    (void)state;
    for (size_t c = 0; c < CLIPS; c++) {
        size_t size;
        char *expected = load(&clips[c], "rgb", &size);
        assert_int_equal(size, (size_t)clips[c].frames * FRAME);
        uint8_t *frames = read_all(&clips[c], 0);
        for (uint32_t i = 0; i < clips[c].frames; i++) {
            if (memcmp(frames + (size_t)i * FRAME, expected + (size_t)i * FRAME, FRAME))
                fail_msg("%s: frame %u is another", clips[c].name, i);
        }
        free(frames);
        free(expected);
    }
}

// Strides that jump back and forth over the whole clip, falling order, and every frame
// as the first one that is asked for.
static void test_any_order_gives_the_same_frames(void **state)
{
    (void)state;
    for (size_t c = 0; c < CLIPS; c++) {
        const char *name = clips[c].name;
        uint32_t n = clips[c].frames;
        uint8_t *frames = read_all(&clips[c], 0), rgb[FRAME];
        vb_video *video = open_clip(name, 0);
        for (uint32_t step = 7; step <= 29; step += 22)
            for (uint32_t i = 0, at = step % n; i < n; i++, at = (at + step) % n) {
                read_frame(video, name, at, rgb);
                if (memcmp(rgb, frames + (size_t)at * FRAME, FRAME) != 0)
                    fail_msg("%s: frame %u by steps of %u", name, at, step);
            }
        for (uint32_t at = n; at-- > 0;) {
            read_frame(video, name, at, rgb);
            if (memcmp(rgb, frames + (size_t)at * FRAME, FRAME) != 0)
                fail_msg("%s: frame %u in falling order", name, at);
        }
        vb_video_close(&video);
        for (uint32_t at = 0; at < n; at += 3) {
            video = open_clip(name, 1);
            read_frame(video, name, at, rgb);
            if (memcmp(rgb, frames + (size_t)at * FRAME, FRAME) != 0)
                fail_msg("%s: frame %u first", name, at);
            vb_video_close(&video);
        }
        free(frames);
    }
}

// Far from where decoding begins, what no other picture refers to is passed over.
static void test_long_ways_lead_to_the_same_frames(void **state)
{
    (void)state;
    static const struct clip films[] = {
        {.name = "long.mp4", .frames = 300},
        {.name = "long.mkv", .frames = 300},
        {.name = "long_closed.mp4", .frames = 300},
        {.name = "long_fields.mp4", .frames = 300},
        {.name = "long_b_frames.mp4", .frames = 300},
        {.name = "long_b_frames.ts", .frames = 300},
    };
    static const uint32_t order[] = {299, 0,   1,   80,  81,  160, 161, 162, 240, 239,
                                     33,  34,  109, 110, 111, 112, 147, 220, 221, 222,
                                     223, 250, 251, 252, 296, 297, 298, 60,  190, 102};
    for (size_t n = 0; n < sizeof films / sizeof *films; n++) {
        size_t size;
        char *expected = load(&films[n], "rgb", &size);
        assert_int_equal(size, (size_t)films[n].frames * FRAME);
        uint8_t rgb[FRAME];
        vb_video *video = open_clip(films[n].name, 0);
        for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
            read_frame(video, films[n].name, order[i], rgb);
            if (memcmp(rgb, expected + (size_t)order[i] * FRAME, FRAME) != 0)
                fail_msg("%s: frame %u", films[n].name, order[i]);
        }
        vb_video_close(&video);
        for (size_t i = 0; i < sizeof order / sizeof *order; i += 3) {
            video = open_clip(films[n].name, 1);
            read_frame(video, films[n].name, order[i], rgb);
            if (memcmp(rgb, expected + (size_t)order[i] * FRAME, FRAME) != 0)
                fail_msg("%s: frame %u first", films[n].name, order[i]);
            vb_video_close(&video);
        }
        free(expected);
    }
}

static void test_threads_do_not_matter(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= 5; threads += 2) {
        uint8_t *one = read_all(&clips[0], 1), *many = read_all(&clips[0], threads);
        assert_memory_equal(one, many, (size_t)clips[0].frames * FRAME);
        free(one);
        free(many);
    }
}

static void test_size_is_as_shown(void **state)
{
    (void)state;
    for (size_t c = 0; c < CLIPS; c++) {
        vb_video *video = open_clip(clips[c].name, 0);
        const vb_video_info *info = vb_video_describe(video);
        assert_false(info->still);
        assert_int_equal(info->readable, info->frames);
        assert_int_equal(info->width, clips[c].width);
        assert_int_equal(info->height, clips[c].height);
        vb_video_close(&video);
    }
}

static void test_times_are_ffmpegs(void **state)
{
    (void)state;
    for (size_t c = 0; c < CLIPS; c++) {
        size_t size;
        char *text = load(&clips[c], "times", &size), *at = text;
        vb_video *video = open_clip(clips[c].name, 0);
        for (uint32_t i = 0; i < clips[c].frames; i++) {
            int64_t expected = strtoll(at, &at, 10), got = vb_video_time(video, i);
            if (llabs(got - expected) > 1)
                fail_msg("%s: frame %u at %lld us, expected %lld", clips[c].name, i,
                         (long long)got, (long long)expected);
        }
        assert_int_equal(*at, '\n');
        assert_int_equal(at[1], '\0');
        vb_video_close(&video);
        free(text);
    }
}

static void test_a_frame_is_shown_until_the_next(void **state)
{
    (void)state;
    for (size_t c = 0; c < CLIPS; c++) {
        vb_video *video = open_clip(clips[c].name, 0);
        const vb_video_info *info = vb_video_describe(video);
        assert_int_equal(vb_video_time(video, 0), 0);
        assert_int_equal(vb_video_index_at(video, -1), 0);
        for (uint64_t i = 0; i < info->frames; i++) {
            int64_t time = vb_video_time(video, i), next = vb_video_time(video, i + 1);
            assert_true(time < next);
            assert_int_equal(vb_video_index_at(video, time), i);
            assert_int_equal(vb_video_index_at(video, next - 1), i);
        }
        assert_int_equal(vb_video_time(video, info->frames), info->duration_us);
        assert_int_equal(vb_video_index_at(video, INT64_MAX), info->frames - 1);
        vb_video_close(&video);
    }
}

static void test_duration_is_the_end_of_the_last_frame(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t duration_us;
    } rows[] = {
        {"plain.mp4", 2000000},    {"plain.mkv", 2000000}, {"plain.ts", 2000000},
        {"b_frames.avi", 2000000}, {"edited.mp4", 880000}, {"uneven.mp4", 2000000},
        {"moving.gif", 1000000},   {"odd.mkv", 480000},    {"sparse.ts", 2000000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vb_video *video = open_clip(rows[i].name, 0);
        int64_t got = vb_video_describe(video)->duration_us;
        if (llabs(got - rows[i].duration_us) > 1)
            fail_msg("%s: %lld us, expected %lld", rows[i].name, (long long)got,
                     (long long)rows[i].duration_us);
        vb_video_close(&video);
    }
}

// Whatever the alignment, and nothing is written behind the frame.
static void test_frames_are_the_same_in_any_buffer(void **state)
{
    (void)state;
    enum { GUARD = 64 };
    static _Alignas(16) uint8_t one[FRAME + GUARD + 16], other[FRAME + GUARD + 16];
    static const uint32_t sides[] = {SIDE, 63, 33, 16};
    for (size_t c = 0; c < CLIPS; c++)
        for (size_t n = 0; n < sizeof sides / sizeof *sides; n++) {
            const vb_decode_options options = {.side = sides[n]};
            const size_t bytes = (size_t)sides[n] * sides[n] * 3;
            char path[512];
            vb_video *video;
            vb_frame frame;
            snprintf(path, sizeof path, "%s/%s", VB_MEDIA, clips[c].name);
            assert_int_equal(vb_video_open(&video, path, &options, NULL), VBLIP_OK);
            for (size_t shift = 0; shift < 16; shift += 5) {
                memset(other, 0x5A, sizeof other);
                assert_int_equal(vb_video_read(video, 9, one, &frame, NULL), VBLIP_OK);
                assert_int_equal(vb_video_read(video, 9, other + shift, &frame, NULL),
                                 VBLIP_OK);
                assert_memory_equal(other + shift, one, bytes);
                for (size_t i = 0; i < GUARD; i++)
                    assert_int_equal(other[shift + bytes + i], 0x5A);
            }
            vb_video_close(&video);
        }
}

static uint64_t size_of(const char *name)
{
    char path[512];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", VB_MEDIA, name);
    assert_int_equal(stat(path, &st), 0);
    return (uint64_t)st.st_size;
}

// Listed, decoded forward and, where no table lists the frames, decoded backward.
static void test_no_byte_is_read_twice(void **state)
{
    (void)state;
    for (size_t c = 0; c < CLIPS; c++) {
        const char *name = clips[c].name;
        vb_video *video = open_clip(name, 0);
        uint8_t rgb[FRAME];
        for (uint32_t i = 0; i < clips[c].frames; i++)
            read_frame(video, name, i, rgb);
        bool table = strstr(name, ".mp4") || strstr(name, ".mov");
        for (uint32_t i = clips[c].frames; !table && i >= 10; i -= 10)
            read_frame(video, name, i - 10, rgb);
        uint64_t size = size_of(name), read = vb_video_bytes_read(video);
        if (read > size)
            fail_msg("%s: %llu of %llu bytes", name, (unsigned long long)read,
                     (unsigned long long)size);
        vb_video_close(&video);
    }
}

// All of a file is read once, in whatever order its frames are asked for, while what is kept
// suffices, and its hash is that of the file either way.
static void test_content_is_hashed_in_passing(void **state)
{
    (void)state;
    for (size_t c = 0; c < CLIPS; c++) {
        const char *name = clips[c].name;
        for (size_t keep = 1; keep <= 1 << 24; keep <<= 24) {
            const vb_decode_options options = {.side = SIDE, .keep_bytes = keep};
            char path[512];
            snprintf(path, sizeof path, "%s/%s", VB_MEDIA, name);
            vblip_error err = {0};
            vb_video *video = NULL;
            uint8_t rgb[FRAME];
            uint64_t content = 0, expected = 1;
            if (vb_video_open(&video, path, &options, &err) != VBLIP_OK)
                fail_msg("%s: %s", name, err.message);
            for (uint32_t i = clips[c].frames; i >= 7; i -= 7)
                read_frame(video, name, i - 7, rgb);
            assert_int_equal(vb_video_content(video, &content, &err), VBLIP_OK);
            assert_int_equal(vb_hash_file(&expected, path, NULL, NULL, &err), VBLIP_OK);
            assert_true(content == expected);
            const uint64_t size = size_of(name), read = vb_video_bytes_read(video);
            if (keep > size && read > size + size / 8)
                fail_msg("%s: %llu of %llu bytes", name, (unsigned long long)read,
                         (unsigned long long)size);
            vb_video_close(&video);
        }
    }
}

static void test_what_is_no_video_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        vblip_status status;
        const char *message;
        vb_decode_options options;
    } rows[] = {
        {"gone.mp4", VBLIP_ERR_IO, "No such file or directory", {0}},
        {".", VBLIP_ERR_IO, "not a regular file", {0}},
        {"empty.mp4", VBLIP_ERR_FORMAT, "empty file", {0}},
        {"text.mp4", VBLIP_ERR_FORMAT, "not a video or image", {0}},
        {"pointer.mp4",
         VBLIP_ERR_FORMAT,
         "a Git LFS pointer, not the file: git lfs pull, or hf download",
         {0}},
        {"playlist.mp4", VBLIP_ERR_FORMAT, "not a video or image", {0}},
        {"script.mp4", VBLIP_ERR_FORMAT, "not a video or image", {0}},
        {"sound.mp4", VBLIP_ERR_FORMAT, "no video stream", {0}},
        {"sound.mp3", VBLIP_ERR_FORMAT, "no video stream", {0}},
        {"no_index.mp4",
         VBLIP_ERR_FORMAT,
         "mp4 without its index (moov): cut short or never finished",
         {0}},
        {"plain.mp4",
         VBLIP_ERR_UNSUPPORTED,
         "176x144 pixels, at most 25343 in all are read",
         {.max_pixels = 176 * 144 - 1}},
        {"cover.png",
         VBLIP_ERR_UNSUPPORTED,
         "32x32 pixels, at most 1000 in all are read",
         {.max_pixels = 1000}},
        {"plain.mp4",
         VBLIP_ERR_UNSUPPORTED,
         "longer than 1 s, the longest that is read",
         {.max_duration_us = 1000000}},
        {"plain.mp4",
         VBLIP_ERR_ARGUMENT,
         "side 20000, 1 to 16384 are allowed",
         {.side = 20000}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", VB_MEDIA, rows[i].name);
        vb_decode_options options = rows[i].options;
        if (options.side == 0)
            options.side = SIDE;
        vblip_error err = {0};
        vb_video *video = (vb_video *)1;
        assert_int_equal(vb_video_open(&video, path, &options, &err), rows[i].status);
        assert_string_equal(err.message, rows[i].message);
        assert_null(video);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_frame_is_ffmpegs),
        cmocka_unit_test(test_any_order_gives_the_same_frames),
        cmocka_unit_test(test_long_ways_lead_to_the_same_frames),
        cmocka_unit_test(test_threads_do_not_matter),
        cmocka_unit_test(test_size_is_as_shown),
        cmocka_unit_test(test_times_are_ffmpegs),
        cmocka_unit_test(test_a_frame_is_shown_until_the_next),
        cmocka_unit_test(test_duration_is_the_end_of_the_last_frame),
        cmocka_unit_test(test_frames_are_the_same_in_any_buffer),
        cmocka_unit_test(test_no_byte_is_read_twice),
        cmocka_unit_test(test_content_is_hashed_in_passing),
        cmocka_unit_test(test_what_is_no_video_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
