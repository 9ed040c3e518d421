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
    c->last_s = (double)pace->recorded / speed;
    if (++c->submits > 2 && c->last_s > c->longest_s)
        c->longest_s = c->last_s;
    vb_pace_ran(pace, c->last_s);
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
    pace.recorded = 0;
    c = run(&pace, 50000, small_op, 400e12);
    assert_int_equal(c.submits, 0);
}

static void test_what_got_slow_is_cut_at_once(void **state)
{
    (void)state;
    vb_pace pace = {0};
    (void)run(&pace, 100000, small_op, 400e12);
    pace.recorded = 0;
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
    vb_pace_dropped(&pace);
    const uint64_t most = pace.most;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(vb_pace_take(&pace, 1, 1), 1);
        vb_pace_ran(&pace, 0.1);
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
        vb_pace_ran(&pace, 0.2);
    }
}

static void test_a_fast_device_takes_long_ops_whole(void **state)
{
    (void)state;
    vb_pace pace = {0};
    course c = run_parts(&pace, 1000, 289, small_op, 400e12); // 29 ms
    assert_true(c.submits < 20);
    vb_pace_dropped(&pace);
    assert_int_equal(vb_pace_take(&pace, 289, small_op), 289);
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
    };
    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
