// team.h - threads that work together on one thing at a time. One of them is the caller.
#ifndef VB_COMPUTE_TEAM_H
#define VB_COMPUTE_TEAM_H

#include "base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct vb_team vb_team;

// `workers` threads, the caller's included. A thread that cannot be started is an error.
VB_CHECKED vblip_status vb_team_open(vb_team **out, uint32_t workers, vblip_error *err);
void vb_team_close(vb_team **team);

// Calls work(user, worker) once on every thread, as worker 0 on the caller's, and returns
// when all have.
void vb_team_run(vb_team *team, void (*work)(void *user, uint32_t worker), void *user);

// Pieces of an op that its workers take one by one.
typedef struct vb_pieces {
    _Atomic uint32_t next;
    uint32_t count;
} vb_pieces;

// The number of the next piece, or false when there is none.
static inline bool vb_pieces_take(vb_pieces *pieces, uint32_t *out)
{
    *out = atomic_fetch_add_explicit(&pieces->next, 1, memory_order_relaxed);
    return *out < pieces->count;
}

#endif // VB_COMPUTE_TEAM_H
