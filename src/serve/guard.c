#include "serve/guard.h"

#include "serve/serve.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool ends_with_port(const char *rest, uint16_t port)
{
    char *end;
    if (*rest == '\0')
        return port == 80;
    if (*rest != ':' || rest[1] < '0' || rest[1] > '9')
        return false;
    return strtoul(rest + 1, &end, 10) == port && *end == '\0';
}

// localhost, 127.0.0.1, [::1] or the address itself, with this port.
static bool is_own_host(const vb_guard *guard, const char *host)
{
    const char *const names[] = {"localhost", "127.0.0.1", "[::1]", guard->address};
    for (size_t i = 0; i < sizeof names / sizeof *names && names[i]; i++) {
        const size_t size = strlen(names[i]);
        if (strncasecmp(host, names[i], size) == 0 &&
            ends_with_port(host + size, guard->port))
            return true;
    }
    return false;
}

static bool is_same_origin(const char *origin, const char *host)
{
    const char *name = strncasecmp(origin, "http://", 7) == 0    ? origin + 7
                       : strncasecmp(origin, "https://", 8) == 0 ? origin + 8
                                                                 : NULL;
    return name && strcasecmp(name, host) == 0;
}

bool vb_guard_is_token(const vb_guard *guard, const char *given)
{
    const size_t size = strlen(guard->token);
    if (!given || strlen(given) != size)
        return false;
    unsigned char differ = 0;
    for (size_t i = 0; i < size; i++)
        differ |= (unsigned char)(guard->token[i] ^ given[i]);
    return differ == 0;
}

// The value of our cookie among "a=1; vblip_token=...; b=2", compared in place.
static bool has_cookie(const vb_guard *guard, const char *cookie)
{
    static const char name[] = VB_TOKEN_COOKIE "=";
    char value[VB_MOST_TOKEN + 1];
    const char *at = cookie;
    while (at) {
        at += strspn(at, "; ");
        const size_t size = strcspn(at, ";");
        if (strncmp(at, name, sizeof name - 1) == 0 &&
            size - (sizeof name - 1) < sizeof value) {
            const size_t length = size - (sizeof name - 1);
            memcpy(value, at + sizeof name - 1, length);
            value[length] = '\0';
            if (vb_guard_is_token(guard, value))
                return true;
        }
        at = strchr(at, ';');
    }
    return false;
}

static bool is_known(const vb_guard *guard, const vb_credentials *given)
{
    static const char scheme[] = "Bearer ";
    const char *bearer = given->authorization;
    if (!guard->token)
        return true;
    if (bearer && strncasecmp(bearer, scheme, sizeof scheme - 1) == 0 &&
        vb_guard_is_token(guard, bearer + sizeof scheme - 1))
        return true;
    return has_cookie(guard, given->cookie);
}

unsigned vb_guard_check(const char **why, const vb_guard *guard,
                        const vb_credentials *given)
{
    *why = "";
    if (!given->host) {
        *why = "no Host header";
        return 400;
    }
    if (!guard->any_host && !is_own_host(guard, given->host)) {
        *why = "Host: not a name of this server; use localhost and its port";
        return 403;
    }
    if (given->origin && !is_same_origin(given->origin, given->host)) {
        *why = "Origin: another site";
        return 403;
    }
    const bool elsewhere = given->site && strcmp(given->site, "same-origin") != 0 &&
                           strcmp(given->site, "none") != 0;
    if (elsewhere && !given->opens_page) {
        *why = "Sec-Fetch-Site: another site";
        return 403;
    }
    if (!is_known(guard, given)) {
        *why = "a token is asked for: open the address that `vblip serve` printed";
        return 401;
    }
    return 0;
}
