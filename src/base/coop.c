#include "base/coop.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct coop_job {
    vb_coop_thread turn;
    pthread_t thread;
    void *user;
} coop_job;

struct vb_coop {
    pthread_mutex_t lock; // whoever runs has it
    pthread_cond_t moved;
    vb_coop_fn job;
    coop_job *threads; // [count]
    uint32_t count;
    uint64_t meetings; // that are over
    bool called_off;
};

static bool is_before(const vb_coop_thread *a, const vb_coop_thread *b)
{
    if (a->major != b->major)
        return a->major < b->major;
    if (a->minor != b->minor)
        return a->minor < b->minor;
    return a->number < b->number;
}

// Whether nobody that wants to run is less far.
static bool is_next(const vb_coop_thread *turn)
{
    const vb_coop *t = turn->coop;
    for (uint32_t i = 0; i < t->count; i++) {
        const vb_coop_thread *other = &t->threads[i].turn;
        if (!other->done && !other->meeting && is_before(other, turn))
            return false;
    }
    return true;
}

void vb_coop_wait(vb_coop_thread *turn, uint64_t major, uint64_t minor)
{
    vb_coop *t = turn->coop;
    turn->major = major;
    turn->minor = minor;
    pthread_cond_broadcast(&t->moved);
    while (!is_next(turn))
        pthread_cond_wait(&t->moved, &t->lock);
}

static void end_meeting(vb_coop *t)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (!t->threads[i].turn.done && !t->threads[i].turn.meeting)
            return;
    for (uint32_t i = 0; i < t->count; i++)
        t->threads[i].turn.meeting = false;
    t->meetings++;
}

void vb_coop_meet(vb_coop_thread *turn)
{
    vb_coop *t = turn->coop;
    const uint64_t before = t->meetings;
    turn->meeting = true;
    end_meeting(t);
    pthread_cond_broadcast(&t->moved);
    while (t->meetings == before)
        pthread_cond_wait(&t->moved, &t->lock);
    vb_coop_wait(turn, turn->major, turn->minor);
}

static void *run_coop_job(void *user)
{
    coop_job *self = user;
    vb_coop *t = self->turn.coop;
    pthread_mutex_lock(&t->lock);
    vb_coop_wait(&self->turn, 0, 0);
    if (!t->called_off)
        t->job(self->user, &self->turn);
    self->turn.done = true;
    end_meeting(t);
    pthread_cond_broadcast(&t->moved);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

// The lock is held until all are started, so that none runs before.
static vblip_status start_coop_jobs(vb_coop *t, void *const *users, vblip_error *err)
{
    uint32_t started = 0;
    pthread_mutex_lock(&t->lock);
    while (started < t->count) {
        coop_job *thread = &t->threads[started];
        thread->user = users[started];
        thread->turn = (vb_coop_thread){.coop = t, .number = started};
        if (pthread_create(&thread->thread, NULL, run_coop_job, thread) != 0)
            break;
        started++;
    }
    t->called_off = started < t->count;
    t->count = started;
    pthread_mutex_unlock(&t->lock);
    for (uint32_t i = 0; i < started; i++)
        pthread_join(t->threads[i].thread, NULL);
    return t->called_off ? vb_fail_memory(err, "threads") : VBLIP_OK;
}

vblip_status vb_coop_run(void *const *users, uint32_t count, vb_coop_fn job,
                         vblip_error *err)
{
    vb_coop t = {.job = job, .count = count};
    t.threads = calloc(count ? count : 1, sizeof *t.threads);
    if (!t.threads)
        return vb_fail_memory(err, "threads");
    pthread_mutex_init(&t.lock, NULL);
    pthread_cond_init(&t.moved, NULL);
    const vblip_status status = start_coop_jobs(&t, users, err);
    pthread_cond_destroy(&t.moved);
    pthread_mutex_destroy(&t.lock);
    free(t.threads);
    return status;
}
