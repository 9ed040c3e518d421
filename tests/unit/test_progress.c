// test_progress.c - what is said about how long work takes.
#include "terminal/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_durations_are_words(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *words;
    } rows[] = {
        {0, "1 s"},           {0.4, "1 s"},         {45.4, "45 s"},
        {59.4, "59 s"},       {59.5, "1 min"},      {89, "1 min"},
        {91, "2 min"},        {2400, "40 min"},     {3570, "1 h 0 min"},
        {7800, "2 h 10 min"}, {90000, "1 day 1 h"}, {273600, "3 days 4 h"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vb_string out = {0};
        vb_progress_duration(&out, rows[i].seconds);
        assert_string_equal(out.bytes, rows[i].words);
        vb_string_free(&out);
    }
}

static void test_cost_names_work_time_and_device(void **state)
{
    (void)state;
    const vblip_progress p = {.unit = "captions", .total = 600};
    vb_string out = {0};
    vb_progress_cost(&out, &p, 2400, "llvmpipe");
    assert_string_equal(out.bytes, "600 captions, about 40 min on llvmpipe");
    vb_string_free(&out);
}

// The bar never wraps, whatever the path and the width; its size counts columns.
static void test_bar_fits_its_columns(void **state)
{
    (void)state;
    static const struct {
        vblip_progress p;
        int columns;
        const char *bar;
        int size;
    } rows[] = {
        {{"clip.mp4", "captions", 270, 600, 1080},
         79,
         "[#########...........]  45 %  270/600 captions  about 18 min left  clip.mp4",
         75},
        {{"clip.mp4", "captions", 600, 600, 0},
         79,
         "[####################] 100 %  600/600 captions  clip.mp4",
         56},
        {{"clip.mp4", "frames", 8, 0, -1}, 79, "8 frames  clip.mp4", 18},
        {{"folder/clip.mp4", "frames", 8, 0, -1}, 18, "8 frames  clip.mp4", 18},
        {{"\xC3\xA9\xC3\xA9\xC3\xA9/\xC3\xA9\xC3\xA9.mp4", "frames", 8, 0, -1},
         17,
         "8 frames  /\xC3\xA9\xC3\xA9.mp4",
         17},
        {{"clip.mp4", "frames", 8, 0, -1}, 12, "8 frames", 8},
        {{"clip.mp4", "frames", 8, 0, -1}, 5, "8 fra", 5},
        {{NULL, "pairs", 0, 4, -1}, 79, "[....................]   0 %  0/4 pairs", 39},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vb_string out = {0};
        int size = vb_progress_bar(&out, &rows[i].p, rows[i].columns);
        assert_string_equal(out.bytes, rows[i].bar);
        assert_int_equal(size, rows[i].size);
        assert_true(size <= rows[i].columns);
        vb_string_free(&out);
    }
}

static void test_plain_and_json_lines(void **state)
{
    (void)state;
    static const struct {
        vblip_progress p;
        const char *plain, *json;
    } rows[] = {
        {{"a b.mp4", "frames", 30, 120, 90.25},
         "30 of 120 frames, 25 %, about 2 min left, a b.mp4",
         "{\"path\":\"a b.mp4\",\"unit\":\"frames\",\"done\":30,\"total\":120,"
         "\"seconds_left\":90.250}"},
        {{NULL, "pairs", 3, 0, -1},
         "3 pairs",
         "{\"path\":null,\"unit\":\"pairs\",\"done\":3,\"total\":null,"
         "\"seconds_left\":null}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vb_string plain = {0}, json = {0};
        vb_progress_plain(&plain, &rows[i].p);
        vb_progress_json(&json, &rows[i].p);
        assert_string_equal(plain.bytes, rows[i].plain);
        assert_string_equal(json.bytes, rows[i].json);
        vb_string_free(&plain);
        vb_string_free(&json);
    }
}

// Reports `p` to a console that writes into a file, and gives back what it said.
static void report(vb_progress *progress, char *said, size_t size,
                   const vblip_progress *p)
{
    rewind(progress->console->stream);
    vb_progress_report(progress, p);
    long end = ftell(progress->console->stream);
    rewind(progress->console->stream);
    assert_true(end >= 0 && (size_t)end < size);
    size_t got = fread(said, 1, (size_t)end, progress->console->stream);
    said[got] = '\0';
}

// Not from the first item, which pays for what is done only once; and only once a phase.
static void test_long_work_is_announced_when_the_estimate_holds(void **state)
{
    (void)state;
    char said[256];
    vb_console console = {.stream = tmpfile(), .columns = 80};
    assert_non_null(console.stream);
    vb_progress progress = {
        .console = &console, .style = VB_PROGRESS_NONE, .device = "llvmpipe"};
    report(&progress, said, sizeof said,
           &(vblip_progress){"v", "captions", 0, 600, -1});
    assert_string_equal(said, "");
    report(&progress, said, sizeof said,
           &(vblip_progress){"v", "captions", 1, 600, 999});
    assert_string_equal(said, ""); // after 1.7 s
    report(&progress, said, sizeof said,
           &(vblip_progress){"v", "captions", 10, 600, 590});
    assert_string_equal(said, "vblip: 600 captions, about 10 min on llvmpipe\n");
    report(&progress, said, sizeof said,
           &(vblip_progress){"v", "captions", 11, 600, 590});
    assert_string_equal(said, "");
    report(&progress, said, sizeof said, &(vblip_progress){"v", "pairs", 5, 50, 45});
    assert_string_equal(said, ""); // 50 s in all: not long
    report(&progress, said, sizeof said, &(vblip_progress){"v", "frames", 5, 50, 90});
    assert_string_equal(said, "vblip: 50 frames, about 2 min on llvmpipe\n");
    fclose(console.stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations_are_words),
        cmocka_unit_test(test_cost_names_work_time_and_device),
        cmocka_unit_test(test_bar_fits_its_columns),
        cmocka_unit_test(test_plain_and_json_lines),
        cmocka_unit_test(test_long_work_is_announced_when_the_estimate_holds),
    };
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
