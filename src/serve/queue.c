#include "serve/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_WAITING = 256 }; // of one kind

typedef struct waiting_line {
    vb_exchange *first, **last;
    unsigned count;
} waiting_line;

struct vb_queue {
    pthread_mutex_t mutex;
    pthread_cond_t came;
    waiting_line lines[VB_WORK_KINDS];
    bool shut;
};

vblip_status vb_queue_open(vb_queue **out, vblip_error *err)
{
    vb_queue *q = *out = calloc(1, sizeof *q);
    if (!q)
        return vb_fail_memory(err, "requests");
    const int mutex = pthread_mutex_init(&q->mutex, NULL);
    const int came = mutex ? mutex : pthread_cond_init(&q->came, NULL);
    for (int i = 0; i < VB_WORK_KINDS; i++)
        q->lines[i].last = &q->lines[i].first;
    if (came == 0)
        return VBLIP_OK;
    if (mutex == 0)
        pthread_mutex_destroy(&q->mutex);
    free(q);
    *out = NULL;
    return vb_fail_errno(err, "requests", came);
}

bool vb_queue_put(vb_queue *queue, vb_work kind, vb_exchange *x)
{
    pthread_mutex_lock(&queue->mutex);
    waiting_line *line = &queue->lines[kind];
    const bool room = !queue->shut && line->count < MOST_WAITING;
    if (room) {
        vb_exchange_hold(x);
        x->next = NULL;
        *line->last = x;
        line->last = &x->next;
        line->count++;
        pthread_cond_broadcast(&queue->came);
    }
    pthread_mutex_unlock(&queue->mutex);
    return room;
}

// With the mutex held.
static vb_exchange *take_first(vb_queue *q, unsigned kinds)
{
    for (int kind = 0; kind < VB_WORK_KINDS && !q->shut; kind++) {
        waiting_line *line = &q->lines[kind];
        vb_exchange *x = line->first;
        if (!(kinds & 1u << kind) || !x)
            continue;
        line->first = x->next;
        if (!line->first)
            line->last = &line->first;
        line->count--;
        return x;
    }
    return NULL;
}

vb_exchange *vb_queue_take(vb_queue *queue, unsigned kinds, unsigned wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&queue->mutex);
    vb_exchange *x = take_first(queue, kinds);
    int waited = wait_ms ? 0 : ETIMEDOUT;
    while (!x && !queue->shut && waited == 0) {
        waited = pthread_cond_timedwait(&queue->came, &queue->mutex, &until);
        x = take_first(queue, kinds);
    }
    pthread_mutex_unlock(&queue->mutex);
    return x;
}

void vb_queue_shut(vb_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->shut = true;
    pthread_cond_broadcast(&queue->came);
    pthread_mutex_unlock(&queue->mutex);
    for (int kind = 0; kind < VB_WORK_KINDS; kind++) {
        vb_exchange *x = queue->lines[kind].first;
        while (x) {
            vb_exchange *next = x->next;
            vb_exchange_refuse(x, 503, "the server stops");
            vb_exchange_end(x);
            vb_exchange_drop(x);
            x = next;
        }
        queue->lines[kind] = (waiting_line){.last = &queue->lines[kind].first};
    }
}

bool vb_queue_is_shut(vb_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    const bool shut = queue->shut;
    pthread_mutex_unlock(&queue->mutex);
    return shut;
}

void vb_queue_close(vb_queue **queue)
{
    vb_queue *q = *queue;
    if (!q)
        return;
    pthread_cond_destroy(&q->came);
    pthread_mutex_destroy(&q->mutex);
    free(q);
    *queue = NULL;
}
