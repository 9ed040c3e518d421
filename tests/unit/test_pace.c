// test_pace.c - submits grow and shrink to a quarter of a second, whatever the device.
#include "gpu/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct course {
    uint32_t submits;
    double last_s, longest_s; // longest_s: but for the first two
} course;

// `count` ops of `work` on a device that makes `speed` of it a second.
static course run(vb_pace *pace, uint32_t count, uint64_t work, double speed)
{
    course c = {0};
    for (uint32_t i = 0; i < count; i++) {
        if (vb_pace_take(pace, work))
            continue;
        c.last_s = (double)pace->recorded / speed;
        if (++c.submits > 2 && c.last_s > c.longest_s)
            c.longest_s = c.last_s;
        vb_pace_ran(pace, c.last_s);
        assert_true(vb_pace_take(pace, work)); // the first is always taken
    }
    return c;
}

static void test_a_slow_device_is_asked_often(void **state)
{
    (void)state;
    vb_pace pace = {0};
    course c = run(&pace, 3000, 5000, 500e3); // 30 s
    assert_true(c.longest_s <= 0.26);
    assert_true(c.submits > 120 && c.submits < 260);
}

static void test_a_fast_device_takes_all_at_once(void **state)
{
    (void)state;
    vb_pace pace = {0};
    course c = run(&pace, 100000, 5000, 50e9); // 10 ms
    assert_true(c.submits < 20);
    pace.recorded = 0;
    c = run(&pace, 50000, 5000, 50e9);
    assert_int_equal(c.submits, 0);
}

static void test_what_got_slow_is_cut_at_once(void **state)
{
    (void)state;
    vb_pace pace = {0};
    (void)run(&pace, 100000, 5000, 50e9);
    pace.recorded = 0;
    course c = run(&pace, 2000000, 5000, 1e9); // 10 s, fifty times slower
    assert_true(c.longest_s <= 0.26);
    assert_true(c.submits < 100);
}

// Small submits, full of what takes its time without work, say nothing of large ones.
static void test_small_submits_change_nothing(void **state)
{
    (void)state;
    vb_pace pace = {0};
    (void)run(&pace, 3000, 5000, 500e3);
    vb_pace_dropped(&pace);
    const uint64_t most = pace.most;
    for (int i = 0; i < 100; i++) {
        assert_true(vb_pace_take(&pace, 1));
        vb_pace_ran(&pace, 0.1);
    }
    assert_true(pace.most == most);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_slow_device_is_asked_often),
        cmocka_unit_test(test_a_fast_device_takes_all_at_once),
        cmocka_unit_test(test_what_got_slow_is_cut_at_once),
        cmocka_unit_test(test_small_submits_change_nothing),
    };
    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
