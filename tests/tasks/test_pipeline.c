// test_pipeline.c - items come in order, slots are never shared, closing never hangs.
#include "video_tasks/pipeline.h"

#include "base/cores.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

enum { MAX_SLOTS = 16 };

typedef struct factory {
    pthread_mutex_t lock;
    bool busy[MAX_SLOTS]; // being made
    uint64_t slots[MAX_SLOTS];
    uint64_t made;
    bool clash;
} factory;

static void nap(long us)
{
    struct timespec t = {.tv_nsec = us * 1000};
    nanosleep(&t, NULL);
}

static void make(void *user, uint64_t item, uint32_t slot)
{
    factory *f = user;
    pthread_mutex_lock(&f->lock);
    f->clash |= f->busy[slot];
    f->busy[slot] = true;
    f->made++;
    pthread_mutex_unlock(&f->lock);
    nap(item % 3 == 0 ? 900 : 100); // so that workers overtake each other
    f->slots[slot] = item * item;
    pthread_mutex_lock(&f->lock);
    f->busy[slot] = false;
    pthread_mutex_unlock(&f->lock);
}

static void test_items_come_in_order(void **state)
{
    (void)state;
    for (uint32_t workers = 0; workers <= 5; workers++) {
        factory f = {.lock = PTHREAD_MUTEX_INITIALIZER};
        vb_pipeline *p = NULL;
        assert_int_equal(vb_pipeline_open(&p, workers, 40, make, &f, NULL, NULL),
                         VBLIP_OK);
        uint32_t slot = 0;
        uint64_t item = 0;
        while (vb_pipeline_next(p, &slot)) {
            assert_true(slot < vb_pipeline_slots(workers));
            assert_int_equal(f.slots[slot], item * item);
            nap(item % 5 == 0 ? 800 : 0); // a slow consumer keeps its slot
            assert_int_equal(f.slots[slot], item * item);
            item++;
        }
        assert_int_equal(item, 40);
        assert_false(vb_pipeline_next(p, &slot));
        vb_pipeline_close(&p);
        assert_null(p);
        assert_false(f.clash);
        assert_int_equal(f.made, 40);
    }
}

static void test_no_more_is_made_ahead_than_there_are_slots(void **state)
{
    (void)state;
    for (uint32_t workers = 0; workers <= 3; workers++)
        for (uint64_t taken = 0; taken <= 2; taken++) {
            factory f = {.lock = PTHREAD_MUTEX_INITIALIZER};
            vb_pipeline *p = NULL;
            assert_int_equal(vb_pipeline_open(&p, workers, 1000, make, &f, NULL, NULL),
                             VBLIP_OK);
            uint32_t slot = 0;
            for (uint64_t i = 0; i < taken; i++)
                assert_true(vb_pipeline_next(p, &slot));
            nap(5000);
            vb_pipeline_close(&p); // in the middle
            assert_true(f.made <= taken + workers);
        }
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    for (uint32_t workers = 0; workers <= 2; workers++) {
        factory f = {.lock = PTHREAD_MUTEX_INITIALIZER};
        vb_pipeline *p = NULL;
        uint32_t slot = 0;
        assert_int_equal(vb_pipeline_open(&p, workers, 0, make, &f, NULL, NULL),
                         VBLIP_OK);
        assert_false(vb_pipeline_next(p, &slot));
        vb_pipeline_close(&p);
        assert_int_equal(f.made, 0);
    }
    vb_pipeline *none = NULL;
    vb_pipeline_close(&none);
}

typedef struct caller {
    pthread_t thread;
    int asked;
    bool elsewhere; // on a thread of somebody else
} caller;

static int stop_at_third(void *user)
{
    caller *c = user;
    c->elsewhere |= !pthread_equal(pthread_self(), c->thread);
    return ++c->asked >= 3;
}

// Takes until the caller wants to stop.
static void make_for_ever(void *user, uint64_t item, uint32_t slot)
{
    (void)item, (void)slot;
    while (!vb_halt_asked(user))
        nap(100);
}

// Whoever waits for an item, or closes, is asked, and on his own thread alone.
static void test_the_caller_can_stop_what_is_made(void **state)
{
    (void)state;
    for (uint32_t workers = 0; workers <= 2; workers++)
        for (int wait = 0; wait <= 1; wait++) {
            caller c = {.thread = pthread_self(), .asked = wait ? 0 : 2};
            vb_halt halt;
            vb_halt_start(&halt, stop_at_third, &c);
            vb_pipeline *p = NULL;
            uint32_t slot = 0;
            assert_int_equal(
                vb_pipeline_open(&p, workers, 5, make_for_ever, &halt, &halt, NULL),
                VBLIP_OK);
            assert_true(!wait || vb_pipeline_next(p, &slot));
            vb_pipeline_close(&p);
            assert_int_equal(c.asked, 3);
            assert_false(c.elsewhere);
        }
    assert_int_equal(vb_halt_asked(NULL), 0);
}

static void test_threads_fit_the_cores(void **state)
{
    (void)state;
    static const struct {
        uint32_t jobs, files, cores;
        bool shares_cores;
        uint32_t workers, codec_threads;
    } cases[] = {
        {0, 9, 2, true, 0, 2},                         // in turn
        {1, 9, 2, true, 0, 2},  {2, 9, 2, true, 2, 1}, // asked for
        {0, 9, 1, false, 1, 1}, {0, 9, 2, false, 2, 1},
        {0, 9, 8, false, 8, 1}, {0, 9, 64, false, 8, 8}, // enough for one device
        {0, 1, 8, false, 1, 8}, {0, 3, 8, false, 3, 2},  // no more than there are
        {8, 2, 8, false, 2, 4}, {0, 0, 2, false, 1, 2},
        {3, 9, 8, false, 3, 2}, {16, 99, 8, false, 8, 1}, // never more than cores
        {1, 9, 8, false, 1, 8}, {5, 9, 0, false, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vb_thread_plan plan = vb_plan_threads(cases[i].jobs, cases[i].files,
                                              cases[i].cores, cases[i].shares_cores);
        assert_int_equal(plan.workers, cases[i].workers);
        assert_int_equal(plan.codec_threads, cases[i].codec_threads);
    }
    assert_true(vb_core_count() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items_come_in_order),
        cmocka_unit_test(test_no_more_is_made_ahead_than_there_are_slots),
        cmocka_unit_test(test_nothing_to_do),
        cmocka_unit_test(test_the_caller_can_stop_what_is_made),
        cmocka_unit_test(test_threads_fit_the_cores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
