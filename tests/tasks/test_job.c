// test_job.c - failures say the path once, estimates are honest, scores rank stably.
#include "support/fakes.h"
#include "video_tasks/cache.h"
#include "video_tasks/job.h"
#include "video_tasks/ranking.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int keep_message(void *user, const vblip_failure *failure)
{
    strcpy(user, failure->message);
    return 0;
}

static void test_a_failure_does_not_repeat_the_path(void **state)
{
    (void)state;
    static const struct {
        const char *path, *message, *expected;
    } cases[] = {
        {"clip.mp4", "clip.mp4: no video stream", "no video stream"},
        {"clip.mp4", "no video stream", "no video stream"},
        {"clip.mp4", "clip.mp4 is odd", "clip.mp4 is odd"},
        {"clip", "clip.mp4: odd", "clip.mp4: odd"},
        {"a: b", "a: b: odd", "odd"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char got[512] = "";
        vblip_job job = {.failed = keep_message, .user = got};
        vblip_error why = {0};
        vb_fail(&why, VBLIP_ERR_IO, "%s", cases[i].message);
        assert_int_equal(vb_job_failed(&job, 3, cases[i].path, &why, NULL), VBLIP_OK);
        assert_string_equal(got, cases[i].expected);
        assert_int_equal(vb_job_failed(&(vblip_job){0}, 3, cases[i].path, &why, NULL),
                         VBLIP_OK);
    }
}

// What the caller stopped in the middle is no failed input.
static void test_a_stopped_input_stops_the_job(void **state)
{
    (void)state;
    char got[512] = "";
    const vblip_job job = {.failed = keep_message, .user = got};
    vblip_error why = {0}, err = {0};
    vb_fail(&why, VBLIP_ERR_CANCELLED, "stopped by the caller");
    assert_int_equal(vb_job_failed(&job, 0, "clip.mp4", &why, &err),
                     VBLIP_ERR_CANCELLED);
    assert_string_equal(got, "");
    assert_string_equal(err.message, "stopped by the caller");
}

static void test_time_left(void **state)
{
    (void)state;
    assert_true(vb_seconds_left(0, 10, 5.0) < 0); // nothing measured yet
    assert_true(vb_seconds_left(3, 0, 5.0) < 0);  // no end known
    assert_true(vb_seconds_left(2, 10, 5.0) == 20.0);
    assert_true(vb_seconds_left(10, 10, 5.0) == 0.0);
    assert_true(vb_seconds_left(11, 10, 5.0) == 0.0);
}

static int keep_seconds_left(void *user, const vblip_progress *progress)
{
    *(double *)user = progress->seconds_left;
    return 0;
}

// Ten seconds ago: six of them went to what the units do not count, and three more will.
static void test_time_left_beside_units(void **state)
{
    (void)state;
    double left_s = 0;
    const vblip_job job = {.progress = keep_seconds_left, .user = &left_s};
    vblip_error err = {0};
    vb_meter meter = vb_meter_start(&job, "frames", 10);
    meter.aside_left_s = 3;
    assert_int_equal(vb_meter_add(&meter, "clip.mp4", 0, &err), VBLIP_OK);
    assert_true(left_s < 0); // no unit is done
    meter.started_s -= 10;
    meter.aside_s = 6;
    assert_int_equal(vb_meter_add(&meter, "clip.mp4", 2, &err), VBLIP_OK);
    assert_true(left_s >= 19 && left_s < 39); // 8 units of 2 s, and 3 s
    meter.aside_s = 1000;                     // more than the time it has been
    assert_int_equal(vb_meter_add(&meter, "clip.mp4", 2, &err), VBLIP_OK);
    assert_true(left_s < 0); // too little work to go by
    vb_meter_restart(&meter);
    assert_true(meter.aside_s == 0);
    assert_int_equal(vb_meter_add(&meter, "clip.mp4", 6, &err), VBLIP_OK);
    assert_true(left_s == 3);
}

static void test_ties_keep_their_order(void **state)
{
    (void)state;
    vb_scored items[] = {{1, 3}, {2, 2}, {NAN, 0}, {1, 1}, {-INFINITY, 5}, {2, 4}};
    static const uint32_t expected[] = {2, 4, 1, 3, 5, 0};
    vb_rank(items, 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(items[i].index, expected[i]);
    vb_rank(NULL, 0);
}

static void test_p_match(void **state)
{
    (void)state;
    assert_true(vb_match_probability(NULL, (float[]){0, 0}) == 0.5f);
    assert_true(vb_match_probability(NULL, (float[]){200, -200}) == 0.0f);
    assert_true(vb_match_probability(NULL, (float[]){-200, 200}) == 1.0f);
    assert_true(fabs((double)vb_match_probability(NULL, (float[]){1, 3}) -
                     exp(3) / (exp(1) + exp(3))) < 1e-7);
    const vblip_calibration flat = {.temperature = 4, .bias = -0.5f};
    assert_true(vb_match_probability(&flat, (float[]){-1, 1}) == 0.5f);
    assert_true(fabs((double)vb_match_probability(&flat, (float[]){0, 4}) -
                     1 / (1 + exp(-0.5))) < 1e-7);
}

static void fill(fake_world *world, vb_visual *visual)
{
    uint8_t rgb[FAKE_SIDE * FAKE_SIDE * 3] = {0};
    vb_frame frame = {.rgb = rgb, .side = FAKE_SIDE};
    assert_int_equal(
        world->ops.encode(world->ops.model, visual, &frame, 1, 0, NULL, NULL),
        VBLIP_OK);
}

static vb_clip_key key(uint32_t input)
{
    return (vb_clip_key){.input = input};
}

static vb_visual *new_visual(fake_world *world)
{
    vb_visual *visual = NULL;
    assert_int_equal(world->ops.visual_make(&visual, world->ops.model, NULL), VBLIP_OK);
    fill(world, visual);
    return visual;
}

static void test_the_cache_forgets_the_lowest_score(void **state)
{
    (void)state;
    fake_world world;
    fake_world_make(&world, 1, 1);
    vb_task task = fake_task(&world, false);
    vb_cache cache = {.ops = task.ops, .budget = 300};
    static const float scores[] = {0.5f, -0.2f, 0.1f, 0.3f};
    vb_visual *visuals[4], *left = NULL;
    for (uint32_t i = 0; i < 4; i++) {
        assert_null(vb_cache_find(&cache, key(i)));
        left = visuals[i] = new_visual(&world);
        assert_int_equal(vb_cache_put(&cache, key(i), scores[i], &left, NULL),
                         VBLIP_OK);
        assert_ptr_equal(left, i == 3 ? visuals[1] : NULL);
        assert_ptr_equal(vb_cache_find(&cache, key(i)), visuals[i]);
    }
    assert_null(vb_cache_find(&cache, key(1)));
    assert_ptr_equal(vb_cache_find(&cache, key(0)), visuals[0]);
    assert_non_null(vb_cache_find(&cache, key(2)));
    vb_cache_drop(&cache, key(2));
    vb_cache_drop(&cache, key(77));
    assert_null(vb_cache_find(&cache, key(2)));
    assert_int_equal(world.model.live, 3); // what was left out is the caller's
    assert_int_equal(vb_cache_put(&cache, key(4), 0.2f, &left, NULL), VBLIP_OK);
    assert_null(left);
    assert_ptr_equal(vb_cache_find(&cache, key(4)), visuals[1]);
    vb_cache_free(&cache);
    assert_int_equal(world.model.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_failure_does_not_repeat_the_path),
        cmocka_unit_test(test_a_stopped_input_stops_the_job),
        cmocka_unit_test(test_time_left),
        cmocka_unit_test(test_time_left_beside_units),
        cmocka_unit_test(test_ties_keep_their_order),
        cmocka_unit_test(test_p_match),
        cmocka_unit_test(test_the_cache_forgets_the_lowest_score),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
