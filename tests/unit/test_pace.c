// test_pace.c - submits grow and shrink to a quarter of a second, whatever the device, and
// an op that is longer comes in pieces.
#include "gpu/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint64_t small_op = 40000000; // its work

typedef struct course {
    uint32_t submits;
    double last_s, longest_s; // longest_s: but for the first two
} course;

static void submit(course *c, vb_pace *pace, double speed)
{
    const vb_pace_load load = vb_pace_next(pace);
    c->last_s = (double)load.work / speed;
    if (++c->submits > 2 && c->last_s > c->longest_s)
        c->longest_s = c->last_s;
    vb_pace_ran(pace, load, c->last_s, true);
}

// `count` ops of `parts` times `work` on a device that makes `speed` of it a second.
static course run_parts(vb_pace *pace, uint32_t count, uint32_t parts, uint64_t work,
                        double speed)
{
    course c = {0};
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t left = parts; left;) {
            uint32_t taken = vb_pace_take(pace, left, work);
            if (!taken) {
                submit(&c, pace, speed);
                taken = vb_pace_take(pace, left, work);
            }
            assert_true(taken && taken <= left); // the first is always taken
            left -= taken;
        }
    }
    return c;
}

static course run(vb_pace *pace, uint32_t count, uint64_t work, double speed)
{
    return run_parts(pace, count, 1, work, speed);
}

static void test_a_slow_device_is_asked_often(void **state)
{
    (void)state;
    vb_pace pace = {0};
    course c = run(&pace, 3000, small_op, 4e9); // 30 s
    assert_true(c.longest_s <= 0.26);
    assert_true(c.submits > 120 && c.submits < 260);
}

static void test_a_fast_device_takes_all_at_once(void **state)
{
    (void)state;
    vb_pace pace = {0};
    course c = run(&pace, 100000, small_op, 400e12); // 10 ms
    assert_true(c.submits < 20);
    (void)vb_pace_next(&pace);
    c = run(&pace, 50000, small_op, 400e12);
    assert_int_equal(c.submits, 0);
}

static void test_what_got_slow_is_cut_at_once(void **state)
{
    (void)state;
    vb_pace pace = {0};
    (void)run(&pace, 100000, small_op, 400e12);
    (void)vb_pace_next(&pace);
    course c = run(&pace, 2000000, small_op, 8e12); // 10 s, fifty times slower
    assert_true(c.longest_s <= 0.26);
    assert_true(c.submits < 100);
}

// Small submits, full of what takes its time without work, say nothing of large ones.
static void test_small_submits_change_nothing(void **state)
{
    (void)state;
    vb_pace pace = {0};
    (void)run(&pace, 3000, small_op, 4e9);
    (void)vb_pace_next(&pace);
    const uint64_t most = pace.most;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(vb_pace_take(&pace, 1, 1), 1);
        vb_pace_ran(&pace, vb_pace_next(&pace), 0.1, true);
    }
    assert_true(pace.most == most);
}

// One that takes 1.5 s, as linear over eight frames does.
static void test_a_long_op_comes_in_pieces(void **state)
{
    (void)state;
    vb_pace pace = {0};
    course c = run_parts(&pace, 20, 289, small_op / 2, 4e9); // 29 s
    assert_true(c.longest_s <= 0.26);
    assert_true(c.submits > 120 && c.submits < 260);
}

// The pieces of an op are alike: no short one is left at the end.
static void test_pieces_are_even(void **state)
{
    (void)state;
    vb_pace pace = {.most = 100};
    static const uint32_t want[] = {84, 83, 83};
    uint32_t left = 250;
    for (int i = 0; i < 3; i++) {
        const uint32_t taken = vb_pace_take(&pace, left, 1);
        assert_int_equal(taken, want[i]);
        left -= taken;
        vb_pace_ran(&pace, vb_pace_next(&pace), 0.2, true);
    }
}

static void test_a_fast_device_takes_long_ops_whole(void **state)
{
    (void)state;
    vb_pace pace = {0};
    course c = run_parts(&pace, 1000, 289, small_op, 400e12); // 29 ms
    assert_true(c.submits < 20);
    (void)vb_pace_next(&pace);
    assert_int_equal(vb_pace_take(&pace, 289, small_op), 289);
}

static vb_pace_load load_of(uint64_t work, uint32_t submits, bool full)
{
    return (vb_pace_load){.work = work, .submits = submits, .full = full};
}

// What ended while nobody looked took that long at most: it may have been quick.
static void test_the_time_of_what_was_not_seen_is_a_bound(void **state)
{
    (void)state;
    vb_pace pace = {.most = 1000};
    vb_pace_ran(&pace, load_of(1000, 1, true), 5, false);
    assert_int_equal(pace.most, 1000);
    vb_pace_ran(&pace, load_of(1000, 1, true), 0.1, false);
    assert_int_equal(pace.most, 2000);
    vb_pace_ran(&pace, load_of(2000, 1, true), 0.5, true);
    assert_int_equal(pace.most, 1001);
}

// Several submits that ended together have each their part of the time.
static void test_submits_share_the_time(void **state)
{
    (void)state;
    vb_pace pace = {.most = 1000};
    vb_pace_load sum = {0};
    vb_pace_add(&sum, load_of(1000, 1, true));
    vb_pace_add(&sum, load_of(800, 1, false));
    vb_pace_add(&sum, load_of(600, 1, false));
    vb_pace_ran(&pace, sum, 0.6, true); // 0.2 s each
    assert_int_equal(pace.most, 1000);
    vb_pace_ran(&pace, sum, 0.3, true); // 800 in 0.1 s each
    assert_int_equal(pace.most, 1600);
    vb_pace_ran(&pace, sum, 3, true); // 800 in 1 s each
    assert_int_equal(pace.most, 201);
}

// Copies are no work, and what they take says nothing of work.
static void test_no_work_changes_nothing(void **state)
{
    (void)state;
    vb_pace pace = {.most = 1000};
    vb_pace_ran(&pace, load_of(0, 1, false), 3, true);
    assert_int_equal(pace.most, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_slow_device_is_asked_often),
        cmocka_unit_test(test_a_fast_device_takes_all_at_once),
        cmocka_unit_test(test_what_got_slow_is_cut_at_once),
        cmocka_unit_test(test_small_submits_change_nothing),
        cmocka_unit_test(test_a_long_op_comes_in_pieces),
        cmocka_unit_test(test_pieces_are_even),
        cmocka_unit_test(test_a_fast_device_takes_long_ops_whole),
        cmocka_unit_test(test_the_time_of_what_was_not_seen_is_a_bound),
        cmocka_unit_test(test_submits_share_the_time),
        cmocka_unit_test(test_no_work_changes_nothing),
    };
    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
