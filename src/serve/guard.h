// guard.h - which requests are answered: those of the people the server is for, and not those
// that another site makes their browser send.
//
// A page of another site can send requests to a server on the reader's own machine, and can
// give its name any address (DNS rebinding). So the name that a browser believes to talk to
// must be one of this machine, and what it says of the page that asks must be this one.
#ifndef VB_SERVE_GUARD_H
#define VB_SERVE_GUARD_H

#include <stdbool.h>
#include <stdint.h>

typedef struct vb_guard {
    const char *token; // that requests must have; NULL = none
    uint16_t port;
    const char *address; // that is listened on, as numbers; NULL = not known
    bool any_host;       // reached by names that are not known here: only with a token
} vb_guard;

// What a request says of itself. NULL: nothing.
typedef struct vb_credentials {
    const char *host, *origin;
    const char *site;          // Sec-Fetch-Site
    const char *authorization; // "Bearer TOKEN"
    const char *cookie;
    bool opens_page; // GET / may be come to from anywhere
} vb_credentials;

// 0 where it is answered, else the status: 400, 401 or 403, with the reason in `why`.
unsigned vb_guard_check(const char **why, const vb_guard *guard,
                        const vb_credentials *given);

// Whether `given` is the token; takes as long for any text of its length.
bool vb_guard_is_token(const vb_guard *guard, const char *given);

#endif // VB_SERVE_GUARD_H
