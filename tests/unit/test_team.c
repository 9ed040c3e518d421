// test_team.c - every worker works once, whatever their number, and pieces are taken once.
#include "compute/team.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

enum { MOST = 64, PIECES = 1000 };

typedef struct tally {
    uint32_t runs[MOST]; // of each worker, written by it alone
    uint8_t taken[PIECES];
    vb_pieces pieces;
} tally;

static void count_run(void *user, uint32_t worker)
{
    tally *t = user;
    t->runs[worker]++;
}

static void take_pieces(void *user, uint32_t worker)
{
    tally *t = user;
    uint32_t piece;
    t->runs[worker]++;
    while (vb_pieces_take(&t->pieces, &piece))
        t->taken[piece]++;
}

static vb_team *open_team(uint32_t workers)
{
    vb_team *team;
    vblip_error err = {0};
    if (vb_team_open(&team, workers, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    return team;
}

static void test_every_worker_works_once_a_run(void **state)
{
    (void)state;
    static const uint32_t counts[] = {0, 1, 2, 3, MOST};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        const uint32_t workers = counts[i] ? counts[i] : 1;
        vb_team *team = open_team(counts[i]);
        tally t = {0};
        for (uint32_t run = 1; run <= 200; run++) {
            vb_team_run(team, count_run, &t);
            for (uint32_t w = 0; w < MOST; w++)
                assert_int_equal(t.runs[w], w < workers ? run : 0);
        }
        vb_team_close(&team);
        assert_null(team);
    }
}

static void test_pieces_are_taken_once(void **state)
{
    (void)state;
    vb_team *team = open_team(5);
    for (int run = 0; run < 50; run++) {
        tally t = {.pieces = {.count = PIECES}};
        vb_team_run(team, take_pieces, &t);
        for (size_t i = 0; i < PIECES; i++)
            assert_int_equal(t.taken[i], 1);
    }
    vb_team_close(&team);
}

// Threads that sleep are woken: a run after a pause much longer than their patience.
static void test_works_after_a_pause(void **state)
{
    (void)state;
    const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    vb_team *team = open_team(4);
    tally t = {0};
    for (uint32_t run = 1; run <= 5; run++) {
        nanosleep(&pause, NULL);
        vb_team_run(team, count_run, &t);
        for (uint32_t w = 0; w < 4; w++)
            assert_int_equal(t.runs[w], run);
    }
    vb_team_close(&team);
}

typedef struct nested {
    vb_team *inner;
    tally of_outer, of_inner;
} nested;

static void work_with_inner(void *user, uint32_t worker)
{
    nested *n = user;
    count_run(&n->of_outer, worker);
    if (worker == 0)
        vb_team_run(n->inner, count_run, &n->of_inner);
}

static void test_teams_share_nothing(void **state)
{
    (void)state;
    vb_team *outer = open_team(2), *inner = open_team(2);
    nested n = {.inner = inner};
    vb_team_run(outer, work_with_inner, &n);
    for (uint32_t w = 0; w < 2; w++)
        assert_true(n.of_outer.runs[w] == 1 && n.of_inner.runs[w] == 1);
    vb_team_close(&outer);
    vb_team_close(&inner);
    vb_team_close(&inner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_worker_works_once_a_run),
        cmocka_unit_test(test_pieces_are_taken_once),
        cmocka_unit_test(test_works_after_a_pause),
        cmocka_unit_test(test_teams_share_nothing),
    };
    return cmocka_run_group_tests_name("team", tests, NULL, NULL);
}
