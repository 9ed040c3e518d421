#include "serve/serve.h"

#include "serve/answers.h"
#include "serve/http.h"
#include "serve/routes.h"
#include "serve/served_index.h"

#include <stdio.h>
#include <string.h>

enum { FRAME_THREADS = 2, LOOK_MS = 200 };

// Decodes pictures until the queue is shut.
static void *serve_frames(void *user)
{
    vb_server *server = user;
    while (!vb_queue_is_shut(server->queue)) {
        vb_exchange *x = vb_queue_take(server->queue, 1u << VB_WORK_FRAMES, 60000);
        if (!x)
            continue;
        if (!vb_exchange_is_left(x))
            x->route->answer(server, x);
        vb_exchange_end(x);
        vb_exchange_drop(x);
    }
    return NULL;
}

// What waits is answered, and all that is stopped is noticed here.
static void answer_waiting(vb_server *server)
{
    if (server->options->stopped())
        vb_queue_shut(server->queue);
    vb_answers_serve(server, 0);
    vb_served_index_refresh(server);
}

static void say_where(vb_server *server)
{
    char url[VB_MOST_TOKEN + 128];
    const vb_serve_options *o = server->options;
    const char *host = server->address;
    const bool all = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    const bool v6 = strchr(host, ':') != NULL;
    snprintf(url, sizeof url, "http://%s%.60s%s:%u/%s%s", v6 && !all ? "[" : "",
             all ? "localhost" : host, v6 && !all ? "]" : "",
             (unsigned)server->guard.port, o->token ? "?token=" : "",
             o->token ? o->token : "");
    o->ready(o->user, url);
}

// The index is brought up to date first, and requests are answered meanwhile.
static void serve_models(vb_server *server)
{
    vblip_error err = {0};
    const vb_serve_options *o = server->options;
    const vblip_status status = vb_served_index_update(server, &err);
    if (status != VBLIP_OK && status != VBLIP_ERR_CANCELLED)
        o->note(o->user, err.message);
    while (!o->stopped()) {
        vb_answers_serve(server, LOOK_MS);
        vb_served_index_refresh(server);
    }
    vb_queue_shut(server->queue);
}

static vblip_status serve_http(vb_server *server, vblip_error *err)
{
    vb_http *http;
    pthread_t threads[FRAME_THREADS];
    int running = 0;
    VB_TRY(vb_http_open(&http, server, err));
    while (running < FRAME_THREADS &&
           pthread_create(&threads[running], NULL, serve_frames, server) == 0)
        running++;
    say_where(server);
    if (running)
        serve_models(server);
    vb_queue_shut(server->queue);
    for (int i = 0; i < running; i++)
        pthread_join(threads[i], NULL);
    vb_http_close(&http);
    return running ? VBLIP_OK : vb_fail_memory(err, "threads");
}

vblip_status vb_serve(const vb_serve_options *options, vblip_error *err)
{
    vb_server server = {
        .options = options,
        .pause = answer_waiting,
        .guard = {.token = options->token,
                  .any_host = options->token != NULL && !options->loopback},
    };
    int mutex = pthread_mutex_init(&server.updating.mutex, NULL);
    vblip_status status = mutex ? vb_fail_errno(err, "server", mutex) : VBLIP_OK;
    if (status == VBLIP_OK)
        status = vb_queue_open(&server.queue, err);
    if (status == VBLIP_OK)
        status = vb_recordings_open(&server.recordings, err);
    if (status == VBLIP_OK)
        status = vb_served_index_open(&server, err);
    if (status == VBLIP_OK)
        status = serve_http(&server, err);
    vb_answers_close(&server);
    vb_served_index_close(&server);
    vb_recordings_close(&server.recordings);
    vb_queue_close(&server.queue);
    vb_string_free(&server.updating.described);
    if (mutex == 0)
        pthread_mutex_destroy(&server.updating.mutex);
    return status;
}
