#include "video_tasks/halt.h"

#include <stddef.h>

void vb_halt_start(vb_halt *halt, int (*stopped)(void *user), void *user)
{
    halt->stopped = stopped;
    halt->user = user;
    halt->caller = pthread_self();
    atomic_init(&halt->heard, false);
}

int vb_halt_asked(void *halt)
{
    vb_halt *h = halt;
    if (!h || !h->stopped)
        return 0;
    if (!atomic_load(&h->heard) && pthread_equal(pthread_self(), h->caller) &&
        h->stopped(h->user))
        atomic_store(&h->heard, true);
    return atomic_load(&h->heard);
}
