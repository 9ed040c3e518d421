// test_live_clock.c - times of streams whose own clocks do what they like.
#include "decode/live_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NONE = INT32_MIN, MOST_TICKS = 8 };

// In ms. Pictures last 40 ms.
typedef struct clock_row {
    const char *what;
    bool live;
    int32_t says[MOST_TICKS], now[MOST_TICKS], times[MOST_TICKS];
    uint32_t count, reconnect_at; // 0 = never
} clock_row;

static const clock_row clock_rows[] = {
    {"plain, from anywhere", false, {5000, 5040, 5080}, {0}, {0, 40, 80}, 3, 0},
    {"no times", false, {NONE, NONE, NONE}, {0}, {0, 40, 80}, 3, 0},
    {"times end", false, {0, 40, NONE, NONE}, {0}, {0, 40, 80, 120}, 4, 0},
    {"begins again", false, {9000, 9040, 0, 40}, {0}, {0, 40, 80, 120}, 4, 0},
    {"a hole stays", false, {0, 600000, 600040}, {0}, {0, 600000, 600040}, 3, 0},
    {"a little back", false, {0, 400, 390, 440}, {0}, {0, 400, 400, 440}, 4, 0},
    {"a day ahead", false, {0, 90000000, 90000040}, {0}, {0, 40, 80}, 3, 0},
    {"live", true, {7000, 7040, 7080}, {100, 145, 190}, {0, 40, 80}, 3, 0},
    {"live without times",
     true,
     {NONE, NONE, NONE},
     {100, 150, 190},
     {0, 50, 90},
     3,
     0},
    {"live, begins again",
     true,
     {7000, 7040, 0, 40},
     {0, 40, 5000, 5040},
     {0, 40, 5000, 5040},
     4,
     0},
    {"live, leaps",
     true,
     {0, 40, 100000, 100040},
     {0, 40, 80, 120},
     {0, 40, 80, 120},
     4,
     0},
    {"a burst ahead of time",
     true,
     {0, 9000, 18000},
     {0, 1, 2},
     {0, 9000, 18000},
     3,
     0},
    {"connected anew",
     true,
     {7000, 7040, 3000, 3040},
     {0, 40, 12000, 12040},
     {0, 40, 12000, 12040},
     4,
     2},
    {"anew, with the same clock",
     true,
     {0, 40, 60, 100},
     {0, 40, 12000, 12040},
     {0, 40, 12000, 12040},
     4,
     2},
};

static int64_t in_us(int32_t ms)
{
    return ms == NONE ? VB_NO_TIME : (int64_t)ms * 1000;
}

static void test_clocks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof clock_rows / sizeof *clock_rows; i++) {
        const clock_row *row = &clock_rows[i];
        vb_live_clock clock = {0};
        for (uint32_t k = 0; k < row->count; k++) {
            const vb_live_tick tick = {
                .says_us = in_us(row->says[k]),
                .now_us = row->live ? in_us(row->now[k]) : VB_NO_TIME,
                .span_us = 40000,
            };
            if (row->reconnect_at && k == row->reconnect_at)
                vb_live_clock_reconnect(&clock);
            const int64_t time_us = vb_live_clock_step(&clock, &tick);
            if (time_us != in_us(row->times[k]))
                fail_msg("%s: picture %u at %lld us, expected %d ms", row->what, k,
                         (long long)time_us, row->times[k]);
        }
    }
}

// Counters that hold noise do not overflow, and time never goes back.
static void test_noise(void **state)
{
    (void)state;
    uint64_t random = 1;
    vb_live_clock clock = {0};
    int64_t last_us = 0;
    for (uint32_t i = 0; i < 100000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        const vb_live_tick tick = {
            .says_us = (int64_t)random >> (random % 60),
            .now_us = i % 3 ? (int64_t)i * 1000 : VB_NO_TIME,
            .span_us = 1000,
        };
        const int64_t time_us = vb_live_clock_step(&clock, &tick);
        assert_true(time_us >= last_us && time_us < INT64_MAX / 2);
        last_us = time_us;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests_name("live clock", tests, NULL, NULL);
}
