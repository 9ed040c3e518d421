// test_reason.c - inputs pair off, and every pair and statement get their row, in order.
#include "support/fakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const statements[] = {"0", "5"};

typedef struct log_of {
    char rows[1024], failures[256];
    uint32_t count, stop_after, last_pair;
    uint64_t done, total;
} log_of;

static int on_row(void *user, const vblip_reason_row *row)
{
    log_of *log = user;
    log->last_pair = row->pair;
    size_t at = strlen(log->rows);
    snprintf(log->rows + at, sizeof log->rows - at, "%s %s %u %s %.0f %.0f;", row->left,
             row->right, row->statement, row->answer ? "true" : "false",
             (double)row->logits[0], (double)row->logits[1]);
    if (row->logits[0] != row->logits[1])
        assert_true((row->p_true > 0.5f) == row->answer);
    return ++log->count == log->stop_after;
}

static int on_failed(void *user, const vblip_failure *failure)
{
    log_of *log = user;
    fake_add_failure(log->failures, sizeof log->failures, failure);
    return 0;
}

static int on_progress(void *user, const vblip_progress *progress)
{
    log_of *log = user;
    assert_true(progress->done <= progress->total);
    log->done = progress->done;
    log->total = progress->total;
    return 0;
}

static vblip_status reason(fake_world *world, log_of *log, uint32_t count, bool each,
                           bool threads)
{
    const vblip_reason_options options = {
        .job = &(vblip_job){.failed = on_failed, .progress = on_progress, .user = log},
        .each = each,
    };
    vb_task task = fake_task(world, threads);
    vblip_status status =
        vb_task_reason(&task, statements, count, &options, on_row, log, NULL);
    assert_int_equal(world->model.live, 0);
    return status;
}

static void test_rows_come_in_order(void **state)
{
    (void)state;
    for (int threads = 0; threads <= 1; threads++) {
        fake_world world;
        log_of log = {0};
        fake_world_make(&world, 4, 100);
        world.clips[1].still = true;
        world.clips[1].frames = 1;
        assert_int_equal(reason(&world, &log, 2, false, threads), VBLIP_OK);
        assert_int_equal(log.last_pair, 1);
        assert_string_equal(log.rows, "a b 0 true 0 1;a b 1 true 0 6;"
                                      "c d 0 true 2 3;c d 1 true 2 8;");
        assert_int_equal(world.clips[0].read, 8); // a video; a still is one frame
        assert_int_equal(world.clips[1].read, 1);
        assert_int_equal(world.model.encode_calls, 4);
        assert_int_equal(world.model.made, 2);
        assert_int_equal(log.done, 4);
        assert_int_equal(log.total, 4);
    }
}

static void test_each_statement_may_have_its_pair(void **state)
{
    (void)state;
    fake_world world;
    log_of log = {0};
    fake_world_make(&world, 4, 100);
    assert_int_equal(reason(&world, &log, 2, true, false), VBLIP_OK);
    assert_string_equal(log.rows, "a b 0 true 0 1;c d 1 true 2 8;");
    assert_int_equal(log.total, 2);
}

// Clip a on the right is not true of statement 0; equal logits are not true either.
static void test_false_unless_true_is_larger(void **state)
{
    (void)state;
    fake_world world;
    log_of log = {0};
    fake_world_make(&world, 4, 10);
    vb_task task = fake_task(&world, false);
    const vblip_input inputs[] = {
        {.path = "b"}, {.path = "a"}, {.path = "c"}, {.path = "c"}};
    task.inputs = inputs;
    const vblip_reason_options options = {.each = false};
    assert_int_equal(vb_task_reason(&task, statements, 1, &options, on_row, &log, NULL),
                     VBLIP_OK);
    assert_string_equal(log.rows, "b a 0 false 1 0;c c 0 false 2 2;");
}

static void test_a_pair_needs_both(void **state)
{
    (void)state;
    fake_world world;
    log_of log = {0};
    fake_world_make(&world, 8, 100);
    world.clips[0].error = "gone left";
    world.clips[3].error = "gone right";
    world.clips[4].error = world.clips[5].error = "gone";
    assert_int_equal(reason(&world, &log, 1, false, true), VBLIP_OK);
    assert_string_equal(log.rows, "g h 0 true 6 7;");
    assert_string_equal(log.failures, "a|gone left;d|gone right;e|gone;f|gone;");
    assert_int_equal(world.model.encode_calls, 3); // b is not worth it
    assert_int_equal(log.done, 1);
    assert_int_equal(log.total, 1);
}

static void test_stops_when_told_and_when_it_must(void **state)
{
    (void)state;
    fake_world world;
    log_of log = {.stop_after = 1};
    fake_world_make(&world, 4, 100);
    assert_int_equal(reason(&world, &log, 2, false, true), VBLIP_ERR_CANCELLED);
    assert_int_equal(log.count, 1);
    log = (log_of){0};
    fake_world_make(&world, 4, 100);
    world.model.fail_encode = 2;
    assert_int_equal(reason(&world, &log, 2, false, true), VBLIP_ERR_DEVICE);
    assert_int_equal(log.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_come_in_order),
        cmocka_unit_test(test_each_statement_may_have_its_pair),
        cmocka_unit_test(test_false_unless_true_is_larger),
        cmocka_unit_test(test_a_pair_needs_both),
        cmocka_unit_test(test_stops_when_told_and_when_it_must),
    };
    return cmocka_run_group_tests_name("reason", tests, NULL, NULL);
}
