#include "base/address.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const schemes[] = {
    "http",  "https", "rtmp", "rtmps", "rtp", "rtsp",
    "rtsps", "srt",   "tcp",  "tls",   "udp",
};

// Bytes in front of "://"; 0 = it is no address.
static size_t scheme_size(const char *text)
{
    const size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
    return strncmp(text + size, "://", 3) == 0 ? size : 0;
}

bool vb_is_address(const char *text)
{
    return scheme_size(text) > 0;
}

// Whether `host`, `size` bytes, is that, or one with a port. A password that holds a '/' makes
// it look shorter than it is.
static bool is_host(const char *host, size_t size)
{
    const char *bracket = memchr(host, ']', size);
    const char *from = host[0] == '[' && bracket ? bracket : host;
    const char *colon = memchr(from, ':', size - (size_t)(from - host));
    const size_t port = colon ? size - (size_t)(colon + 1 - host) : 0;
    return !colon || strspn(colon + 1, "0123456789") >= port;
}

// Where in `rest`, what follows "://", the host begins.
static size_t user_size(const char *rest)
{
    const size_t size = strcspn(rest, "/?#");
    size_t at = 0;
    for (size_t i = 0; i < size; i++)
        if (rest[i] == '@')
            at = i + 1;
    const char *last = strrchr(rest, '@');
    return !at && last && !is_host(rest, size) ? (size_t)(last + 1 - rest) : at;
}

bool vb_address_show(vb_string *out, const char *address)
{
    const size_t scheme = scheme_size(address);
    const size_t head = scheme ? scheme + 3 : 0;
    const size_t user = scheme ? user_size(address + head) : 0;
    vb_string_append(out, address, head);
    return vb_string_puts(out, address + head + user);
}

static bool is_read(const char *address)
{
    const size_t size = scheme_size(address);
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strlen(schemes[i]) == size && strncasecmp(address, schemes[i], size) == 0)
            return true;
    return false;
}

vblip_status vb_address_check(const char *address, vblip_error *err)
{
    vb_string shown = {0}, list = {0};
    if (is_read(address))
        return VBLIP_OK;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        vb_string_appendf(&list, "%s%s", i ? ", " : "", schemes[i]);
    const vblip_status status =
        vb_address_show(&shown, address) && !list.failed
            ? vb_fail(err, VBLIP_ERR_ARGUMENT,
                      "%.200s: no stream of that kind is read; allowed: %s",
                      shown.bytes, list.bytes)
            : vb_fail_memory(err, "address");
    vb_string_free(&shown);
    vb_string_free(&list);
    return status;
}
