// halt.h - whether the caller of the library wants a task to stop, for all of its threads.
#ifndef VB_VIDEO_TASKS_HALT_H
#define VB_VIDEO_TASKS_HALT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

// Callbacks run on the calling thread: the others see what it was told there.
typedef struct vb_halt {
    int (*stopped)(void *user); // the caller's; NULL = never
    void *user;
    pthread_t caller;
    atomic_bool heard;
} vb_halt;

// For the thread that calls this. `halt` must not move.
void vb_halt_start(vb_halt *halt, int (*stopped)(void *user), void *user);

// Non-zero: stop. `halt` is a vb_halt, or NULL; any thread may ask, and the caller is asked
// on his own.
int vb_halt_asked(void *halt);

#endif // VB_VIDEO_TASKS_HALT_H
