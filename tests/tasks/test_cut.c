// test_cut.c - what is cut of films whose frames carry their number (make_media.py), opened
// again and read frame by frame.
#include "vblip_export.h"

#include "support/counted.h"
#include "support/temp.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { FRAME_US = 40000, MOST_MOMENTS = 4 };

typedef struct clippings {
    vblip_clipping items[MOST_MOMENTS];
    uint32_t count;
} clippings;

static int keep_clipping(void *user, const vblip_clipping *clipping)
{
    clippings *kept = user;
    kept->items[kept->count++] = *clipping;
    return 0;
}

static char *in_media(char out[TEMP_PATH], const char *name)
{
    snprintf(out, TEMP_PATH, "%s/%s", VB_MEDIA, name);
    return out;
}

static vblip_moment frames_of(const char *path, uint32_t first, uint32_t end)
{
    return (vblip_moment){path, (int64_t)first * FRAME_US, (int64_t)end * FRAME_US};
}

static void cut(clippings *out, const char *path, const vblip_moment *moments,
                uint32_t count, bool exact)
{
    vblip_error err;
    const vblip_cut_options options = {.exact = exact, .overwrite = true};
    *out = (clippings){0};
    if (vblip_cut(path, moments, count, &options, keep_clipping, out, &err) != VBLIP_OK)
        fail_msg("%s: %s", path, err.message);
    assert_int_equal(out->count, count);
}

static int frame_of(int64_t time_us)
{
    return (int)((time_us + FRAME_US / 2) / FRAME_US);
}

// Frame `at` of `video` is number `number`, and shown that long after the first.
static void check_frame(const char *path, vb_video *video, uint32_t at, int number,
                        bool closely)
{
    vblip_error err;
    const int found = counted_read(video, at, &err);
    const int64_t time_us = vb_video_time(video, at);
    if (found < 0)
        fail_msg("%s: frame %u: %s", path, at, err.message);
    if (found != number)
        fail_msg("%s: frame %u is %d, expected %d", path, at, found, number);
    if (closely && llabs(time_us - (int64_t)at * FRAME_US) > 1000)
        fail_msg("%s: frame %u is shown at %lld us", path, at, (long long)time_us);
}

static void check_clip(const char *path, const vblip_clipping *clipping, bool closely)
{
    vb_video *video = counted_open(path);
    const int first = frame_of(clipping->start_us), end = frame_of(clipping->end_us);
    const vb_video_info *info = vb_video_describe(video);
    if ((int)info->frames != end - first)
        fail_msg("%s: %u frames, expected %d to %d", path, (unsigned)info->frames,
                 first, end);
    for (int i = 0; i < end - first; i++)
        check_frame(path, video, (uint32_t)i, first + i, closely);
    vb_video_close(&video);
}

static bool is_by_order(const char *name)
{
    return strcmp(name, "counted_h264_open.avi") == 0 ||
           strcmp(name, "counted_h264_closed.avi") == 0 ||
           strcmp(name, "counted_mpeg2_open.avi") == 0 ||
           strcmp(name, "counted_mpeg2_closed.avi") == 0;
}

static void cut_film(const char *name, bool exact)
{
    static const struct {
        uint32_t first, end;
    } spans[] = {{0, 5}, {17, 31}, {59, 60}, {0, 60}, {40, 60}};
    char path[TEMP_PATH], out[TEMP_PATH], file[64];
    clippings got;
    in_media(path, name);
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        const vblip_moment moment = frames_of(path, spans[i].first, spans[i].end);
        snprintf(file, sizeof file, "%s-%s%zu%s", name, exact ? "exact" : "", i,
                 vblip_cut_extension(path, exact));
        temp_path(out, temp_folder, file);
        cut(&got, out, &moment, 1, exact);
        const int first = frame_of(got.items[0].start_us);
        const int end = frame_of(got.items[0].end_us);
        if (exact ? first != (int)spans[i].first || end != (int)spans[i].end
                  : first > (int)spans[i].first || end < (int)spans[i].end)
            fail_msg("%s: %u to %u: cut from %d to %d", name, spans[i].first,
                     spans[i].end, first, end);
        check_clip(out, &got.items[0], !strstr(name, "mpeg2"));
    }
}

static void cut_all_films(bool exact)
{
    DIR *folder = opendir(VB_MEDIA);
    const struct dirent *entry;
    uint32_t films = 0;
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        const char *name = entry->d_name;
        if (strncmp(name, "counted_", 8) != 0 || strstr(name, ".rgb") ||
            strstr(name, ".times") || strstr(name, "sizes") || strstr(name, "fast") ||
            (is_by_order(name) && !exact))
            continue;
        cut_film(name, exact);
        films++;
    }
    closedir(folder);
    assert_true(films > 20);
}

static void test_a_copy_holds_the_moment(void **state)
{
    (void)state;
    cut_all_films(false);
}

static void test_an_exact_cut_is_the_moment(void **state)
{
    (void)state;
    cut_all_films(true);
}

static void test_a_reel_holds_all(void **state)
{
    (void)state;
    char first[TEMP_PATH], second[TEMP_PATH], out[TEMP_PATH];
    in_media(first, "counted_h264_open.mp4");
    in_media(second, "counted_h265_open.mp4");
    const vblip_moment moments[] = {frames_of(first, 20, 25), frames_of(second, 40, 47),
                                    frames_of(first, 3, 9)};
    for (int exact = 0; exact < 2; exact++) {
        clippings got;
        const vblip_moment alike[] = {moments[0], moments[2]};
        const uint32_t count = exact ? 3 : 2;
        temp_path(out, temp_folder, exact ? "exact.mp4" : "copied.mp4");
        cut(&got, out, exact ? moments : alike, count, exact);
        vb_video *video = counted_open(out);
        for (uint32_t m = 0; m < count; m++) {
            const vblip_clipping *c = &got.items[m];
            const int first_frame = frame_of(c->start_us);
            for (int i = 0; i < frame_of(c->end_us) - first_frame; i++)
                check_frame(out, video, (uint32_t)(frame_of(c->at_us) + i),
                            first_frame + i, true);
        }
        vb_video_close(&video);
    }
}

static void test_padding_ends_with_the_recording(void **state)
{
    (void)state;
    char path[TEMP_PATH], out[TEMP_PATH];
    vblip_error err;
    clippings got = {0};
    in_media(path, "counted_h264_closed.mp4");
    temp_path(out, temp_folder, "padded.mkv");
    const vblip_moment moment = frames_of(path, 5, 50);
    const vblip_cut_options options = {.exact = true, .pad_us = 1000000};
    assert_int_equal(vblip_cut(out, &moment, 1, &options, keep_clipping, &got, &err),
                     VBLIP_OK);
    assert_int_equal(got.items[0].start_us, 0);
    assert_int_equal(got.items[0].end_us, COUNTED_FRAMES * FRAME_US);
}

// What is refused leaves nothing behind.
static void test_refusals(void **state)
{
    (void)state;
    char film[TEMP_PATH], other[TEMP_PATH], avi[TEMP_PATH], here[TEMP_PATH];
    in_media(film, "counted_h264_open.mp4");
    in_media(other, "counted_h265_open.mp4");
    in_media(avi, "counted_h264_open.avi");
    temp_write(temp_folder, "there.mp4", "mine");
    temp_write(temp_folder, "text.mp4", "not a film");
    temp_path(here, temp_folder, "text.mp4");
    const struct {
        const char *out;
        vblip_moment moments[2];
        bool overwrite;
        const char *message;
    } rows[] = {
        {"there.mp4", {frames_of(film, 0, 5)}, false, "there.mp4: exists; --overwrite"},
        {"out.wmv",
         {frames_of(film, 0, 5)},
         false,
         "mp4, m4v, mov, mkv or webm can be"},
        {"out.webm", {frames_of(film, 0, 5)}, false, "h264 cannot be copied to webm"},
        {"none/out.mp4", {frames_of(film, 0, 5)}, false, "No such file or directory"},
        {"out.mp4", {frames_of(film, 61, 65)}, false, "ends at 2.400 s, before"},
        {"out.mp4", {frames_of(film, 5, 5)}, false, "from 0.200 to 0.200 s"},
        {"out.mp4", {frames_of(avi, 0, 5)}, false, "only an exact cut is possible"},
        {"out.mp4", {frames_of(here, 0, 5)}, false, "not a video"},
        {"out.mp4", {frames_of("none.mp4", 0, 5)}, false, "none.mp4: No such file"},
        {"out.mp4",
         {frames_of(film, 0, 5), frames_of(other, 0, 5)},
         false,
         "its picture is hevc"},
        {"text.mp4", {frames_of(here, 0, 5)}, true, "is a recording that is cut"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[TEMP_PATH];
        vblip_error err;
        const vblip_cut_options options = {.overwrite = rows[i].overwrite};
        temp_path(out, temp_folder, rows[i].out);
        assert_int_not_equal(vblip_cut(out, rows[i].moments,
                                       rows[i].moments[1].path ? 2 : 1, &options, NULL,
                                       NULL, &err),
                             VBLIP_OK);
        if (!strstr(err.message, rows[i].message))
            fail_msg("row %zu: %s", i, err.message);
        struct stat info;
        if (strncmp(rows[i].out, "out", 3) == 0 && stat(out, &info) == 0)
            fail_msg("row %zu: %s was written", i, out);
    }
    size_t size;
    uint8_t *bytes = temp_read(&size, temp_path(here, temp_folder, "there.mp4"));
    assert_int_equal(size, 4);
    assert_memory_equal(bytes, "mine", 4);
    free(bytes);
}

typedef struct empty_tiles {
    uint32_t input, count;
} empty_tiles;

static int note_empty(void *user, const vblip_failure *failure)
{
    empty_tiles *empty = user;
    empty->input = failure->input;
    empty->count++;
    return 0;
}

static void test_a_contact_sheet(void **state)
{
    (void)state;
    char film[TEMP_PATH], still[TEMP_PATH], out[TEMP_PATH];
    vblip_error err;
    empty_tiles empty = {0};
    in_media(film, "counted_h264_open.mkv");
    in_media(still, "cover.png");
    const vblip_tile tiles[] = {
        {film, true, 0, 400000, 1, true, 1},
        {"gone.mp4", true, 0, 400000, 2, true, 0.5f},
        {still, false, 0, 0, 3, false, 0},
    };
    vblip_sheet_options options = {
        .title = "a caf\xC3\xA9", .failed = note_empty, .user = &empty};
    temp_path(out, temp_folder, "sheet.png");
    assert_int_equal(vblip_contact_sheet(out, tiles, 3, &options, &err), VBLIP_OK);
    assert_int_equal(empty.count, 1);
    assert_int_equal(empty.input, 1);
    vb_video *video;
    assert_int_equal(vb_video_open(&video, out, &(vb_decode_options){.side = 64}, &err),
                     VBLIP_OK);
    assert_int_equal(vb_video_describe(video)->width, 16 + 2 * (320 + 16));
    assert_int_equal(vb_video_describe(video)->height,
                     16 + 40 + 2 * (180 + 4 + 52 + 16));
    vb_video_close(&video);
    assert_int_equal(vblip_contact_sheet(out, tiles, 3, &options, &err),
                     VBLIP_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "sheet.png: exists; --overwrite"));
    options.overwrite = true;
    assert_int_equal(vblip_contact_sheet(out, tiles, 3, &options, &err), VBLIP_OK);
    assert_int_equal(vblip_contact_sheet(still, tiles, 3, &options, &err),
                     VBLIP_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "cover.png: is a hit"));
    temp_path(out, temp_folder, "none/sheet.png");
    assert_int_equal(vblip_contact_sheet(out, tiles, 1, &options, &err), VBLIP_ERR_IO);
}

static void test_sheets_misused(void **state)
{
    (void)state;
    static const vblip_tile tiles[401], named = {"x", true, 0, 1, 1, true, 2};
    vblip_error err;
    assert_int_equal(vblip_contact_sheet(NULL, &named, 1, NULL, &err),
                     VBLIP_ERR_ARGUMENT);
    assert_string_equal(err.message, "out: missing");
    assert_int_equal(vblip_contact_sheet("x.png", NULL, 1, NULL, &err),
                     VBLIP_ERR_ARGUMENT);
    assert_int_equal(vblip_contact_sheet("x.png", tiles, 401, NULL, &err),
                     VBLIP_ERR_ARGUMENT);
    assert_string_equal(err.message, "tiles: 401, at most 400");
    assert_int_equal(vblip_contact_sheet("x.png", tiles, 1, NULL, &err),
                     VBLIP_ERR_ARGUMENT);
    assert_string_equal(err.message, "path: missing");
    assert_int_equal(vblip_contact_sheet("x.png", &named, 1, NULL, &err),
                     VBLIP_ERR_ARGUMENT);
    assert_string_equal(err.message, "p_match: 2, expected 0 to 1");
}

static int stop_soon(void *user)
{
    return ++*(int *)user > 3;
}

static void test_a_stopped_cut_leaves_nothing(void **state)
{
    (void)state;
    char path[TEMP_PATH];
    int asked = 0;
    vblip_error err;
    const struct dirent *entry;
    in_media(path, "counted_h264_open.mkv");
    const vblip_moment moment = frames_of(path, 0, 60);
    const vblip_cut_options options = {.stopped = stop_soon, .stopped_user = &asked};
    char out[TEMP_PATH];
    temp_path(out, temp_folder, "stopped.mp4");
    assert_int_equal(vblip_cut(out, &moment, 1, &options, NULL, NULL, &err),
                     VBLIP_ERR_CANCELLED);
    DIR *folder = opendir(temp_folder);
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL)
        if (strstr(entry->d_name, "stopped") || strstr(entry->d_name, ".tmp"))
            fail_msg("%s is left", entry->d_name);
    closedir(folder);
}

static void test_misuse(void **state)
{
    (void)state;
    char path[TEMP_PATH];
    vblip_error err;
    in_media(path, "counted_h264_open.mp4");
    const vblip_moment moment = frames_of(path, 0, 5), nameless = {NULL, 0, 1};
    const vblip_cut_options early = {.pad_us = -1};
    const struct {
        const char *out;
        const vblip_moment *moments;
        uint32_t count;
        const vblip_cut_options *options;
        const char *message;
    } rows[] = {
        {NULL, &moment, 1, NULL, "out: missing"},
        {"x.mp4", NULL, 1, NULL, "moments: missing"},
        {"x.mp4", &moment, 0, NULL, "moments: missing"},
        {"x.mp4", &nameless, 1, NULL, "path: missing"},
        {"x.mp4", &moment, 1, &early, "pad: -1 us, expected 0 to 86400000000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(vblip_cut(rows[i].out, rows[i].moments, rows[i].count,
                                   rows[i].options, NULL, NULL, &err),
                         VBLIP_ERR_ARGUMENT);
        assert_string_equal(err.message, rows[i].message);
    }
    vblip_media media;
    assert_int_equal(vblip_media_look(NULL, path, &err), VBLIP_ERR_ARGUMENT);
    assert_int_equal(vblip_media_look(&media, NULL, &err), VBLIP_ERR_ARGUMENT);
    assert_int_equal(vblip_media_look(&media, path, &err), VBLIP_OK);
    assert_int_equal(media.duration_us, COUNTED_FRAMES * FRAME_US);
    assert_true(media.rate_num == 25 * media.rate_den);
    assert_string_equal(vblip_cut_extension(NULL, false), ".mkv");
    assert_string_equal(vblip_cut_extension("a.MP4", true), ".mp4");
    assert_string_equal(vblip_cut_extension("a.webm", true), ".mkv");
    assert_string_equal(vblip_cut_extension("a.webm", false), ".webm");
    assert_string_equal(vblip_cut_extension("a.d/b", false), ".mkv");
}

static void test_a_thumbnail(void **state)
{
    (void)state;
    char path[TEMP_PATH];
    uint8_t *bytes;
    uint64_t size;
    vblip_error err;
    in_media(path, "counted_h264_open.mp4");
    static const struct {
        const char *path;
        int64_t time_us;
        uint32_t width;
        const char *message; // NULL: it is made
    } rows[] = {
        {"", 0, 64, NULL},
        {"", INT64_C(1) << 60, 16, NULL}, // behind the end
        {NULL, 0, 64, "path: missing"},
        {"", -1, 64, "time_us: below 0"},
        {"", 0, 14, "width: 14 pixels, expected an even number from 16 to 1024"},
        {"", 0, 65, "width: 65 pixels, expected an even number from 16 to 1024"},
        {"", 0, 1026, "width: 1026 pixels, expected an even number from 16 to 1024"},
        {"none.mp4", 0, 64, "none.mp4: No such file or directory"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const bool made = !rows[i].message;
        const char *of = rows[i].path && !*rows[i].path ? path : rows[i].path;
        const vblip_status status =
            vblip_thumbnail(&bytes, &size, of, rows[i].time_us, rows[i].width, &err);
        assert_true(made == (status == VBLIP_OK) && made == (bytes != NULL));
        if (!made)
            assert_string_equal(err.message, rows[i].message);
        else // a JPEG from its first bytes to its last
            assert_true(size > 4 && bytes[0] == 0xff && bytes[1] == 0xd8 &&
                        bytes[size - 2] == 0xff && bytes[size - 1] == 0xd9);
        free(bytes);
    }
    assert_int_equal(vblip_thumbnail(NULL, &size, path, 0, 64, &err),
                     VBLIP_ERR_ARGUMENT);
    assert_int_equal(vblip_thumbnail(&bytes, NULL, path, 0, 64, &err),
                     VBLIP_ERR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_copy_holds_the_moment),
        cmocka_unit_test(test_an_exact_cut_is_the_moment),
        cmocka_unit_test(test_a_reel_holds_all),
        cmocka_unit_test(test_padding_ends_with_the_recording),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_a_contact_sheet),
        cmocka_unit_test(test_sheets_misused),
        cmocka_unit_test(test_a_thumbnail),
        cmocka_unit_test(test_a_stopped_cut_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}
