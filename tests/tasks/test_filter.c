// test_filter.c - of each pair the texts that match are kept, whatever went before.
#include "support/fakes.h"
#include "video_tasks/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct log {
    char lines[1024], failures[256];
    uint32_t pairs, stop_after;
    uint64_t done, total;
} log_of;

static int on_filtered(void *user, const vblip_filtered *f)
{
    log_of *log = user;
    size_t at = strlen(log->lines);
    if (f->error)
        snprintf(log->lines + at, sizeof log->lines - at, "%llu %s: %s;",
                 (unsigned long long)f->pair, f->path, f->error);
    else
        snprintf(log->lines + at, sizeof log->lines - at,
                 "%llu %s: %s %.2f%s, %s %.2f%s;", (unsigned long long)f->pair, f->path,
                 f->web.caption, (double)f->web.p_match, f->web.kept ? " kept" : "",
                 f->synthetic.caption, (double)f->synthetic.p_match,
                 f->synthetic.kept ? " kept" : "");
    return ++log->pairs == log->stop_after;
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
    assert_string_equal(progress->unit, "pairs");
    log->done = progress->done;
    log->total = progress->total;
    return 0;
}

// Texts are numbers; the made-up caption of every clip is text 3.
static const char pairs[] = "{\"image\":\"a\",\"caption\":\"0\"}\n"
                            "{\"image\":\"a\",\"caption\":\"1\"}\n\n"
                            "{\"video\":\"b\",\"caption\":\"2\"}\n"
                            "{\"path\":\"a\",\"caption\":\"2\"}\n";
static const char *const made_up[] = {"3"};

static void make_small(fake_world *world)
{
    static const float logit[4][2] = {{2, 0}, {-2, 0}, {0, 1}, {1, -1}};
    fake_world_make(world, 2, 1);
    world->model.captions = made_up;
    for (int q = 0; q < 4; q++)
        for (int c = 0; c < 2; c++)
            world->model.logit[q][c] = logit[q][c];
}

// With `captioner` the captions are written by another world's model.
static vblip_status filter(fake_world *world, fake_world *captioner, bool threads,
                           vblip_filter_options options, log_of *log, vblip_error *err)
{
    vb_eval_set set;
    assert_int_equal(
        vb_eval_set_parse(&set, pairs, strlen(pairs), VB_ANNOTATED_PAIRS, "set", err),
        VBLIP_OK);
    const vblip_job job = {.failed = on_failed, .progress = on_progress, .user = log};
    options.job = &job;
    vb_task task = fake_task(world, threads), other = task;
    if (captioner)
        other = fake_task(captioner, threads);
    task.inputs = other.inputs = set.inputs;
    task.input_count = other.input_count = set.input_count;
    const vb_filter f = {.task = &task,
                         .captioner = &other,
                         .set = &set,
                         .options = &options,
                         .fn = on_filtered,
                         .user = log};
    vblip_status status = vb_task_filter(&f, err);
    vb_eval_set_free(&set);
    assert_int_equal(world->model.live, 0);
    if (captioner)
        assert_int_equal(captioner->model.live, 0);
    return status;
}

static void test_what_matches_is_kept(void **state)
{
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        fake_world world, second;
        make_small(&world);
        make_small(&second);
        fake_world *captioner = variant & 2 ? &second : NULL;
        log_of log = {0};
        assert_int_equal(filter(&world, captioner, variant & 1,
                                (vblip_filter_options){0}, &log, NULL),
                         VBLIP_OK);
        // P(match) of logits -x and x; 0.5 is kept.
        assert_string_equal(log.lines, "1 a: 0 0.98 kept, 3 0.88 kept;"
                                       "2 a: 1 0.02, 3 0.88 kept;"
                                       "4 b: 2 0.88 kept, 3 0.12;"
                                       "5 a: 2 0.50 kept, 3 0.88 kept;");
        assert_int_equal(log.done, 4);
        assert_int_equal(log.total, 4);
        // Neighbours of one file are encoded once, by each model.
        assert_int_equal(world.model.encode_calls, 3);
        assert_int_equal(second.model.encode_calls, captioner ? 3 : 0);
        assert_int_equal(world.model.itm_texts, 8);
        assert_int_equal(second.model.itm_texts, 0);
    }
}

static void test_the_threshold(void **state)
{
    (void)state;
    static const struct {
        float min_p;
        uint32_t kept;
    } cases[] = {{0, 6}, {-1, 8}, {0.4f, 6}, {0.6f, 5}, {0.9f, 1}, {1, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_world world;
        make_small(&world);
        log_of log = {0};
        assert_int_equal(filter(&world, NULL, false,
                                (vblip_filter_options){.min_p = cases[i].min_p}, &log,
                                NULL),
                         VBLIP_OK);
        uint32_t kept = 0;
        for (const char *at = log.lines; (at = strstr(at, " kept")); at++)
            kept++;
        assert_int_equal(kept, cases[i].kept);
    }
}

static void test_an_empty_caption_is_dropped(void **state)
{
    (void)state;
    static const char *const nothing[] = {""};
    fake_world world;
    make_small(&world);
    world.model.captions = nothing;
    log_of log = {0};
    assert_int_equal(
        filter(&world, NULL, false, (vblip_filter_options){.after = 4}, &log, NULL),
        VBLIP_OK);
    assert_string_equal(log.lines, "5 a: 2 0.50 kept,  0.98;");
}

// However many pairs were done before: the rest comes out as in a whole run.
static void test_a_run_goes_on(void **state)
{
    (void)state;
    static const struct {
        uint64_t after;
        uint32_t skipped; // lines of the whole run
    } cases[] = {{0, 0}, {1, 1}, {2, 2}, {3, 2}, {4, 3}, {5, 4}, {9, 4}};
    fake_world world;
    make_small(&world);
    log_of whole = {0};
    assert_int_equal(
        filter(&world, NULL, false, (vblip_filter_options){0}, &whole, NULL), VBLIP_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_small(&world);
        log_of log = {0};
        assert_int_equal(filter(&world, NULL, true,
                                (vblip_filter_options){.after = cases[i].after}, &log,
                                NULL),
                         VBLIP_OK);
        const char *rest = whole.lines;
        for (uint32_t n = 0; n < cases[i].skipped; n++)
            rest = strchr(rest, ';') + 1;
        assert_string_equal(log.lines, rest);
        assert_int_equal(log.total, log.done);
    }
}

static void test_a_file_that_cannot_be_read(void **state)
{
    (void)state;
    for (int variant = 0; variant < 3; variant++) {
        fake_world world, second;
        make_small(&world);
        make_small(&second);
        if (variant != 2)
            world.clips[0].error = "bad";
        if (variant != 0)
            second.clips[0].error = "bad"; // only the captioner's second look fails
        log_of log = {0};
        assert_int_equal(filter(&world, variant ? &second : NULL, false,
                                (vblip_filter_options){0}, &log, NULL),
                         VBLIP_OK);
        assert_string_equal(log.lines, "1 a: a: bad;2 a: a: bad;"
                                       "4 b: 2 0.88 kept, 3 0.12;5 a: a: bad;");
        assert_string_equal(log.failures, "a|bad;a|bad;a|bad;");
        assert_int_equal(log.total, 1);
        assert_int_equal(log.done, 1);
    }
}

static void test_stopping(void **state)
{
    (void)state;
    for (uint32_t stop = 1; stop <= 4; stop++) {
        fake_world world;
        make_small(&world);
        log_of log = {.stop_after = stop};
        assert_int_equal(
            filter(&world, NULL, true, (vblip_filter_options){0}, &log, NULL),
            VBLIP_ERR_CANCELLED);
        assert_int_equal(log.pairs, stop);
        make_small(&world);
        if (stop > 3)
            continue;
        world.model.fail_encode = stop;
        log = (log_of){0};
        vblip_error err = {0};
        assert_int_equal(
            filter(&world, NULL, true, (vblip_filter_options){0}, &log, &err),
            VBLIP_ERR_DEVICE);
        assert_string_equal(err.message, "fake: device lost");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_matches_is_kept),
        cmocka_unit_test(test_the_threshold),
        cmocka_unit_test(test_an_empty_caption_is_dropped),
        cmocka_unit_test(test_a_run_goes_on),
        cmocka_unit_test(test_a_file_that_cannot_be_read),
        cmocka_unit_test(test_stopping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
