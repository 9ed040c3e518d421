// queue.h - requests that wait for a thread to answer them.
#ifndef VB_SERVE_QUEUE_H
#define VB_SERVE_QUEUE_H

#include "serve/exchange.h"

// What a request needs, which says who answers it.
typedef enum vb_work {
    VB_WORK_NONE,   // the thread that speaks HTTP does, at once
    VB_WORK_MODEL,  // a moment of the model
    VB_WORK_LONG,   // the model for as long as a recording takes
    VB_WORK_FRAMES, // a frame to be decoded
    VB_WORK_KINDS,
} vb_work;

typedef struct vb_queue vb_queue;

VB_CHECKED vblip_status vb_queue_open(vb_queue **out, vblip_error *err);

// Holds the exchange. False when too many wait already, or the queue was shut.
bool vb_queue_put(vb_queue *queue, vb_work kind, vb_exchange *x);

// The next of the kinds in `kinds` (1 << VB_WORK_MODEL | ...), short ones first; waits up to
// `wait_ms` for it. NULL: none came, or the queue was shut. The caller drops it.
vb_exchange *vb_queue_take(vb_queue *queue, unsigned kinds, unsigned wait_ms);

// Nothing is taken or put any more; what waits is answered with 503.
void vb_queue_shut(vb_queue *queue);
bool vb_queue_is_shut(vb_queue *queue);
void vb_queue_close(vb_queue **queue);

#endif // VB_SERVE_QUEUE_H
