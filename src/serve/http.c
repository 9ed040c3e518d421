#include "serve/http.h"

#include "serve/range.h"
#include "serve/routes.h"

#include <errno.h>
#include <math.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MOST_CONNECTIONS = 512,
    MOST_OF_ADDRESS = 256, // of these, from one address
    DRAIN_MS = 100,        // for answers to be written, before all is closed
    IDLE_S = 30,         // a client that sends or reads nothing for so long is cut off
    STREAM_BLOCK = 4096, // bytes of an answer handed on at a time
    FILE_BLOCK = 256 << 10,       // of a file
    MOST_UPLOAD = 1 << 20,        // of a body that is too large anyway, and still read
    CONNECTION_MEMORY = 32 << 10, // for the line and headers of a request
};

struct vb_http {
    struct MHD_Daemon *daemon;
    vb_server *server;
    int socket;
};

// A page that is its own: nothing from elsewhere, in no frame of others.
static const struct {
    const char *name, *value;
} headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
     "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
     "frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};

static const char *header_of(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static const char *argument_of(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, name);
}

// -------------------------------------------------------------------------- answering

// Bytes of a stream, as they come; sleeps where there are none yet.
static ssize_t read_stream(void *user, uint64_t at, char *out, size_t most)
{
    vb_exchange *x = user;
    ssize_t taken = 0;
    pthread_mutex_lock(&x->mutex);
    if (x->out.failed) {
        taken = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (at < x->out.size) {
        const size_t left = x->out.size - (size_t)at;
        taken = (ssize_t)(left < most ? left : most);
        memcpy(out, x->out.bytes + at, (size_t)taken);
    } else if (x->ended) {
        taken = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        x->waiting = true;
        MHD_suspend_connection(x->connection);
    }
    pthread_mutex_unlock(&x->mutex);
    return taken;
}

// Nobody reads any more.
static void leave_stream(void *user)
{
    vb_exchange *x = user;
    pthread_mutex_lock(&x->mutex);
    x->gone = true;
    pthread_mutex_unlock(&x->mutex);
    vb_exchange_drop(x);
}

static void leave_text(void *user)
{
    vb_exchange_drop(user);
}

// The body of an answer; it holds the exchange for as long as it is read.
static struct MHD_Response *body_of(vb_exchange *x)
{
    struct MHD_Response *r;
    if (x->fd >= 0) {
        r = MHD_create_response_from_fd_at_offset64(x->count, x->fd, x->from);
        if (r)
            x->fd = -1; // closed with the response
        return r;
    }
    vb_exchange_hold(x);
    if (x->streams)
        r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
                                              read_stream, x, leave_stream);
    else
        r = MHD_create_response_from_buffer_with_free_callback_cls(
            x->out.size, x->out.bytes ? x->out.bytes : "", leave_text, x);
    if (!r)
        vb_exchange_drop(x);
    return r;
}

static void add_header(struct MHD_Response *r, const char *name, const char *value)
{
    if (value && *value)
        (void)MHD_add_response_header(r, name, value);
}

static void add_file_headers(struct MHD_Response *r, const vb_exchange *x)
{
    char text[96];
    add_header(r, "ETag", x->tag);
    if (x->size)
        add_header(r, "Accept-Ranges", "bytes");
    if (x->status == 206)
        snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)x->from,
                 (unsigned long long)(x->from + x->count - 1),
                 (unsigned long long)x->size);
    else if (x->status == 416)
        snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)x->size);
    else
        return;
    add_header(r, "Content-Range", text);
}

static enum MHD_Result respond(struct MHD_Connection *c, vb_exchange *x)
{
    // Of a stream, which goes on, the reader says that.
    if (!x->streams && x->out.failed)
        vb_exchange_refuse(x, 503, "out of memory");
    struct MHD_Response *r = body_of(x);
    if (!r)
        return MHD_NO;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        add_header(r, headers[i].name, headers[i].value);
    add_header(r, "Content-Type", x->type);
    add_header(r, "Cache-Control", x->kept ? x->kept : "no-store");
    if (x->tag[0])
        add_file_headers(r, x);
    if (x->allow)
        add_header(r, "Allow", x->allow);
    add_header(r, "Location", x->location);
    add_header(r, "Set-Cookie", x->cookie);
    const enum MHD_Result result = MHD_queue_response(c, x->status, r);
    MHD_destroy_response(r);
    return result;
}

// --------------------------------------------------------------------------- dispatching

static void take_header(char out[VB_EXCHANGE_HEADER], struct MHD_Connection *c,
                        const char *name)
{
    const char *value = header_of(c, name);
    out[0] = '\0';
    if (value && strlen(value) < VB_EXCHANGE_HEADER)
        memcpy(out, value, strlen(value) + 1);
}

typedef struct query_number {
    const char *name;
    double *out, least, most;
    bool whole;
} query_number;

// False where it is given and no such number.
static bool take_query(const query_number *q, struct MHD_Connection *c)
{
    const char *value = argument_of(c, q->name);
    char *end;
    if (!value)
        return true;
    const double number = strtod(value, &end);
    if (end == value || *end || !(number >= q->least && number <= q->most))
        return false;
    *q->out = number;
    return !q->whole || number == floor(number);
}

static bool take_queries(vb_exchange *x, struct MHD_Connection *c)
{
    static const double MONTH_S = 2678400, MOST_LISTED = 1e6;
    double offset = 0, limit = 100;
    x->query.width = 320;
    const query_number queries[] = {
        {"t", &x->query.time_s, 0, MONTH_S, false},
        {"w", &x->query.width, 16, 1024, false},
        {"offset", &offset, 0, MOST_LISTED, true},
        {"limit", &limit, 1, 1000, true},
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        if (!take_query(&queries[i], c)) {
            vb_exchange_refuse(x, 400, "%s: expected a %snumber from %g to %g",
                               queries[i].name, queries[i].whole ? "whole " : "",
                               queries[i].least, queries[i].most);
            return false;
        }
    x->query.offset = (uint32_t)offset;
    x->query.limit = (uint32_t)limit;
    return true;
}

// The address that was printed has the token in it: it becomes a cookie, and leaves the bar.
static bool takes_token(vb_server *server, vb_exchange *x, struct MHD_Connection *c,
                        const char *path)
{
    const char *token = argument_of(c, "token");
    if (!server->guard.token || !token || strcmp(path, "/") != 0 ||
        !vb_guard_is_token(&server->guard, token))
        return false;
    snprintf(x->cookie, sizeof x->cookie,
             VB_TOKEN_COOKIE "=%s; HttpOnly; SameSite=Strict; Path=/", token);
    x->status = 303;
    x->location = "/";
    return true;
}

static bool is_json_type(const char *type)
{
    static const char json[] = "application/json";
    return type && strncasecmp(type, json, sizeof json - 1) == 0 &&
           (type[sizeof json - 1] == '\0' || type[sizeof json - 1] == ';' ||
            type[sizeof json - 1] == ' ');
}

static uint64_t declared_size(struct MHD_Connection *c)
{
    const char *size = header_of(c, "Content-Length");
    return size ? strtoull(size, NULL, 10) : 0;
}

// What shows in the line and headers of a request. False: it is refused.
static bool admit(vb_server *server, vb_exchange *x, struct MHD_Connection *c,
                  const char *method, const char *path)
{
    const char *why, *allowed;
    const bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    const vb_credentials given = {
        .host = header_of(c, "Host"),
        .origin = header_of(c, "Origin"),
        .site = header_of(c, "Sec-Fetch-Site"),
        .authorization = header_of(c, "Authorization"),
        .cookie = header_of(c, "Cookie"),
        .opens_page = reads && strcmp(path, "/") == 0,
    };
    const unsigned refused = vb_guard_check(&why, &server->guard, &given);
    if (refused == 401 && takes_token(server, x, c, path))
        return false;
    if (refused) {
        vb_exchange_refuse(x, refused, "%s", why);
        return false;
    }
    x->route = vb_route_find(&allowed, x->id, reads ? "GET" : method, path);
    if (!x->route) {
        x->allow = allowed;
        vb_exchange_refuse(x, allowed ? 405 : 404, "%.20s %.100s: %s", method, path,
                           allowed ? "not with this method" : "there is no such page");
        return false;
    }
    if (!reads && !is_json_type(header_of(c, "Content-Type"))) {
        vb_exchange_refuse(x, 415, "Content-Type: expected application/json");
        return false;
    }
    if (declared_size(c) > VB_MOST_BODY) {
        vb_exchange_refuse(x, 413, "body: more than %d bytes", (int)VB_MOST_BODY);
        return false;
    }
    const char *accepts = header_of(c, "Accept");
    x->wants_events = accepts && strstr(accepts, "text/event-stream");
    take_header(x->range, c, "Range");
    take_header(x->if_range, c, "If-Range");
    take_header(x->if_none_match, c, "If-None-Match");
    return take_queries(x, c);
}

static void wake_connection_of(void *connection)
{
    MHD_resume_connection(connection);
}

// Whether whoever waits for the answer has hung up, which a connection that sleeps does not
// hear of.
static bool has_hung_up(void *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    char byte;
    return info && recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

// The whole request is here. It is answered at once, or sleeps until it is.
static enum MHD_Result dispatch(vb_server *server, vb_exchange *x,
                                struct MHD_Connection *c)
{
    x->dispatched = true;
    if (x->body.failed || x->body.size > VB_MOST_BODY) {
        vb_exchange_refuse(x, 413, "body: more than %d bytes", (int)VB_MOST_BODY);
        return respond(c, x);
    }
    if (x->route->work == VB_WORK_NONE) {
        x->route->answer(server, x);
        return respond(c, x);
    }
    x->wake = wake_connection_of;
    x->hung_up = has_hung_up;
    x->connection = c;
    pthread_mutex_lock(&x->mutex);
    x->waiting = true;
    MHD_suspend_connection(c);
    pthread_mutex_unlock(&x->mutex);
    if (!vb_queue_put(server->queue, x->route->work, x)) {
        vb_exchange_refuse(x, 503, "too many requests wait; try again");
        vb_exchange_end(x);
    }
    return MHD_YES;
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **state)
{
    vb_server *server = user;
    vb_exchange *x = *state;
    (void)version;
    if (!x) {
        x = *state = vb_exchange_new();
        if (!x)
            return MHD_NO;
        return admit(server, x, c, method, url) ? MHD_YES : respond(c, x);
    }
    if (*upload_size) {
        if (x->body.size <= VB_MOST_BODY)
            vb_string_append(&x->body, upload, *upload_size);
        x->received += *upload_size;
        *upload_size = 0;
        return x->received <= MOST_UPLOAD ? MHD_YES : MHD_NO; // NO: hangs up
    }
    if (!x->dispatched)
        return dispatch(server, x, c);
    return respond(c, x);
}

// "%2F" becomes "/"; a name with a NUL in it stays as it is, and is that of nothing.
static size_t unescape(void *user, struct MHD_Connection *c, char *text)
{
    (void)user;
    (void)c;
    return strstr(text, "%00") ? strlen(text) : MHD_http_unescape(text);
}

static void on_completed(void *user, struct MHD_Connection *c, void **state,
                         enum MHD_RequestTerminationCode how)
{
    vb_exchange *x = *state;
    (void)user;
    (void)c;
    (void)how;
    if (!x)
        return;
    pthread_mutex_lock(&x->mutex);
    x->gone = true;
    x->connection = NULL;
    pthread_mutex_unlock(&x->mutex);
    vb_exchange_drop(x);
    *state = NULL;
}

// ----------------------------------------------------------------------------- listening

static vblip_status listen_at(int *out, const struct addrinfo *at,
                              const vb_serve_options *o, vblip_error *err)
{
    const int on = 1;
    const int s = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, 0);
    char where[96], reason[VB_REASON];
    snprintf(where, sizeof where, "%.64s port %u", o->address, (unsigned)o->port);
    if (s < 0)
        return vb_fail_errno(err, where, errno);
    (void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(s, at->ai_addr, at->ai_addrlen) == 0 && listen(s, SOMAXCONN) == 0) {
        *out = s;
        return VBLIP_OK;
    }
    const int number = errno;
    close(s);
    return vb_fail(
        err, VBLIP_ERR_IO, "%s: %s%s", where, vb_errno_reason(reason, number),
        number == EADDRINUSE ? "; --port N takes another, --port 0 any" : "");
}

// Where it listens, as numbers.
static void note_address(vb_server *server, int socket)
{
    struct sockaddr_storage at;
    socklen_t size = sizeof at;
    char port[8] = "0";
    if (getsockname(socket, (struct sockaddr *)&at, &size) != 0 ||
        getnameinfo((struct sockaddr *)&at, size, server->address,
                    sizeof server->address, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        server->address[0] = '\0';
    server->guard.port = (uint16_t)strtoul(port, NULL, 10);
    server->guard.address = server->address;
}

static vblip_status listen_for(int *out, const vb_serve_options *o, vblip_error *err)
{
    const struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
    };
    char port[8];
    struct addrinfo *found;
    snprintf(port, sizeof port, "%u", (unsigned)o->port);
    if (getaddrinfo(o->address, port, &hints, &found) != 0)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "%.64s: no address of a network; 127.0.0.1 is this machine "
                       "alone, 0.0.0.0 all that it has",
                       o->address);
    const vblip_status status = listen_at(out, found, o, err);
    freeaddrinfo(found);
    return status;
}

vblip_status vb_http_open(vb_http **out, vb_server *server, vblip_error *err)
{
    vb_http *h = *out = calloc(1, sizeof *h);
    if (!h)
        return vb_fail_memory(err, "server");
    h->server = server;
    h->socket = -1;
    vblip_status status = listen_for(&h->socket, server->options, err);
    if (status == VBLIP_OK) {
        note_address(server, h->socket);
        h->daemon = MHD_start_daemon(
            MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | MHD_ALLOW_SUSPEND_RESUME,
            0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, h->socket,
            MHD_OPTION_CONNECTION_LIMIT, (unsigned)MOST_CONNECTIONS,
            MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)MOST_OF_ADDRESS,
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
            MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
            MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_END);
        if (!h->daemon)
            status = vb_fail(err, VBLIP_ERR_IO, "HTTP does not start");
    }
    if (status != VBLIP_OK)
        vb_http_close(out);
    return status;
}

void vb_http_close(vb_http **http)
{
    vb_http *h = *http;
    if (!h)
        return;
    if (h->daemon) {
        const struct timespec drain = {.tv_nsec = DRAIN_MS * 1000000L};
        (void)MHD_quiesce_daemon(h->daemon);
        nanosleep(&drain, NULL);
        MHD_stop_daemon(h->daemon);
    }
    if (h->socket >= 0)
        close(h->socket);
    free(h);
    *http = NULL;
}
