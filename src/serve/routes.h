// routes.h - which function answers which path.
#ifndef VB_SERVE_ROUTES_H
#define VB_SERVE_ROUTES_H

#include "serve/server.h"

typedef struct vb_route {
    const char *method; // "GET", which HEAD is too, or "POST"
    const char *path;   // "/media/{id}"
    vb_work work;
    void (*answer)(vb_server *server, vb_exchange *x);
} vb_route;

// The route of a path, with what stands for {id} in `id`; NULL where there is none, and then
// *allowed is the method that the path has, NULL for no such path.
const vb_route *vb_route_find(const char **allowed, char id[VB_EXCHANGE_ID],
                              const char *method, const char *path);

#endif // VB_SERVE_ROUTES_H
