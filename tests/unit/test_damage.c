// test_damage.c - what is cut off or broken in a video is said with its numbers; the rest
// keeps its frames at their places (files by tests/support/make_media.py).
#include "base/file.h"
#include "decode/decode.h"
#include "support/media_copy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIDE = 64, FRAME = SIDE * SIDE * 3 };

static media_copy load(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", VB_MEDIA, name);
    return media_copy_load(path);
}

static vblip_status open_on(vb_video **video, const media_copy *f, size_t size,
                            uint32_t threads, vblip_error *err)
{
    const vb_decode_options options = {.side = SIDE, .threads = threads};
    media_copy_write(f, size);
    *err = (vblip_error){0};
    return vb_video_open(video, f->path, &options, err);
}

static vblip_status open_part(vb_video **video, const media_copy *f, size_t size,
                              vblip_error *err)
{
    return open_on(video, f, size, 0, err);
}

static vblip_status read_at(vb_video *video, uint64_t index, uint8_t *rgb,
                            vblip_error *err)
{
    vb_frame frame;
    *err = (vblip_error){0};
    return vb_video_read(video, index, rgb, &frame, err);
}

static uint8_t *expected_frames(const char *name)
{
    char path[512], *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/%s.rgb", VB_MEDIA, name);
    assert_int_equal(vb_file_read(&bytes, &size, path, 1 << 26, NULL), VBLIP_OK);
    return (uint8_t *)bytes;
}

// Reads on until it fails; the frames must be the first ones of `expected`, and the
// failure must tell their number.
static void check_cut(vb_video *video, const uint8_t *expected, uint64_t frames)
{
    const vb_video_info *info = vb_video_describe(video);
    assert_int_equal(info->frames, frames);
    assert_true(info->readable < frames);
    uint8_t rgb[FRAME];
    vblip_error err;
    uint64_t good = 0;
    while (good < frames && read_at(video, good, rgb, &err) == VBLIP_OK) {
        if (memcmp(rgb, expected + good * FRAME, FRAME) != 0)
            fail_msg("frame %u of %u is another", (unsigned)good,
                     (unsigned)info->readable);
        good++;
    }
    assert_int_equal(good, info->readable);
    char message[64];
    snprintf(message, sizeof message, "truncated: %u of %u frames decode",
             (unsigned)good, (unsigned)frames);
    assert_int_equal(err.status, VBLIP_ERR_IO);
    assert_string_equal(err.message, message);
    if (good > 0) // what is there can still be read
        assert_int_equal(read_at(video, 0, rgb, &err), VBLIP_OK);
    assert_int_equal(read_at(video, frames - 1, rgb, &err), VBLIP_ERR_IO);
    assert_string_equal(err.message, message);
}

// Files that say how much they hold. None has B-frames, so that what is there is the
// beginning.
static void test_a_cut_video_tells_how_much_is_left(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t from; // 1/from of the file; an AVI's frame rate shows from two frames on
    } rows[] = {{"quick.mp4", 60}, {"quick.mkv", 60}, {"quick.avi", 4}};
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        media_copy f = load(rows[n].name);
        uint8_t *expected = expected_frames("quick.mp4");
        uint32_t opened = 0;
        for (size_t size = f.size / rows[n].from; size < f.size * 19 / 20;
             size += f.size / 23) {
            vb_video *video;
            vblip_error err;
            if (open_part(&video, &f, size, &err) == VBLIP_OK) {
                check_cut(video, expected, 50);
                opened++;
            } else {
                assert_null(video);
                assert_true(err.message[0] != '\0');
            }
            vb_video_close(&video);
        }
        assert_true(opened > 10);
        free(expected);
        media_copy_free(&f);
    }
}

// Files that do not are as long as they are.
static void test_a_cut_stream_ends_where_it_ends(void **state)
{
    (void)state;
    static const char *const names[] = {"plain.ts", "plain.flv", "b_frames.mpg",
                                        "moving.gif"};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        media_copy f = load(names[n]);
        for (size_t size = f.size / 20; size < f.size; size += f.size / 11) {
            vb_video *video;
            vblip_error err;
            uint8_t rgb[FRAME];
            if (open_part(&video, &f, size, &err) != VBLIP_OK)
                continue;
            const vb_video_info *info = vb_video_describe(video);
            assert_int_equal(info->readable, info->frames);
            for (uint64_t i = 0; i < info->frames; i++)
                if (read_at(video, i, rgb, &err) != VBLIP_OK) {
                    // the packet that was cut in two may still have been there
                    assert_true(i + 2 >= info->frames);
                    break;
                }
            vb_video_close(&video);
        }
        media_copy_free(&f);
    }
}

// Overwrites the header of the `index`-th whole PNG picture of a file.
static void break_picture(media_copy *f, uint32_t index)
{
    const char *at = f->bytes, *end = f->bytes + f->size;
    for (uint32_t seen = 0; at + 8 < end; at++)
        if (memcmp(at, "IHDR", 4) == 0 && seen++ == index)
            break;
    assert_true(at + 8 < end);
    memset(f->bytes + (at - f->bytes), 'x', 4);
}

// Frame `index` must be the one of `expected`, or be refused with `message`.
static void check_frame(vb_video *video, uint32_t index, const uint8_t *expected,
                        const char *message)
{
    uint8_t rgb[FRAME];
    vblip_error err;
    vblip_status status = read_at(video, index, rgb, &err);
    assert_int_equal(status, message ? VBLIP_ERR_IO : VBLIP_OK);
    if (message)
        assert_string_equal(err.message, message);
    else if (expected && memcmp(rgb, expected + (size_t)index * FRAME, FRAME) != 0)
        fail_msg("frame %u is another", index);
}

// Nothing answers for a picture that is broken, and nothing else is amiss: at the start,
// in the middle, at the end.
static void test_a_broken_packet_shifts_nothing(void **state)
{
    (void)state;
    static const uint32_t order[] = {0,  1,  2, 3, 4, 5, 6, 7, 8, 9,
                                     10, 11, 5, 2, 6, 5, 0, 5, 4, 11};
    static const uint32_t broken[] = {0, 5, 11};
    for (size_t n = 0; n < sizeof broken / sizeof *broken; n++)
        for (size_t first = 0; first < sizeof order / sizeof *order; first++) {
            media_copy f = load("pictures.mkv");
            uint8_t *expected = expected_frames("pictures.mkv");
            break_picture(&f, broken[n]);
            vb_video *video;
            vblip_error err;
            assert_int_equal(open_part(&video, &f, f.size, &err), VBLIP_OK);
            assert_int_equal(vb_video_describe(video)->frames, 12);
            for (size_t i = first; i < sizeof order / sizeof *order; i++)
                check_frame(video, order[i], expected,
                            order[i] == broken[n] ? "damaged: 11 of 12 frames decode"
                                                  : NULL);
            vb_video_close(&video);
            free(expected);
            media_copy_free(&f);
        }
}

// A table that calls frame 24 a key frame instead of frame 20, which is one: decoding
// there would begin with references missing.
static void test_a_table_with_a_wrong_key_frame_shifts_nothing(void **state)
{
    (void)state;
    media_copy f = load("quick.mp4");
    uint8_t *expected = expected_frames("quick.mp4"), rgb[FRAME];
    char *at = f.bytes;
    while (at + 32 < f.bytes + f.size && memcmp(at, "stss", 4) != 0)
        at++;
    assert_memory_equal(at, "stss\0\0\0\0\0\0\0\5\0\0\0\1\0\0\0\13\0\0\0\25", 24);
    at[23] = 25; // counted from 1
    static const uint32_t order[] = {29, 24, 3, 28, 45, 26};
    for (size_t first = 0; first < sizeof order / sizeof *order; first++) {
        vb_video *video;
        vblip_error err;
        assert_int_equal(open_part(&video, &f, f.size, &err), VBLIP_OK);
        for (size_t i = first; i < sizeof order / sizeof *order; i++) {
            assert_int_equal(read_at(video, order[i], rgb, &err), VBLIP_OK);
            if (memcmp(rgb, expected + (size_t)order[i] * FRAME, FRAME) != 0)
                fail_msg("frame %u is another", order[i]);
        }
        vb_video_close(&video);
    }
    free(expected);
    media_copy_free(&f);
}

static void test_reading_goes_on_behind_damage_however_long(void **state)
{
    (void)state;
    media_copy f = load("many_pictures.mkv");
    uint8_t *expected = expected_frames("many_pictures.mkv");
    for (int i = 0; i < 110; i++)
        break_picture(&f, 5);
    static const char message[] = "damaged: 20 of 130 frames decode";
    vb_video *video;
    vblip_error err;
    assert_int_equal(open_part(&video, &f, f.size, &err), VBLIP_OK);
    assert_int_equal(vb_video_describe(video)->frames, 130);
    check_frame(video, 4, expected, NULL);
    check_frame(video, 60, expected, message);
    check_frame(video, 61, expected, message);
    check_frame(video, 115, expected, NULL);
    check_frame(video, 129, expected, NULL);
    check_frame(video, 3, expected, NULL);
    vb_video_close(&video);
    free(expected);
    media_copy_free(&f);
}

// What of a video with damage answers, asked for in order. The failures must count it.
static uint32_t read_refused(bool *refused, char *message, size_t size, vb_video *video,
                             uint32_t frames)
{
    uint8_t rgb[FRAME];
    vblip_error err;
    uint32_t good = 0;
    message[0] = '\0';
    for (uint32_t i = 0; i < frames; i++) {
        refused[i] = read_at(video, i, rgb, &err) != VBLIP_OK;
        good += !refused[i];
        if (refused[i])
            snprintf(message, size, "%s", err.message);
    }
    char counted[64];
    snprintf(counted, sizeof counted, "damaged: %u of %u frames decode", good, frames);
    if (good < frames)
        assert_string_equal(message, counted);
    return good;
}

// A file that was cut and says that it had frames for years: what is kept of them is
// bounded by what there is of it.
static void test_a_cut_file_that_promises_years(void **state)
{
    (void)state;
    enum { LENGTH = 40, BYTES_PER_FRAME = 8 }; // of the header of a stream
    static const uint8_t years[] = {0xFF, 0xFF, 0xFF, 0x7F};
    media_copy f = load("quick.avi");
    size_t at = 0;
    while (memcmp(f.bytes + at, "strh", 4) != 0)
        at++;
    memcpy(f.bytes + at + LENGTH, years, sizeof years);
    const size_t size = f.size * 2 / 3;
    vb_video *video;
    vblip_error err;
    assert_int_equal(open_part(&video, &f, size, &err), VBLIP_OK);
    const vb_video_info *info = vb_video_describe(video);
    assert_true(info->readable < 50);
    assert_int_equal(info->frames, size / BYTES_PER_FRAME);
    vb_video_close(&video);
    media_copy_free(&f);
}

typedef struct hole_row {
    const char *name, *expected; // NULL: not compared
    uint32_t frames, whole_from; // hole in the middle: all from there on decode
    uint32_t parts;              // holes begin at the borders of these
    size_t bytes;                // of a hole
} hole_row;

static void check_hole(const hole_row *row, uint32_t part, const uint8_t *expected)
{
    media_copy f = load(row->name);
    memset(f.bytes + f.size * part / row->parts, 0, row->bytes);
    vb_video *video;
    vblip_error err;
    if (open_part(&video, &f, f.size, &err) != VBLIP_OK) {
        media_copy_free(&f); // its tables are what was lost
        return;
    }
    bool refused[64] = {false};
    char message[sizeof err.message];
    const uint32_t frames = row->frames;
    uint32_t good = read_refused(refused, message, sizeof message, video, frames);
    if (part == row->parts / 2) {
        assert_true(good < frames);
        for (uint32_t i = row->whole_from; i < frames; i++)
            assert_false(refused[i]);
    }
    for (uint32_t i = 0, at = 0; i < frames; i++, at = (at + 17) % frames)
        check_frame(video, at, expected, refused[at] ? message : NULL);
    vb_video_close(&video);
    for (uint32_t at = part % 13; expected && at < frames; at += 13) {
        assert_int_equal(open_part(&video, &f, f.size, &err), VBLIP_OK);
        check_frame(video, at, expected, refused[at] ? message : NULL);
        vb_video_close(&video);
    }
    media_copy_free(&f);
}

// A video with a stretch of zeros, wherever it lies: every frame is its own or is
// refused, in any order of asking the same, and behind the next key frame nothing is
// missing. Decoders miss a few bytes; what they tell of late, when frames that refer to it
// came out, holds for those.
static void test_a_hole_costs_no_more_than_what_refers_to_it(void **state)
{
    (void)state;
    static const hole_row rows[] = {
        {"quick.mp4", "quick.mp4", 50, 40, 20, 1000},
        {"plain.mp4", "plain.mp4", 50, 48, 20, 1000},
        {"h265.mp4", "h265.mp4", 50, 40, 2, 1000},
        {"b_frames.mp4", "b_frames.mp4", 50, 48, 20, 2500},
        {"pictures.mov", "pictures.mov", 12, 10, 20, 1000},
        {"b_frames.mp4", NULL, 50, 48, 100, 40},
    };
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        uint8_t *expected = rows[n].expected ? expected_frames(rows[n].expected) : NULL;
        for (uint32_t part = 1; part < rows[n].parts; part++)
            check_hole(&rows[n], part, expected);
        free(expected);
    }
}

// On the way to a far frame not all is decoded: not so where it could show. What was
// passed over may be damaged without any harm to a frame that is asked for. (On one thread:
// libavcodec's threads may tell of damage in H.264 after the picture was handed out.)
static void test_a_damaged_way_leads_to_the_same_frames(void **state)
{
    (void)state;
    static const uint32_t order[] = {99, 60, 105};
    enum { COUNT = sizeof order / sizeof *order };
    uint32_t noise = 7, damaged = 0;
    for (int round = 0; round < 6; round++) {
        media_copy f = load("long_closed.mp4");
        for (int i = 0; i < 12; i++) { // within the first key frame's group of pictures
            noise = noise * 1664525 + 1013904223;
            f.bytes[3000 + noise % (f.size / 4)] ^= (char)(noise >> 24);
        }
        vb_video *video;
        vblip_error err;
        static uint8_t all[106][FRAME];
        vblip_status statuses[106];
        uint8_t rgb[FRAME];
        assert_int_equal(open_on(&video, &f, f.size, 1, &err), VBLIP_OK);
        for (uint32_t i = 0; i < 106; i++)
            statuses[i] = read_at(video, i, all[i], &err);
        vb_video_close(&video);
        for (size_t i = 0; i < COUNT; i++) {
            assert_int_equal(open_on(&video, &f, f.size, 1, &err), VBLIP_OK);
            bool reads = read_at(video, order[i], rgb, &err) == VBLIP_OK;
            bool in_order = statuses[order[i]] == VBLIP_OK;
            assert_true(reads || !in_order);
            if (in_order && memcmp(rgb, all[order[i]], FRAME) != 0)
                fail_msg("round %d: frame %u is another", round, order[i]);
            damaged += !in_order;
            vb_video_close(&video);
        }
        media_copy_free(&f);
    }
    assert_true(damaged > 0);
}

// Overwrites what comes `at` bytes behind the name of a box.
static void overwrite_box(media_copy *f, const char *name, size_t at, const char *bytes,
                          size_t size)
{
    char *box = f->bytes;
    while (box + 32 < f->bytes + f->size && memcmp(box, name, 4) != 0)
        box++;
    assert_memory_equal(box, name, 4);
    memcpy(box + 4 + at, bytes, size);
}

// A table that needs no place for what it lists is not believed.
static void test_tables_that_list_more_than_a_file_holds(void **state)
{
    (void)state;
    static const struct {
        const char *name, *box;
        size_t at;
        const char *bytes;
        size_t size;
    } rows[] = {
        {"plain.mp4", "stsz", 4, "\0\0\0\1\5\x10\xFF\x40", 8},
        {"plain.mp4", "stsz", 4, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8},
        {"fragments.mp4", "trun", 0, "\0\0\0\1\5\x10\xFF\x40", 8},
    };
    for (size_t n = 0; n < sizeof rows / sizeof *rows; n++) {
        media_copy f = load(rows[n].name);
        overwrite_box(&f, rows[n].box, rows[n].at, rows[n].bytes, rows[n].size);
        vb_video *video;
        vblip_error err;
        assert_int_equal(open_part(&video, &f, f.size, &err), VBLIP_ERR_FORMAT);
        assert_null(video);
        assert_non_null(strstr(err.message, " samples are listed, the file has "));
        media_copy_free(&f);
    }
}

// Noise anywhere in a file: whatever comes of it, nothing worse than a message.
static void test_noise_does_no_harm(void **state)
{
    (void)state;
    static const char *const names[] = {"plain.mp4", "plain.mkv",   "b_frames.avi",
                                        "sparse.ts", "hidden.webm", "moving.gif"};
    uint32_t noise = 1;
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        for (int round = 0; round < 20; round++) {
            media_copy f = load(names[n]);
            for (int i = 0; i < 1 << (round % 8); i++) {
                noise = noise * 1664525 + 1013904223;
                f.bytes[noise % f.size] = (char)(noise >> 24);
            }
            vb_video *video;
            vblip_error err;
            uint8_t rgb[FRAME];
            if (open_part(&video, &f, f.size, &err) == VBLIP_OK)
                for (uint64_t i = 0; i < vb_video_describe(video)->frames; i += 13) {
                    vblip_status status = read_at(video, i, rgb, &err);
                    assert_true((status == VBLIP_OK) == (err.message[0] == '\0'));
                }
            else
                assert_true(err.message[0] != '\0');
            vb_video_close(&video);
            media_copy_free(&f);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cut_video_tells_how_much_is_left),
        cmocka_unit_test(test_a_cut_stream_ends_where_it_ends),
        cmocka_unit_test(test_a_broken_packet_shifts_nothing),
        cmocka_unit_test(test_a_table_with_a_wrong_key_frame_shifts_nothing),
        cmocka_unit_test(test_reading_goes_on_behind_damage_however_long),
        cmocka_unit_test(test_a_cut_file_that_promises_years),
        cmocka_unit_test(test_a_hole_costs_no_more_than_what_refers_to_it),
        cmocka_unit_test(test_a_damaged_way_leads_to_the_same_frames),
        cmocka_unit_test(test_tables_that_list_more_than_a_file_holds),
        cmocka_unit_test(test_noise_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
