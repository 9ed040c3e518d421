// test_timeline.c - captions tile a recording: no gap, no overlap, the right frame.
#include "support/fakes.h"
#include "video_tasks/timeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// What a span is expected to be.
typedef struct place {
    int64_t start_us, end_us;
    uint64_t frame;
} place;

static void expect_span(vb_span span, place expected)
{
    assert_int_equal(span.start_us, expected.start_us);
    assert_int_equal(span.end_us, expected.end_us);
    assert_int_equal(span.frame, expected.frame);
    assert_int_equal(span.choice, 0);
}

typedef struct rule {
    int64_t every_us;
    uint32_t every_frames, count;
} rule;

// Opens clip "a" of `world` and makes the timeline.
static vb_timeline open_timeline(fake_world *world, vb_video **video, rule r)
{
    vb_task task = fake_task(world, false);
    const vb_decode_options options = {.side = FAKE_SIDE, .threads = 1};
    assert_int_equal(task.frames->open(world, video, "a", &options, NULL), VBLIP_OK);
    return vb_timeline_make(task.frames, *video, r.every_us, r.every_frames, r.count);
}

static void test_spans_are_as_documented(void **state)
{
    (void)state;
    static const struct {
        uint64_t frames;
        rule rule;
        uint64_t count;
        place first, last;
    } cases[] = {
        // Every second by default: [k s, min((k+1) s, duration)).
        {75, {0}, 3, {0, 1000000, 0}, {2000000, 3000000, 50}},
        {76, {0}, 4, {0, 1000000, 0}, {3000000, 3040000, 75}},
        {74, {0}, 3, {0, 1000000, 0}, {2000000, 2960000, 50}},
        {1, {0}, 1, {0, 40000, 0}, {0, 40000, 0}},
        {75, {.every_us = 700000}, 5, {0, 700000, 0}, {2800000, 3000000, 70}},
        {75, {.every_us = 10000000}, 1, {0, 3000000, 0}, {0, 3000000, 0}},
        {75, {.every_us = INT64_MAX}, 1, {0, 3000000, 0}, {0, 3000000, 0}},
        // Shorter than a frame: a frame is described once.
        {2, {.every_us = 25000}, 2, {0, 50000, 0}, {50000, 80000, 1}},
        {3, {.every_us = 1}, 3, {0, 40000, 0}, {80000, 120000, 2}},
        // Every N frames: frame N * k.
        {75, {.every_frames = 25}, 3, {0, 1000000, 0}, {2000000, 3000000, 50}},
        {76, {.every_frames = 25}, 4, {0, 1000000, 0}, {3000000, 3040000, 75}},
        {5, {.every_frames = 1}, 5, {0, 40000, 0}, {160000, 200000, 4}},
        {5, {.every_frames = UINT32_MAX}, 1, {0, 200000, 0}, {0, 200000, 0}},
        // N spread uniformly, at most one a frame; 24 hours do not overflow.
        {75, {.count = 3}, 3, {0, 1000000, 0}, {2000000, 3000000, 50}},
        {75, {.count = 7}, 7, {0, 428571, 0}, {2571428, 3000000, 64}},
        {4, {.count = 9}, 4, {0, 40000, 0}, {120000, 160000, 3}},
        {2160000,
         {.count = UINT32_MAX},
         2160000,
         {0, 40000, 0},
         {86399960000, 86400000000, 2159999}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fake_world world;
        fake_world_make(&world, 1, cases[i].frames);
        vb_video *video = NULL;
        vb_timeline t = open_timeline(&world, &video, cases[i].rule);
        assert_int_equal(t.count, cases[i].count);
        vb_span first = vb_timeline_next(&t), last = first;
        for (uint64_t k = 1; k < t.count; k++)
            last = vb_timeline_next(&t);
        expect_span(first, cases[i].first);
        expect_span(last, cases[i].last);
        world.frames.close(&video);
    }
}

// Whatever the rule: spans touch, start at 0, end at the end, and each describes a frame
// that is shown at its start.
static void test_spans_tile_the_recording(void **state)
{
    (void)state;
    static const uint64_t frames[] = {1, 2, 7, 24, 75, 301};
    static const int64_t frame_us[] = {100, 33366, 33367, 40000, 2000000};
    static const rule rules[] = {
        {0},
        {.every_us = 1000000},
        {.every_us = 333333},
        {.every_us = 40000},
        {.every_frames = 1},
        {.every_frames = 3},
        {.every_frames = 300},
        {.count = 1},
        {.count = 2},
        {.count = 11},
    };
    for (size_t f = 0; f < sizeof frames / sizeof frames[0]; f++)
        for (size_t u = 0; u < sizeof frame_us / sizeof frame_us[0]; u++)
            for (size_t r = 0; r < sizeof rules / sizeof rules[0]; r++) {
                fake_world world;
                fake_world_make(&world, 1, frames[f]);
                world.clips[0].frame_us = frame_us[u];
                vb_video *video = NULL;
                vb_timeline t = open_timeline(&world, &video, rules[r]);
                assert_true(t.count >= 1);
                assert_true(t.count <= frames[f]);
                int64_t at_us = 0;
                for (uint64_t k = 0; k < t.count; k++) {
                    vb_span span = vb_timeline_next(&t);
                    assert_int_equal(span.start_us, at_us);
                    assert_true(span.end_us > span.start_us);
                    assert_true(span.frame < frames[f]);
                    assert_int_equal(span.frame, span.start_us / frame_us[u]);
                    at_us = span.end_us;
                }
                assert_int_equal(at_us, (int64_t)frames[f] * frame_us[u]);
                world.frames.close(&video);
            }
}

static void test_an_image_has_no_times(void **state)
{
    (void)state;
    static const rule rules[] = {
        {0}, {.every_us = 5}, {.every_frames = 2}, {.count = 9}};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        fake_world world;
        fake_world_make(&world, 1, 1);
        world.clips[0].still = true;
        vb_video *video = NULL;
        vb_timeline t = open_timeline(&world, &video, rules[i]);
        assert_int_equal(t.count, 1);
        vb_span span = vb_timeline_next(&t);
        assert_memory_equal(&span, &(vb_span){0}, sizeof span);
        world.frames.close(&video);
    }
}

// A stream of frames without times still gets one caption.
static void test_no_duration(void **state)
{
    (void)state;
    fake_world world;
    fake_world_make(&world, 1, 3);
    world.clips[0].frame_us = 0;
    vb_video *video = NULL;
    vb_timeline t = open_timeline(&world, &video, (rule){0});
    assert_int_equal(t.count, 1);
    world.frames.close(&video);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spans_are_as_documented),
        cmocka_unit_test(test_spans_tile_the_recording),
        cmocka_unit_test(test_an_image_has_no_times),
        cmocka_unit_test(test_no_duration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
