#include "serve/exchange.h"

#include "output/json_out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

vb_exchange *vb_exchange_new(void)
{
    vb_exchange *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    if (pthread_mutex_init(&x->mutex, NULL) != 0) {
        free(x);
        return NULL;
    }
    x->fd = -1;
    x->holders = 1;
    return x;
}

void vb_exchange_hold(vb_exchange *x)
{
    pthread_mutex_lock(&x->mutex);
    x->holders++;
    pthread_mutex_unlock(&x->mutex);
}

void vb_exchange_drop(vb_exchange *x)
{
    if (!x)
        return;
    pthread_mutex_lock(&x->mutex);
    const bool last = --x->holders == 0;
    pthread_mutex_unlock(&x->mutex);
    if (!last)
        return;
    if (x->fd >= 0)
        close(x->fd);
    vb_string_free(&x->body);
    vb_string_free(&x->out);
    pthread_mutex_destroy(&x->mutex);
    free(x);
}

void vb_exchange_refuse(vb_exchange *x, unsigned status, const char *format, ...)
{
    char message[sizeof((vblip_error *)0)->message];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    x->status = status;
    x->type = "application/json";
    x->kept = NULL;
    vb_string_clear(&x->out);
    vb_string_puts(&x->out, "{\"error\":");
    vb_json_put_string(&x->out, message, strlen(message));
    vb_string_puts(&x->out, "}\n");
}

void vb_exchange_fail(vb_exchange *x, vblip_status status, const vblip_error *err)
{
    static const struct {
        vblip_status status;
        unsigned code;
    } codes[] = {
        {VBLIP_ERR_ARGUMENT, 400}, {VBLIP_ERR_FORMAT, 400},
        {VBLIP_ERR_IO, 404},       {VBLIP_ERR_UNSUPPORTED, 422},
        {VBLIP_ERR_MEMORY, 503},   {VBLIP_ERR_CANCELLED, 503},
    };
    unsigned code = 500;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].status == status)
            code = codes[i].code;
    vb_exchange_refuse(x, code, "%s", err->message);
}

// With the mutex held.
static void wake_connection(vb_exchange *x)
{
    if (!x->waiting || !x->connection)
        return;
    x->waiting = false;
    x->wake(x->connection);
}

void vb_exchange_begin_stream(vb_exchange *x)
{
    pthread_mutex_lock(&x->mutex);
    x->status = 200;
    x->type = "text/event-stream";
    x->kept = "no-store";
    x->streams = true;
    wake_connection(x);
    pthread_mutex_unlock(&x->mutex);
}

bool vb_exchange_send(vb_exchange *x, const char *event, const vb_string *data)
{
    pthread_mutex_lock(&x->mutex);
    vb_string_appendf(&x->out, "event: %s\ndata: ", event);
    vb_string_append(&x->out, data->bytes, data->size);
    vb_string_puts(&x->out, "\n\n");
    const bool read = !x->gone && !x->out.failed && !data->failed;
    wake_connection(x);
    pthread_mutex_unlock(&x->mutex);
    return read;
}

bool vb_exchange_is_left(vb_exchange *x)
{
    pthread_mutex_lock(&x->mutex);
    const bool left =
        x->gone || (x->waiting && x->connection && x->hung_up(x->connection));
    pthread_mutex_unlock(&x->mutex);
    return left;
}

void vb_exchange_end(vb_exchange *x)
{
    pthread_mutex_lock(&x->mutex);
    x->ended = true;
    wake_connection(x);
    pthread_mutex_unlock(&x->mutex);
}
