// test_date.c - dates, clocks and parts of recordings as they are typed.
#include "cli/date.h"
#include "cli/example.h"
#include "support/temp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void test_dates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t first_s, end_s; // in UTC
    } good[] = {
        {"1970-01-02", 86400, 2 * 86400},
        {"2026-05-01", 1777593600, 1777680000},
        {"2024-02-29", 1709164800, 1709251200},
        {"2025-12-31", 1767139200, 1767225600},
        {"2026-05-01T18:30", 1777660200, 1777660201},
        {"2026-05-01 18:30:15", 1777660215, 1777660216},
        {"2261-12-31", INT64_C(9214560000), INT64_C(9214646400)},
    };
    static const char *const bad[] = {
        "",
        "2026",
        "2026-5-1",
        "2026-05",
        "2026-13-01",
        "2026-00-01",
        "2026-05-00",
        "2026-05-32",
        "2026-02-29",
        "1969-12-31",
        "2026-05-01T",
        "2026-05-01T18",
        "2026/05/01",
        "2026-05-01x",
        "2026-05-01T24:00",
        "2026-05-01T18:60",
        "20260501",
        " 2026-05-01",
        "2026-05-01T18:30:",
        "2026-05-01T18:30:60",
        "2262-01-01",
        "9999-12-31",
        "today",
        "-026-05-01",
        "2026-05-01T1:30",
        "2026-05-01T18:30:15.5",
    };
    cli_date date;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(cli_date_read(&date, good[i].text));
        assert_int_equal(cli_date_ns(&date, false), good[i].first_s * 1000000000);
        assert_int_equal(cli_date_ns(&date, true), good[i].end_s * 1000000000 - 1);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (cli_date_read(&date, bad[i]))
            fail_msg("%s: a date?", bad[i]);
    // Clocks are put back at three: half past two is twice.
    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    assert_true(cli_date_read(&date, "2026-10-25T02:30"));
    assert_int_equal(cli_date_ns(&date, false), INT64_C(1792888200) * 1000000000);
    assert_int_equal(cli_date_ns(&date, true), INT64_C(1792891801) * 1000000000 - 1);
    assert_true(cli_date_read(&date, "2026-10-25")); // a day of 25 hours
    assert_int_equal(cli_date_ns(&date, true) - cli_date_ns(&date, false),
                     INT64_C(25) * 3600 * 1000000000 - 1);
    setenv("TZ", "UTC", 1);
    tzset();
    assert_true(cli_date_read(&date, "1970-01-01"));
    assert_int_equal(cli_date_ns(&date, false), 1); // 0 would be no date at all
}

static void test_clocks(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {
        {"0", 0},
        {"72", 72000000},
        {"1.5", 1500000},
        {"1:20", 80000000},
        {"01:02:03.25", 3723250000},
        {"0.000001", 1},
        {"90:00", 5400000000},
        {"100:00:00", 360000000000},
    };
    static const char *const bad[] = {"",     "x",       "1:",  ":1",
                                      "1:60", "1:2:3:4", "1.",  "1.0000001",
                                      "-1",   "1,5",     "1e3", "1234567890"};
    int64_t us;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(cli_clock_read(&us, good[i].text, strlen(good[i].text)));
        assert_int_equal(us, good[i].us);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (cli_clock_read(&us, bad[i], strlen(bad[i])))
            fail_msg("%s: a time?", bad[i]);
}

static void test_examples(void **state)
{
    (void)state;
    char there[TEMP_PATH];
    temp_write(temp_folder, "film@1-2", "");
    temp_path(there, temp_folder, "film@1-2");
    const struct {
        const char *text, *path;
        int64_t start_us, end_us;
    } cases[] = {
        {"a.png", "a.png", 0, 0},
        {"a.mp4@1-2", "a.mp4", 1000000, 2000000},
        {"a.mp4@1:20-1:25.5", "a.mp4", 80000000, 85500000},
        {"a.mp4@5-", "a.mp4", 5000000, 0},
        {"x@y/a.mp4@0-3", "x@y/a.mp4", 0, 3000000},
        {"a@b.mp4", "a@b.mp4", 0, 0}, // no times
        {"a.mp4@5", "a.mp4@5", 0, 0},
        {there, there, 0, 0}, // is there as a whole
    };
    vblip_error err = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vb_arena arena = {0};
        vblip_example example;
        assert_int_equal(cli_example_read(&example, &arena, cases[i].text, 0.5f, &err),
                         VBLIP_OK);
        assert_string_equal(example.path, cases[i].path);
        assert_int_equal(example.start_us, cases[i].start_us);
        assert_int_equal(example.end_us, cases[i].end_us);
        assert_true(example.weight == 0.5f);
        vb_arena_free(&arena);
    }
    vb_arena arena = {0};
    vblip_example example;
    assert_int_equal(cli_example_read(&example, &arena, "a.mp4@3-2", 1, &err),
                     VBLIP_ERR_ARGUMENT);
    assert_string_equal(err.message, "a.mp4@3-2: ends before it begins");
    vb_arena_free(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_examples),
    };
    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}
