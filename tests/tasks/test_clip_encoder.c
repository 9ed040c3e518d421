// test_clip_encoder.c - frames of several clips in one batch change nothing that is told.
#include "support/fakes.h"
#include "video_tasks/calibration.h"
#include "video_tasks/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CLIPS = 12, FRAMES = 3 };

static const char *const texts[] = {"0", "1"};

// All that is told, in its order.
typedef struct told {
    char text[8192];
    uint32_t calls, stop_after; // 0 = never
} told;

VB_PRINTF(2, 3) static int tell(told *all, const char *format, ...)
{
    const size_t at = strlen(all->text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(all->text + at, sizeof all->text - at, format, arguments);
    va_end(arguments);
    return ++all->calls == all->stop_after;
}

static int on_failed(void *user, const vblip_failure *failure)
{
    return tell(user, "%s: %s\n", failure->path, failure->message);
}

static int on_progress(void *user, const vblip_progress *progress)
{
    return tell(user, "%u of %u %s\n", (unsigned)progress->done,
                (unsigned)progress->total, progress->unit);
}

static int on_match(void *user, const vblip_match_row *row)
{
    return tell(user, "%s %u %g %g\n", row->path, row->text, (double)row->itc,
                (double)row->itm_logits[1]);
}

static int on_hit(void *user, const vblip_hit *hit)
{
    return tell(user, "%u %s %g\n", hit->query, hit->path, (double)hit->score);
}

static int on_features(void *user, const vblip_features *f)
{
    return tell(user, "%s %u %g\n", f->path, f->cols, (double)f->values[1]);
}

static int on_filtered(void *user, const vblip_filtered *pair)
{
    if (pair->error)
        return tell(user, "%s: %s\n", pair->path, pair->error);
    return tell(user, "%s %s %g %g\n", pair->path, pair->synthetic.caption,
                (double)pair->web.p_match, (double)pair->synthetic.p_match);
}

// ----------------------------------------------------------------------------- tasks

static vblip_status match(const vb_task *task, const vblip_job *job, vblip_error *err)
{
    const vblip_match_options options = {.job = job};
    return vb_task_match(task, texts, 2, &options, on_match, job->user, err);
}

static vblip_status embed(const vb_task *task, const vblip_job *job, vblip_error *err)
{
    return vb_task_embed(task, VBLIP_FEATURE_ITC_IMAGE, NULL, 0, job, on_features,
                         job->user, err);
}

// Encodes all, and again what it asks about: nothing is kept.
static vblip_status retrieve(const vb_task *task, const vblip_job *job,
                             vblip_error *err)
{
    vb_task own = *task;
    vb_model_ops ops = *task->ops;
    const vblip_retrieve_options options = {.job = job, .top = CLIPS};
    ops.cache_bytes = 0;
    own.ops = &ops;
    return vb_task_retrieve(&own, texts, 2, &options, on_hit, job->user, err);
}

static vblip_status retrieve_kept(const vb_task *task, const vblip_job *job,
                                  vblip_error *err)
{
    vb_task own = *task;
    vb_model_ops ops = *task->ops;
    const vblip_retrieve_options options = {.job = job, .top = CLIPS};
    ops.cache_bytes = 300; // of three
    own.ops = &ops;
    return vb_task_retrieve(&own, texts, 2, &options, on_hit, job->user, err);
}

static vblip_status filter(const vb_task *task, const vblip_job *job, vblip_error *err)
{
    char pairs[1024] = "";
    for (uint32_t i = 0; i < task->input_count; i++) {
        const size_t at = strlen(pairs);
        snprintf(pairs + at, sizeof pairs - at,
                 "{\"path\":\"%s\",\"caption\":\"%u\"}\n", task->inputs[i].path,
                 (unsigned)i % 2);
    }
    static const char *const captions[200] = {"0", "1"};
    ((fake_model *)(void *)task->ops->model)->captions = captions;
    vb_eval_set set;
    const vblip_filter_options options = {.job = job};
    VB_TRY(
        vb_eval_set_parse(&set, pairs, strlen(pairs), VB_ANNOTATED_PAIRS, "set", err));
    vb_task own = *task;
    own.inputs = set.inputs;
    own.input_count = set.input_count;
    const vb_filter f = {.task = &own,
                         .captioner = &own,
                         .set = &set,
                         .options = &options,
                         .fn = on_filtered,
                         .user = job->user};
    const vblip_status status = vb_task_filter(&f, err);
    vb_eval_set_free(&set);
    return status;
}

typedef vblip_status (*task_fn)(const vb_task *task, const vblip_job *job,
                                vblip_error *err);
static const task_fn tasks[] = {match, embed, retrieve, retrieve_kept, filter};
enum { TASKS = sizeof tasks / sizeof *tasks };

// Images, short videos, and between them, first and last what cannot be read.
static void make_world(fake_world *world)
{
    fake_world_make(world, CLIPS, 100);
    for (uint32_t i = 0; i < CLIPS; i++) {
        world->clips[i].still = i % 3 == 1;
        if (world->clips[i].still)
            world->clips[i].frames = 1;
        for (uint32_t q = 0; q < 2; q++) {
            world->model.itc[q][i] = (float)((i * 7 + q * 3) % CLIPS) / CLIPS;
            world->model.logit[q][i] = (float)((i * 5 + q) % CLIPS);
        }
    }
    world->clips[0].error = world->clips[11].error = "not a video";
    world->clips[3].truncated = 50;
    world->clips[4].error = "no image";
}

// What is told with `batch` frames at once.
static vblip_status run(told *all, fake_world *world, task_fn task, uint32_t batch,
                        bool threads)
{
    vblip_error err = {0};
    const vb_task of_world = fake_task(world, threads);
    const vblip_job job = {.frames = FRAMES,
                           .batch = batch,
                           .failed = on_failed,
                           .progress = on_progress,
                           .user = all};
    const vblip_status status = task(&of_world, &job, &err);
    if (status != VBLIP_OK)
        tell(all, "%d: %s\n", (int)status, err.message);
    assert_int_equal(world->model.live, 0);
    return status;
}

static void test_rows_are_those_of_one_clip_at_a_time(void **state)
{
    (void)state;
    for (size_t t = 0; t < TASKS; t++) {
        fake_world world;
        told want = {0};
        make_world(&world);
        assert_int_equal(run(&want, &world, tasks[t], 0, false), VBLIP_OK);
        assert_int_equal(world.model.together, 0); // by default one fills it
        for (uint32_t batch = 1; batch <= 2 * CLIPS * FRAMES; batch++) {
            told got = {0};
            make_world(&world);
            assert_int_equal(run(&got, &world, tasks[t], batch, batch % 2), VBLIP_OK);
            assert_string_equal(got.text, want.text);
            assert_true(world.model.most_together <= batch);
            assert_true(batch < FRAMES + 1 || world.model.together > 0);
        }
    }
}

// The device says how many frames fill it; clips are taken in their order, as many as fit.
static void test_as_many_as_fill_the_device(void **state)
{
    (void)state;
    static const struct {
        uint32_t filling, calls, together;
    } cases[] = {
        // Of 0 1 3 0 0 3 3 1 3 3 1 0 frames.
        {1, 8, 0},   {4, 5, 6}, // 1 3, 3, 3 1, 3, 3 1
        {6, 4, 8},              // 1 3, 3 3, 1 3, 3 1
        {7, 3, 8},              // 1 3 3, 3 1 3, 3 1
        {100, 1, 8},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int threads = 0; threads <= 1; threads++) {
            fake_world world;
            told got = {0};
            make_world(&world);
            world.model.filling = cases[i].filling;
            assert_int_equal(run(&got, &world, match, 0, threads), VBLIP_OK);
            assert_int_equal(world.model.encode_calls, cases[i].calls);
            assert_int_equal(world.model.together, cases[i].together);
        }
}

// One that cannot be encoded ends the task where it does without batches: what came before it
// is told.
static void test_a_failure_is_that_of_its_clip(void **state)
{
    (void)state;
    for (size_t t = 0; t < TASKS; t++)
        for (uint32_t bad = 1; bad <= CLIPS; bad++) {
            fake_world world;
            told want = {0}, got = {0};
            make_world(&world);
            world.model.fail_clip = bad;
            const vblip_status status = run(&want, &world, tasks[t], 1, false);
            make_world(&world);
            world.model.fail_clip = bad;
            assert_int_equal(run(&got, &world, tasks[t], 9, true), status);
            assert_string_equal(got.text, want.text);
        }
}

static void test_without_memory_for_a_batch_each_is_encoded_alone(void **state)
{
    (void)state;
    for (size_t t = 0; t < TASKS; t++) {
        fake_world world;
        told want = {0}, got = {0};
        make_world(&world);
        assert_int_equal(run(&want, &world, tasks[t], 1, false), VBLIP_OK);
        make_world(&world);
        world.model.most_frames = 5;
        assert_int_equal(run(&got, &world, tasks[t], 9, false), VBLIP_OK);
        assert_string_equal(got.text, want.text);
    }
}

// The caller may stop at any row, failure and progress.
static void test_who_stops_is_heard_at_once(void **state)
{
    (void)state;
    for (size_t t = 0; t < TASKS; t++)
        for (uint32_t stop = 1; stop <= 20; stop++) {
            fake_world world;
            told want = {.stop_after = stop}, got = {.stop_after = stop};
            make_world(&world);
            assert_int_equal(run(&want, &world, tasks[t], 1, false),
                             VBLIP_ERR_CANCELLED);
            make_world(&world);
            assert_int_equal(run(&got, &world, tasks[t], 8, true), VBLIP_ERR_CANCELLED);
            assert_string_equal(got.text, want.text);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_those_of_one_clip_at_a_time),
        cmocka_unit_test(test_as_many_as_fill_the_device),
        cmocka_unit_test(test_a_failure_is_that_of_its_clip),
        cmocka_unit_test(test_without_memory_for_a_batch_each_is_encoded_alone),
        cmocka_unit_test(test_who_stops_is_heard_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
