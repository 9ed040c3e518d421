// test_shared.c - tasks that read their files together: the rows that they have alone, of
// files that are opened once and read in order.
#include "support/fakes.h"
#include "video_tasks/shared.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TASKS = 4, CLIPS = 4 };

// A task, and all that it says.
typedef struct told {
    uint32_t which; // of the tasks
    fake_world *world;
    const vb_task *task;
    vblip_member *member; // NULL: alone
    vblip_status status;
    uint32_t rows, stop_after;
    char said[8192];
} told;

static int say_row(told *t, const char *path, const char *text, int64_t start_us,
                   int64_t end_us, float score)
{
    const size_t at = strlen(t->said);
    snprintf(t->said + at, sizeof t->said - at, "%s %d-%d %s %g;", path,
             (int)(start_us / 1000), (int)(end_us / 1000), text, (double)score);
    return ++t->rows == t->stop_after;
}

static int say_answer(void *user, const vblip_answer *a)
{
    return say_row(user, a->path, a->text, a->start_us, a->end_us, a->score);
}

static int say_caption(void *user, const vblip_caption *c)
{
    return say_row(user, c->path, c->text, c->start_us, c->end_us, c->score);
}

static int say_match(void *user, const vblip_match_row *m)
{
    return say_row(user, m->path, "", 0, 0, m->itc);
}

static int say_failure(void *user, const vblip_failure *failure)
{
    told *t = user;
    fake_add_failure(t->said, sizeof t->said, failure);
    return 0;
}

static void run_told(told *t)
{
    static const char *const texts[] = {"0", "1"};
    static const vb_segmenting segments = {VB_SEGMENTS_LENGTH, 1500000};
    const vblip_job job = {.failed = say_failure, .user = t};
    const vblip_ask_options ask = {.job = &job};
    const vblip_caption_options caption = {.job = &job, .every_us = 300000};
    const vblip_match_options match = {.job = &job};
    vb_task task = *t->task;
    vb_frames frames;
    if (t->member) {
        frames = vb_shared_frames(t->member);
        task.frames = &frames;
    }
    if (t->which == 0)
        t->status = vb_task_match(&task, texts, 2, &match, say_match, t, NULL);
    else if (t->which == 1)
        t->status = vb_task_caption(&task, &caption, say_caption, t, NULL);
    else {
        task.segmenting = t->which == 2 ? NULL : &segments;
        t->status = vb_task_ask(&task, texts, 2, &ask, say_answer, t, NULL);
    }
}

static void run_member(void *user, vb_coop_thread *turn)
{
    told *t = user;
    t->member->turn = turn;
    run_told(t);
}

// ------------------------------------------------------------------- the source between

static vb_frames fake_source;
static uint64_t read_last; // frame + 1 of the file in work
static uint32_t falls;     // how often one was read that lies in front of it

static vblip_status open_noted(void *user, vb_video **out, const char *path,
                               const vb_decode_options *options, vblip_error *err)
{
    read_last = 0;
    return fake_source.open(user, out, path, options, err);
}

static vblip_status read_noted(vb_video *video, uint64_t index, uint8_t *rgb,
                               vb_frame *out, vblip_error *err)
{
    falls += index + 1 < read_last;
    read_last = index + 1;
    return fake_source.read(video, index, rgb, out, err);
}

static void make_told(told *all, fake_world *world, const vb_task *task,
                      vblip_member *members)
{
    for (uint32_t i = 0; i < TASKS; i++)
        all[i] = (told){.which = i,
                        .world = world,
                        .task = task,
                        .member = members ? &members[i] : NULL};
}

static void run_together(told *all, fake_world *world)
{
    vblip_member members[TASKS] = {0};
    void *users[TASKS];
    fake_source = world->frames;
    vb_shared shared = {
        .source = fake_source,
        .inputs = all[0].task->inputs,
        .input_count = all[0].task->input_count,
        .members = members,
        .count = TASKS,
    };
    shared.source.open = open_noted;
    shared.source.read = read_noted;
    falls = 0;
    for (uint32_t i = 0; i < TASKS; i++) {
        members[i].shared = &shared;
        all[i].member = &members[i];
        users[i] = &all[i];
    }
    assert_int_equal(vb_coop_run(users, TASKS, run_member, NULL), VBLIP_OK);
    assert_null(shared.file);
    assert_int_equal(world->model.live, 0);
}

static vb_task make_shared_world(fake_world *world)
{
    fake_world_make(world, CLIPS, 100);
    world->clips[1].still = true;
    world->clips[1].frames = 1;
    world->clips[3].frames = 260;
    world->model.may_mix = true;
    for (int q = 0; q < 2; q++)
        for (int c = 0; c < CLIPS; c++)
            world->model.itc[q][c] = (float)(q + c) / 4;
    return fake_task(world, false);
}

static void test_the_rows_of_each_alone(void **state)
{
    (void)state;
    static const struct {
        const char *error;
        uint64_t damaged_from, damaged_to;
    } cases[] = {{NULL, 0, 0}, {"not a video", 0, 0}, {NULL, 40, 60}, {NULL, 90, 100}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_world alone, world;
        told expected[TASKS], all[TASKS];
        vb_task tasks[] = {make_shared_world(&alone), make_shared_world(&world)};
        fake_world *const worlds[] = {&alone, &world};
        for (int w = 0; w < 2; w++) {
            worlds[w]->clips[2].error = cases[i].error;
            worlds[w]->clips[2].damaged_from = cases[i].damaged_from;
            worlds[w]->clips[2].damaged_to = cases[i].damaged_to;
        }
        make_told(expected, &alone, &tasks[0], NULL);
        make_told(all, &world, &tasks[1], NULL);
        for (uint32_t t = 0; t < TASKS; t++)
            run_told(&expected[t]);
        run_together(all, &world);
        for (uint32_t t = 0; t < TASKS; t++) {
            assert_int_equal(all[t].status, VBLIP_OK);
            assert_true(all[t].rows > 0);
            assert_string_equal(all[t].said, expected[t].said);
        }
        assert_int_equal(falls, 0);
        for (uint32_t c = 0; c < CLIPS; c++)
            assert_int_equal(world.clips[c].opened, world.clips[c].error ? TASKS : 1);
        assert_int_equal(alone.clips[0].opened, TASKS);
    }
}

// One that is stopped leaves the files to the others.
static void test_one_that_is_stopped(void **state)
{
    (void)state;
    for (uint32_t stopped = 0; stopped < TASKS; stopped++) {
        fake_world world;
        told all[TASKS], expected;
        const vb_task task = make_shared_world(&world);
        make_told(all, &world, &task, NULL);
        all[stopped].stop_after = 2;
        run_together(all, &world);
        for (uint32_t t = 0; t < TASKS; t++) {
            if (t == stopped) {
                assert_int_equal(all[t].status, VBLIP_ERR_CANCELLED);
                assert_int_equal(all[t].rows, 2);
                continue;
            }
            expected = (told){.which = t, .world = &world, .task = &task};
            run_told(&expected);
            assert_string_equal(all[t].said, expected.said);
        }
        assert_int_equal(falls, 0);
    }
}

// ------------------------------------------------------------------------------ turns

static char order[128];

static void take_turns(void *user, vb_coop_thread *turn)
{
    const char *name = user;
    const uint64_t step = (uint64_t)name[0] - '0';
    for (uint64_t at = 0; at < 6; at += step) {
        vb_coop_wait(turn, at, 0);
        strcat(order, name + 1);
    }
    strcat(order, ".");
    if (step == 2)
        return; // who has returned is not waited for
    vb_coop_meet(turn);
    strcat(order, name + 1);
}

static void test_turns(void **state)
{
    (void)state;
    static char a[] = "1a", b[] = "3b", c[] = "2c";
    void *const users[] = {a, b, c};
    order[0] = '\0';
    assert_int_equal(vb_coop_run(users, 3, take_turns, NULL), VBLIP_OK);
    assert_string_equal(order, "abcaacab.ac.a.ba");
    assert_int_equal(vb_coop_run(users, 0, take_turns, NULL), VBLIP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_rows_of_each_alone),
        cmocka_unit_test(test_one_that_is_stopped),
        cmocka_unit_test(test_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
