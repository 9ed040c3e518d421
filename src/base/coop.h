// coop.h - several jobs of which one runs at a time, each on a thread of its own.
//
// What they share needs no other lock: a job goes on until it waits here for its turn, and
// whoever is the least far has the next one.
#ifndef VB_BASE_COOP_H
#define VB_BASE_COOP_H

#include "base/error.h"

#include <stdbool.h>

typedef struct vb_coop vb_coop;

// One of the jobs.
typedef struct vb_coop_thread {
    vb_coop *coop;
    uint32_t number;       // from 0: of two that are equally far the first comes first
    uint64_t major, minor; // how far it is
    bool meeting, done;
} vb_coop_thread;

// Runs job(user, turn) for each of users [count] and returns when all have returned. Not OK:
// a thread could not be started, and none has run.
typedef void (*vb_coop_fn)(void *user, vb_coop_thread *turn);
VB_CHECKED vblip_status vb_coop_run(void *const *users, uint32_t count, vb_coop_fn job,
                                    vblip_error *err);

// Waits until nobody is less far than `major`, then `minor`.
void vb_coop_wait(vb_coop_thread *turn, uint64_t major, uint64_t minor);

// Waits until all others that have not returned call this, too.
void vb_coop_meet(vb_coop_thread *turn);

#endif // VB_BASE_COOP_H
