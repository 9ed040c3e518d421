#include "video_tasks/pipeline.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { MAX_WORKERS = 64, MAX_CHOSEN_WORKERS = 8, ASK_MS = 100 };

struct vb_pipeline {
    vb_produce_fn produce;
    void *user;
    vb_halt *halt;
    uint64_t count;
    uint32_t workers; // that run

    pthread_mutex_t lock;  // guards all below but `threads`
    pthread_cond_t change; // of any of it
    uint64_t taken;        // items that a worker began
    uint64_t given;        // items that the consumer got
    bool stop;
    bool ready[MAX_WORKERS + 1]; // slot holds the item that is due in it

    pthread_t threads[MAX_WORKERS];
};

static uint32_t least_of(uint32_t a, uint64_t b)
{
    return b < a ? (uint32_t)b : a;
}

vb_thread_plan vb_plan_threads(uint32_t jobs, uint64_t files, uint32_t cores,
                               bool shares_cores)
{
    if (cores == 0)
        cores = 1;
    if (shares_cores && jobs <= 1)
        return (vb_thread_plan){.workers = 0, .codec_threads = cores};
    uint32_t workers = least_of(jobs ? jobs : MAX_CHOSEN_WORKERS, files);
    workers = least_of(least_of(workers, cores), MAX_WORKERS);
    if (workers == 0)
        workers = 1;
    return (vb_thread_plan){.workers = workers, .codec_threads = cores / workers};
}

static uint32_t slot_of_item(const vb_pipeline *p, uint64_t item)
{
    return (uint32_t)(item % vb_pipeline_slots(p->workers));
}

// The consumer holds the slot of item given - 1, so items below given + workers have a
// slot of their own.
static bool may_take(const vb_pipeline *p)
{
    return p->taken < p->count && p->taken < p->given + p->workers;
}

static void *work(void *user)
{
    vb_pipeline *p = user;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->stop && p->taken < p->count && !may_take(p))
            pthread_cond_wait(&p->change, &p->lock);
        if (p->stop || p->taken >= p->count)
            break;
        uint64_t item = p->taken++;
        pthread_mutex_unlock(&p->lock);
        p->produce(p->user, item, slot_of_item(p, item));
        pthread_mutex_lock(&p->lock);
        p->ready[slot_of_item(p, item)] = true;
        pthread_cond_broadcast(&p->change);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

// Stops and joins `started` workers.
static void join_workers(vb_pipeline *p, uint32_t started)
{
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->change);
    pthread_mutex_unlock(&p->lock);
    for (uint32_t i = 0; i < started; i++)
        pthread_join(p->threads[i], NULL);
}

// Signals stay with the program's own threads.
static uint32_t start_workers(vb_pipeline *p)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    uint32_t started = 0;
    while (started < p->workers &&
           pthread_create(&p->threads[started], NULL, work, p) == 0)
        started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

vblip_status vb_pipeline_open(vb_pipeline **out, uint32_t workers, uint64_t count,
                              vb_produce_fn produce, void *user, vb_halt *halt,
                              vblip_error *err)
{
    *out = NULL;
    vb_pipeline *p = calloc(1, sizeof *p);
    if (!p)
        return vb_fail_memory(err, "decode threads");
    p->produce = produce;
    p->user = user;
    p->halt = halt;
    p->count = count;
    p->workers = workers < MAX_WORKERS ? workers : MAX_WORKERS;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->change, NULL);
    uint32_t started = start_workers(p);
    if (started < p->workers) {
        join_workers(p, started);
        p->workers = 0;
        vb_pipeline_close(&p);
        return vb_fail(err, VBLIP_ERR_MEMORY, "decode: thread %u of %u did not start",
                       started + 1, workers);
    }
    *out = p;
    return VBLIP_OK;
}

// Waits for a change, not for long: the caller may want to stop meanwhile.
static void wait_and_ask(vb_pipeline *p)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ASK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    if (pthread_cond_timedwait(&p->change, &p->lock, &until) == 0)
        return;
    pthread_mutex_unlock(&p->lock); // the caller's function may take its time
    (void)vb_halt_asked(p->halt);
    pthread_mutex_lock(&p->lock);
}

bool vb_pipeline_next(vb_pipeline *p, uint32_t *slot)
{
    if (p->given >= p->count) // only this thread writes `given`
        return false;
    if (p->workers == 0) {
        *slot = 0;
        p->produce(p->user, p->given++, 0);
        return true;
    }
    pthread_mutex_lock(&p->lock);
    *slot = slot_of_item(p, p->given);
    while (!p->ready[*slot])
        wait_and_ask(p);
    p->ready[*slot] = false;
    p->given++; // the slot handed out before is free now
    pthread_cond_broadcast(&p->change);
    pthread_mutex_unlock(&p->lock);
    return true;
}

void vb_pipeline_close(vb_pipeline **pipeline)
{
    vb_pipeline *p = *pipeline;
    if (!p)
        return;
    (void)vb_halt_asked(p->halt); // it may be why
    join_workers(p, p->workers);
    pthread_cond_destroy(&p->change);
    pthread_mutex_destroy(&p->lock);
    free(p);
    *pipeline = NULL;
}
