// test_dialog.c - every input and dialog get their row, candidates best first.
#include "support/fakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const few[] = {"2", "3"}, *const many[] = {"1", "5", "1", "7"};
static const vb_dialog dialogs[] = {
    {.question = "0", .candidates = few, .candidate_count = 2},
    {.question = "2", .candidates = many, .candidate_count = 4},
};

typedef struct log_of {
    char rows[1024], failures[256];
    uint32_t count, stop_after;
    uint64_t done, total;
} log_of;

static int on_row(void *user, const vblip_dialog_row *row)
{
    assert_int_equal(row->input, row->path[0] - 'a'); // clips "a", "b", ...
    log_of *log = user;
    size_t at = strlen(log->rows);
    at += (size_t)snprintf(log->rows + at, sizeof log->rows - at, "%s %u/%u %s %d",
                           row->path, row->dialog, row->dialogs, row->question,
                           row->timed ? (int)(row->end_us / 1000) : -1);
    for (uint32_t i = 0; i < row->count; i++)
        at += (size_t)snprintf(log->rows + at, sizeof log->rows - at, " %s=%.0f",
                               row->answers[i], (double)row->scores[i]);
    snprintf(log->rows + at, sizeof log->rows - at, ";");
    return ++log->count == log->stop_after;
}

static int on_failed(void *user, const vblip_failure *failure)
{
    assert_int_equal(failure->input, failure->path[0] - 'a'); // clips "a", "b", ...
    log_of *log = user;
    snprintf(log->failures, sizeof log->failures, "%s|%s", failure->path,
             failure->message);
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

static vblip_status talk(fake_world *world, log_of *log, bool threads)
{
    fake_world_make(world, 3, 100);
    world->clips[1].error = "not a video";
    world->clips[2].still = true;
    world->clips[2].frames = 1;
    const vblip_job job = {.failed = on_failed, .progress = on_progress, .user = log};
    vb_task task = fake_task(world, threads);
    vblip_status status = vb_task_dialog(&task, dialogs, 2, &job, on_row, log, NULL);
    assert_int_equal(world->model.live, 0);
    return status;
}

static void test_rows_come_in_order(void **state)
{
    (void)state;
    for (int threads = 0; threads <= 1; threads++) {
        fake_world world;
        log_of log = {0};
        assert_int_equal(talk(&world, &log, threads), VBLIP_OK);
        assert_string_equal(log.rows, "a 0/2 0 4000 3=4 2=3;"
                                      "a 1/2 2 4000 1=1 5=1 1=1 7=1;" // ties: as given
                                      "c 0/2 0 -1 2=1 3=1;"
                                      "c 1/2 2 -1 7=8 5=6 1=2 1=2;");
        assert_string_equal(log.failures, "b|not a video");
        assert_int_equal(world.model.encode_calls, 2); // not once per dialog
        assert_int_equal(world.clips[0].read, 16);
        assert_int_equal(log.done, 4);
        assert_int_equal(log.total, 4);
    }
}

static void test_stops_when_told(void **state)
{
    (void)state;
    fake_world world;
    log_of log = {.stop_after = 2};
    assert_int_equal(talk(&world, &log, true), VBLIP_ERR_CANCELLED);
    assert_int_equal(log.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_come_in_order),
        cmocka_unit_test(test_stops_when_told),
    };
    return cmocka_run_group_tests_name("dialog", tests, NULL, NULL);
}
