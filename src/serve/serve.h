// serve.h - a page to search a library in, and the same as JSON, over HTTP.
#ifndef VB_SERVE_SERVE_H
#define VB_SERVE_SERVE_H

#include "base/error.h"
#include "vblip_lab.h"
#include "vblip_library.h"

#define VB_TOKEN_COOKIE "vblip_token"
enum { VB_MOST_TOKEN = 128, VB_LEAST_TOKEN = 8 };

typedef struct vb_serve_options {
    vblip_engine *engine;
    vblip_model *model; // that searches; loaded for VBLIP_TASK_ITC at least
    vblip_model_options
        model_options;          // how others are loaded, for questions and captions
    bool matches;               // it does ITM as well
    bool asks, captions;        // there is a model for these
    bool demo;                  // it is the bundled one
    const char *name, *device;  // of the model, and where it is, to be shown
    const vblip_inputs *inputs; // brought up to date first; NULL = what the index holds
    vblip_library_options indexing; // index: NULL = that of the one directory in inputs
    const char *address;            // that is listened on: "127.0.0.1"
    uint16_t port;                  // 0 = any that is free
    const char *token;              // NULL = none is asked for
    bool loopback;                  // `address` is this machine's own
    bool (*stopped)(void);          // asked some times a second; true ends it
    // What there is to say, a line at a time: first where the page is.
    void (*ready)(void *user, const char *url);
    void (*note)(void *user, const char *line);
    void *user;
} vb_serve_options;

// Serves until `stopped`. VBLIP_ERR_IO: the address cannot be listened on.
VB_CHECKED vblip_status vb_serve(const vb_serve_options *options, vblip_error *err);

#endif // VB_SERVE_SERVE_H
