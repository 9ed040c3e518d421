// test_ask_match.c - every pair of input and text gets its row, in order.
#include "support/fakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const texts[] = {"0", "1"};

typedef struct log {
    char rows[2048];
    uint32_t count, stop_after;
    char failures[512];
    uint64_t done, total;
} log_of;

static bool add(log_of *log, const char *row)
{
    size_t at = strlen(log->rows);
    snprintf(log->rows + at, sizeof log->rows - at, "%s;", row);
    return ++log->count == log->stop_after;
}

static int on_match(void *user, const vblip_match_row *row)
{
    assert_int_equal(row->input, row->path[0] - 'a'); // clips "a", "b", ...
    char line[128];
    snprintf(line, sizeof line, "%s %u %.2f %.0f %.0f", row->path, row->text,
             (double)row->itc, (double)row->itm_logits[0], (double)row->itm_logits[1]);
    assert_true((row->p_match > 0.5f) == (row->itm_logits[1] > row->itm_logits[0]));
    return add(user, line);
}

static int on_answer(void *user, const vblip_answer *answer)
{
    assert_int_equal(answer->input, answer->path[0] - 'a'); // clips "a", "b", ...
    char line[128];
    snprintf(line, sizeof line, "%s %u %s %.0f %d-%d", answer->path, answer->question,
             answer->text, (double)answer->score, (int)(answer->start_us / 1000),
             answer->timed ? (int)(answer->end_us / 1000) : -1);
    for (uint32_t i = 0; i < answer->ranked_count; i++) {
        size_t at = strlen(line);
        snprintf(line + at, sizeof line - at, " %u=%.0f", answer->ranked[i].answer,
                 (double)answer->ranked[i].score);
    }
    return add(user, line);
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
    assert_true(progress->done <= progress->total);
    log->done = progress->done;
    log->total = progress->total;
    return 0;
}

static vblip_job job_of(log_of *log)
{
    return (vblip_job){.failed = on_failed, .progress = on_progress, .user = log};
}

static void make_world(fake_world *world)
{
    fake_world_make(world, 3, 100);
    world->clips[1].error = "not a video";
    world->clips[2].still = true;
    world->clips[2].frames = 1;
    for (int q = 0; q < 2; q++)
        for (int c = 0; c < 3; c++) {
            world->model.itc[q][c] = (float)(q + c) / 4;
            world->model.logit[q][c] = (float)(q - c);
        }
}

static void test_match_rows_come_in_order(void **state)
{
    (void)state;
    for (int threads = 0; threads <= 1; threads++) {
        fake_world world;
        make_world(&world);
        log_of log = {0};
        vb_task task = fake_task(&world, threads);
        const vblip_job job = job_of(&log);
        vblip_match_options options = {.job = &job};
        assert_int_equal(vb_task_match(&task, texts, 2, &options, on_match, &log, NULL),
                         VBLIP_OK);
        assert_string_equal(log.rows, "a 0 0.00 -0 0;a 1 0.25 -1 1;"
                                      "c 0 0.50 2 -2;c 1 0.75 1 -1;");
        assert_string_equal(log.failures, "b|not a video;");
        assert_int_equal(world.model.encode_calls, 2);
        assert_int_equal(world.clips[0].read, 8);
        assert_int_equal(log.done, 4);
        assert_int_equal(log.total, 4);
        assert_int_equal(world.model.live, 0);
    }
}

static void test_match_with_cls(void **state)
{
    (void)state;
    fake_world world;
    make_world(&world);
    log_of log = {.stop_after = 1};
    vb_task task = fake_task(&world, false);
    vblip_job job = job_of(&log);
    job.frames = 5;
    vblip_match_options options = {.job = &job, .itm_cls = true};
    assert_int_equal(vb_task_match(&task, texts, 2, &options, on_match, &log, NULL),
                     VBLIP_ERR_CANCELLED);
    assert_string_equal(log.rows, "a 0 0.00 -0 100;");
    assert_int_equal(world.clips[0].read, 5);
    assert_int_equal(world.model.live, 0);
}

static void test_answers_come_in_order(void **state)
{
    (void)state;
    static const char *const questions[] = {"what", "who"};
    static const char *const answers[] = {"yes", "no", "two"};
    static const struct {
        const char *const *answers;
        uint32_t answer_count, k_test, beams, max_length;
        const char *rows;
    } cases[] = {
        {NULL, 0, 0, 5, 30,
         "a 0 what of clip 0, 30 by 5 -1 0-4000;a 1 who of clip 0, 30 by 5 -1 0-4000;"
         "c 0 what of clip 2, 30 by 5 -1 0--1;c 1 who of clip 2, 30 by 5 -1 0--1;"},
        {NULL, 0, 0, 0, 0,
         "a 0 what of clip 0 -1 0-4000;a 1 who of clip 0 -1 0-4000;"
         "c 0 what of clip 2 -1 0--1;c 1 who of clip 2 -1 0--1;"},
        {answers, 3, 0, 0, 0,
         "a 0 two 10 0-4000 2=10 1=9 0=8;a 1 two 10 0-4000 2=10 1=9 0=8;"
         "c 0 two 10 0--1 2=10 1=9 0=8;c 1 two 10 0--1 2=10 1=9 0=8;"},
        {answers, 3, 1, 0, 0,
         "a 0 two 10 0-4000 2=10;a 1 two 10 0-4000 2=10;"
         "c 0 two 10 0--1 2=10;c 1 two 10 0--1 2=10;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int threads = 0; threads <= 1; threads++) {
            fake_world world;
            make_world(&world);
            log_of log = {0};
            vb_task task = fake_task(&world, threads);
            const vblip_job job = job_of(&log);
            vblip_ask_options options = {
                .job = &job,
                .answers = cases[i].answers,
                .answer_count = cases[i].answer_count,
                .k_test = cases[i].k_test,
                .beams = cases[i].beams,
                .max_length = cases[i].max_length,
            };
            assert_int_equal(
                vb_task_ask(&task, questions, 2, &options, on_answer, &log, NULL),
                VBLIP_OK);
            assert_string_equal(log.rows, cases[i].rows);
            assert_string_equal(log.failures, "b|not a video;");
            assert_int_equal(world.model.encode_calls, 2); // not once per question
            assert_int_equal(world.clips[0].read, 16);
            assert_int_equal(log.done, 4);
            assert_int_equal(log.total, 4);
            assert_int_equal(world.model.live, 0);
        }
}

// Each question ranks its own answers, or has one generated; a clip is encoded once for all.
static void test_answers_of_each_question(void **state)
{
    (void)state;
    static const char *const questions[] = {"color", "what", "many"};
    static const char *const answers[] = {"red", "blue", "none", "one", "two"};
    static const uint32_t each[] = {3, 0, 2};
    for (int threads = 0; threads <= 1; threads++) {
        fake_world world;
        make_world(&world);
        log_of log = {0};
        vb_task task = fake_task(&world, threads);
        const vblip_job job = job_of(&log);
        const vblip_ask_options options = {.job = &job,
                                           .answers = answers,
                                           .answer_count = 5,
                                           .k_test = 2,
                                           .answers_each = each};
        assert_int_equal(
            vb_task_ask(&task, questions, 3, &options, on_answer, &log, NULL),
            VBLIP_OK);
        assert_string_equal(log.rows,
                            "a 0 none 10 0-4000 2=10 1=9;a 1 what of clip 0 -1 0-4000;"
                            "a 2 two 10 0-4000 4=10 3=9;"
                            "c 0 none 10 0--1 2=10 1=9;c 1 what of clip 2 -1 0--1;"
                            "c 2 two 10 0--1 4=10 3=9;");
        assert_int_equal(world.model.encode_calls, 2); // not once per question
        assert_int_equal(world.clips[0].read, 16);
        assert_int_equal(world.clips[0].opened, 1);
    }
}

// Each segment is encoded once, for all questions, and has its rows; of one that cannot be
// read its input is failed, and what was said before stands.
static void test_answers_about_segments(void **state)
{
    (void)state;
    static const char *const questions[] = {"what", "who"};
    static const struct {
        vb_segmenting segmenting;
        uint64_t damaged_from; // of the first clip: up to its end
        const char *rows, *failures;
        uint32_t encoded, frames; // clips, and frames of the first that are read
    } cases[] = {
        {{VB_SEGMENTS_WHOLE, 0},
         0,
         "a 0 what of clip 0 -1 0-4000;a 1 who of clip 0 -1 0-4000;"
         "c 0 what of clip 2 -1 0--1;c 1 who of clip 2 -1 0--1;",
         "b|not a video;",
         2,
         16},
        {{VB_SEGMENTS_LENGTH, 1500000},
         0,
         "a 0 what of clip 0 -1 0-1480;a 1 who of clip 0 -1 0-1480;"
         "a 0 what of clip 0 -1 1480-3000;a 1 who of clip 0 -1 1480-3000;"
         "a 0 what of clip 0 -1 3000-4000;a 1 who of clip 0 -1 3000-4000;"
         "c 0 what of clip 2 -1 0--1;c 1 who of clip 2 -1 0--1;",
         "b|not a video;",
         4,
         3 * 16},
        {{VB_SEGMENTS_LENGTH, 1500000},
         80,
         "a 0 what of clip 0 -1 0-1480;a 1 who of clip 0 -1 0-1480;"
         "a 0 what of clip 0 -1 1480-3000;a 1 who of clip 0 -1 1480-3000;"
         "c 0 what of clip 2 -1 0--1;c 1 who of clip 2 -1 0--1;",
         "a|damaged: 80 of 100 frames decode;b|not a video;",
         3,
         2 * 16 + 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int threads = 0; threads <= 1; threads++) {
            fake_world world;
            log_of log = {0};
            make_world(&world);
            world.clips[0].damaged_from = cases[i].damaged_from;
            world.clips[0].damaged_to = cases[i].damaged_from ? 100 : 0;
            vb_task task = fake_task(&world, threads);
            task.segmenting = &cases[i].segmenting;
            const vblip_job job = job_of(&log);
            const vblip_ask_options options = {.job = &job};
            assert_int_equal(
                vb_task_ask(&task, questions, 2, &options, on_answer, &log, NULL),
                VBLIP_OK);
            assert_string_equal(log.rows, cases[i].rows);
            assert_string_equal(log.failures, cases[i].failures);
            assert_int_equal(world.model.encode_calls, cases[i].encoded);
            assert_int_equal(world.clips[0].read, cases[i].frames);
            assert_int_equal(world.clips[0].opened, 1);
            assert_int_equal(log.done, log.total);
            assert_int_equal(log.done, log.count);
        }
}

// Images are turned as EXIF says, unless the model is not to.
static int ignore_answer(void *user, const vblip_answer *answer)
{
    (void)user, (void)answer;
    return 0;
}

static void test_orientation(void **state)
{
    (void)state;
    for (int as_stored = 0; as_stored <= 1; as_stored++) {
        fake_world world;
        const char *const questions[] = {"0"};
        const vblip_ask_options options = {.k_test = 0};
        fake_world_make(&world, 1, 1);
        vb_task task = fake_task(&world, false);
        world.ops.ignore_orientation = as_stored;
        assert_int_equal(
            vb_task_ask(&task, questions, 1, &options, ignore_answer, NULL, NULL),
            VBLIP_OK);
        assert_int_equal(world.clips[0].as_stored, as_stored);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match_rows_come_in_order),
        cmocka_unit_test(test_match_with_cls),
        cmocka_unit_test(test_answers_come_in_order),
        cmocka_unit_test(test_answers_of_each_question),
        cmocka_unit_test(test_answers_about_segments),
        cmocka_unit_test(test_orientation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
