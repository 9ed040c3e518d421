#include "serve/routes.h"

#include "serve/answers.h"
#include "serve/media.h"

#include <string.h>

static const vb_route routes[] = {
    {"GET", "/", VB_WORK_NONE, vb_answer_page},
    {"GET", "/style.css", VB_WORK_NONE, vb_answer_page},
    {"GET", "/app.js", VB_WORK_NONE, vb_answer_page},
    {"GET", "/icon.svg", VB_WORK_NONE, vb_answer_page},
    {"GET", "/openapi.json", VB_WORK_NONE, vb_answer_page},
    {"GET", "/api/status", VB_WORK_NONE, vb_answer_status},
    {"GET", "/api/recordings", VB_WORK_NONE, vb_answer_recordings},
    {"POST", "/api/search", VB_WORK_MODEL, vb_answer_search},
    {"POST", "/api/ask", VB_WORK_MODEL, vb_answer_question},
    {"POST", "/api/captions", VB_WORK_LONG, vb_answer_captions},
    {"GET", "/media/{id}", VB_WORK_NONE, vb_answer_media},
    {"GET", "/thumbnail/{id}", VB_WORK_FRAMES, vb_answer_thumbnail},
};

static bool is_hexadecimal(const char *text)
{
    return text[strspn(text, "0123456789abcdef")] == '\0';
}

// Whether `path` is that of the route; takes the {id} at its end.
static bool is_path_of(const vb_route *route, char id[VB_EXCHANGE_ID], const char *path)
{
    const char *brace = strchr(route->path, '{');
    if (!brace)
        return strcmp(route->path, path) == 0;
    const size_t before = (size_t)(brace - route->path);
    if (strncmp(route->path, path, before) != 0)
        return false;
    const char *rest = path + before;
    const size_t size = strlen(rest);
    if (size == 0 || size >= VB_EXCHANGE_ID || !is_hexadecimal(rest))
        return false;
    memcpy(id, rest, size + 1);
    return true;
}

const vb_route *vb_route_find(const char **allowed, char id[VB_EXCHANGE_ID],
                              const char *method, const char *path)
{
    *allowed = NULL;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!is_path_of(&routes[i], id, path))
            continue;
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
        *allowed = strcmp(routes[i].method, "GET") == 0 ? "GET, HEAD" : "POST";
    }
    return NULL;
}
