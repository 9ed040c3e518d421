// server.h - what the parts of a running server share.
#ifndef VB_SERVE_SERVER_H
#define VB_SERVE_SERVER_H

#include "base/text.h"
#include "serve/clip_cache.h"
#include "serve/guard.h"
#include "serve/queue.h"
#include "serve/recordings.h"
#include "serve/serve.h"

// How far bringing the index up to date is, as other threads read it.
typedef struct vb_updating {
    pthread_mutex_t mutex;
    bool running;
    char path[512]; // input in work
    uint64_t done, total;
    double seconds_left;
    uint64_t failed;
    vb_string described; // {"index": ...}: what the index held when it was read last
} vb_updating;

// The index that is searched. Of the thread that has the models, as is what follows.
typedef struct vb_served_index {
    vblip_library *searched; // as it is
    vblip_library *writing;  // that brings it up to date; NULL = nothing does, or did
    char *path, *root;
    int64_t stamp[4];           // of its files when `searched` was opened
    double opened_s, opening_s; // when that was, and how long it took
    bool changed;               // since then, by this server
} vb_served_index;

typedef struct vb_answering {
    vb_served_index index;
    vblip_model *models[2]; // for questions, for captions; NULL: not loaded yet
    vb_clip_cache clips;
    bool in_captions; // these are being made: no others are begun
} vb_answering;

typedef struct vb_server {
    const vb_serve_options *options;
    vb_guard guard;
    char address[64]; // that is listened on, as numbers
    vb_queue *queue;
    vb_recordings *recordings;
    vblip_inputs *nothing; // what an index as it is is opened with
    vb_updating updating;
    vb_answering answering;
    void (*pause)(struct vb_server *server); // called again and again by long work
} vb_server;

#endif // VB_SERVE_SERVER_H
