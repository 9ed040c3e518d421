// exchange.h - one request, and the answer to it in the making.
//
// The thread that speaks HTTP and the one that makes the answer each hold it. An answer is
// whole, a file, or a stream of events that are sent as they come.
#ifndef VB_SERVE_EXCHANGE_H
#define VB_SERVE_EXCHANGE_H

#include "base/error.h"
#include "base/text.h"

#include <pthread.h>

enum {
    VB_MOST_BODY = 64 << 10, // bytes of a request
    VB_EXCHANGE_ID = 20,     // of a recording in a path: 16 digits
    VB_EXCHANGE_HEADER = 128,
};

struct vb_route;

// Numbers behind the "?" of a path.
typedef struct vb_exchange_query {
    double time_s;   // t
    double width;    // w, pixels
    uint32_t offset; // of a list
    uint32_t limit;
} vb_exchange_query;

typedef struct vb_exchange {
    // Of the request; written before it is handed on.
    const struct vb_route *route;
    char id[VB_EXCHANGE_ID];
    char range[VB_EXCHANGE_HEADER], if_range[VB_EXCHANGE_HEADER]; // "" = none
    char if_none_match[VB_EXCHANGE_HEADER];
    vb_exchange_query query;
    vb_string body;
    uint64_t received; // bytes of the body; what is too large is not kept
    bool wants_events; // text/event-stream

    // Of the answer.
    unsigned status;
    const char *type; // "application/json"
    const char *kept; // Cache-Control
    vb_string out;
    int fd; // a file instead of `out`; -1 = none
    uint64_t from, count, size;
    char tag[VB_EXCHANGE_HEADER]; // ETag of the file
    const char *allow, *location; // headers; NULL = none
    char cookie[VB_EXCHANGE_HEADER + 128];

    // Shared by both threads.
    pthread_mutex_t mutex;
    int holders;
    bool streams; // `out` is the first part of an answer that goes on
    bool ended;   // there is no more
    bool waiting; // the connection sleeps until more is there
    bool gone;    // nobody reads it any more
    bool dispatched;
    void (*wake)(void *connection);
    bool (*hung_up)(void *connection); // asked while it sleeps
    void *connection;
    struct vb_exchange *next; // in a queue
} vb_exchange;

// NULL when memory runs out. Begins with one holder.
vb_exchange *vb_exchange_new(void);
void vb_exchange_hold(vb_exchange *x);
void vb_exchange_drop(vb_exchange *x); // the last one frees it

// Answers {"error": "..."}.
void vb_exchange_refuse(vb_exchange *x, unsigned status, const char *format, ...)
    VB_PRINTF(3, 4);

// Answers what a call of vblip.h failed with: 400 for what the request got wrong, else 500.
void vb_exchange_fail(vb_exchange *x, vblip_status status, const vblip_error *err);

// Begins a stream of events.
void vb_exchange_begin_stream(vb_exchange *x);
// Sends an event whose data is the JSON in `data`; false when nobody reads any more.
bool vb_exchange_send(vb_exchange *x, const char *event, const vb_string *data);

// Whether nobody waits for the answer any more, as far as that is known.
bool vb_exchange_is_left(vb_exchange *x);

// The answer is whole, or the stream ends: wakes the connection.
void vb_exchange_end(vb_exchange *x);

#endif // VB_SERVE_EXCHANGE_H
