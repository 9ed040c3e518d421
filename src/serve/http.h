// http.h - HTTP/1.1 through libmicrohttpd: connections to exchanges, and answers back.
#ifndef VB_SERVE_HTTP_H
#define VB_SERVE_HTTP_H

#include "serve/server.h"

typedef struct vb_http vb_http;

// Begins to listen; server->guard is set, its port as well where any will do.
VB_CHECKED vblip_status vb_http_open(vb_http **out, vb_server *server,
                                     vblip_error *err);
// Everything that waits must have been answered: vb_queue_shut, and the threads joined.
void vb_http_close(vb_http **http);

#endif // VB_SERVE_HTTP_H
