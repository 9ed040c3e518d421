// test_embed.c - each feature is of what it should be, and comes in order.
#include "support/fakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const texts[] = {"1", "2"};

typedef struct log_of {
    char rows[1024], failures[256];
    uint32_t count, stop_after;
    uint64_t done, total;
} log_of;

static int on_features(void *user, const vblip_features *f)
{
    log_of *log = user;
    size_t at = strlen(log->rows);
    snprintf(log->rows + at, sizeof log->rows - at, "%s %u %u %ux%u %g %g;",
             f->path ? f->path : "-", f->input, f->text, f->rows, f->cols,
             (double)f->values[0], (double)f->values[f->cols - 1]);
    return ++log->count == log->stop_after;
}

static int on_failed(void *user, const vblip_failure *failure)
{
    assert_int_equal(failure->input, failure->path[0] - 'a'); // clips "a", "b", ...
    log_of *log = user;
    fake_add_failure(log->failures, sizeof log->failures, failure);
    return 0;
}

static int on_progress(void *user, const vblip_progress *progress)
{
    log_of *log = user;
    assert_non_null(progress->path);
    assert_true(progress->done <= progress->total);
    log->done = progress->done;
    log->total = progress->total;
    return 0;
}

static vblip_status embed(fake_world *world, vblip_feature feature, log_of *log,
                          bool threads)
{
    const vblip_job job = {.failed = on_failed, .progress = on_progress, .user = log};
    vb_task task = fake_task(world, threads);
    vblip_status status =
        vb_task_embed(&task, feature, texts, 2, &job, on_features, log, NULL);
    assert_int_equal(world->model.live, 0);
    return status;
}

static void make_world(fake_world *world)
{
    fake_world_make(world, 3, 100);
    world->clips[1].error = "not a video";
    for (int c = 0; c < 3; c++) {
        world->model.itc[0][c] = 0.25f + (float)c;
        world->model.itc[FAKE_MAX_QUERIES - 1][c] = 0.5f + (float)c;
    }
}

static void test_features_are_of_what_they_should_be(void **state)
{
    (void)state;
    static const struct {
        vblip_feature feature;
        bool seen;
        const char *rows;
        uint64_t total;
    } cases[] = {
        {VBLIP_FEATURE_ITC_IMAGE, true, "a 0 0 0x16 0.25 0.5;c 2 0 0x16 2.25 2.5;", 2},
        {VBLIP_FEATURE_ITC_TEXT, false, "- 0 0 0x16 0 0;- 0 1 0x16 0 0;", 2},
        {VBLIP_FEATURE_VISION, true, "a 0 0 1x2 0 0;c 2 0 1x2 2 2;", 2},
        {VBLIP_FEATURE_TEXT, false, "- 0 0 1x3 1 1;- 0 1 1x3 2 2;", 2},
        {VBLIP_FEATURE_MULTIMODAL, true,
         "a 0 0 1x3 1 1;a 0 1 1x3 2 2;c 2 0 1x3 201 201;c 2 1 1x3 202 202;", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int threads = 0; threads <= 1; threads++) {
            fake_world world;
            log_of log = {0};
            make_world(&world);
            assert_int_equal(embed(&world, cases[i].feature, &log, threads), VBLIP_OK);
            assert_string_equal(log.rows, cases[i].rows);
            assert_string_equal(log.failures, cases[i].seen ? "b|not a video;" : "");
            assert_int_equal(world.model.encode_calls, cases[i].seen ? 2 : 0);
            assert_int_equal(world.clips[0].read, cases[i].seen ? 8 : 0);
            assert_int_equal(log.done, cases[i].total);
            assert_int_equal(log.total, cases[i].total);
        }
}

static void test_stops_when_told_and_when_it_must(void **state)
{
    (void)state;
    fake_world world;
    log_of log = {.stop_after = 3};
    make_world(&world);
    assert_int_equal(embed(&world, VBLIP_FEATURE_MULTIMODAL, &log, true),
                     VBLIP_ERR_CANCELLED);
    assert_int_equal(log.count, 3);
    log = (log_of){0};
    make_world(&world);
    world.model.fail_encode = 2;
    assert_int_equal(embed(&world, VBLIP_FEATURE_VISION, &log, true), VBLIP_ERR_DEVICE);
    assert_int_equal(log.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_features_are_of_what_they_should_be),
        cmocka_unit_test(test_stops_when_told_and_when_it_must),
    };
    return cmocka_run_group_tests_name("embed", tests, NULL, NULL);
}
