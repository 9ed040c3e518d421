#include "serve/media.h"

#include "base/file.h"
#include "page/api.h"
#include "page/app.h"
#include "page/icon.h"
#include "page/index.h"
#include "page/style.h"
#include "serve/range.h"
#include "serve/routes.h"
#include "serve/served_index.h"
#include "vblip_export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

// ------------------------------------------------------------------------------ the page

typedef struct page_file {
    const char *path, *type;
    const unsigned char *bytes;
    size_t size;
} page_file;

#define PAGE(path, type, name)                                                         \
    {                                                                                  \
        path, type, name, sizeof(name)                                                 \
    }
static const page_file page[] = {
    PAGE("/", "text/html; charset=utf-8", vb_page_index),
    PAGE("/style.css", "text/css; charset=utf-8", vb_page_style),
    PAGE("/app.js", "text/javascript; charset=utf-8", vb_page_app),
    PAGE("/icon.svg", "image/svg+xml", vb_page_icon),
    PAGE("/openapi.json", "application/json", vb_page_api),
};

void vb_answer_page(vb_server *server, vb_exchange *x)
{
    (void)server;
    for (size_t i = 0; i < sizeof page / sizeof *page; i++) {
        if (strcmp(page[i].path, x->route->path) != 0)
            continue;
        x->status = 200;
        x->type = page[i].type;
        x->kept = "no-cache";
        vb_string_append(&x->out, (const char *)page[i].bytes, page[i].size);
    }
}

void vb_answer_status(vb_server *server, vb_exchange *x)
{
    x->status = 200;
    x->type = "application/json";
    vb_served_index_status(server, &x->out);
}

void vb_answer_recordings(vb_server *server, vb_exchange *x)
{
    x->status = 200;
    x->type = "application/json";
    vb_recordings_list(server->recordings, &x->out, x->query.offset, x->query.limit);
}

// ---------------------------------------------------------------------------- recordings

static const char *media_type(const char *path)
{
    static const struct {
        const char *extension, *type;
    } types[] = {
        {"mp4", "video/mp4"},       {"m4v", "video/mp4"},
        {"mov", "video/mp4"}, // as players of browsers take it
        {"webm", "video/webm"},     {"mkv", "video/x-matroska"},
        {"avi", "video/x-msvideo"}, {"ts", "video/mp2t"},
        {"mts", "video/mp2t"},      {"m2ts", "video/mp2t"},
        {"mpg", "video/mpeg"},      {"mpeg", "video/mpeg"},
        {"ogv", "video/ogg"},       {"gif", "image/gif"},
        {"jpg", "image/jpeg"},      {"jpeg", "image/jpeg"},
        {"png", "image/png"},       {"webp", "image/webp"},
        {"bmp", "image/bmp"},
    };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(dot + 1, types[i].extension) == 0)
            return types[i].type;
    return "application/octet-stream";
}

// Opens what is a regular file. False: answered.
static bool open_media(vb_exchange *x, const char *path, struct stat *st)
{
    char reason[VB_REASON];
    x->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (x->fd < 0) {
        vb_exchange_refuse(x, 404, "recording: %s", vb_errno_reason(reason, errno));
        return false;
    }
    if (fstat(x->fd, st) == 0 && S_ISREG(st->st_mode))
        return true;
    vb_exchange_refuse(x, 404, "recording: not a file any more");
    close(x->fd);
    x->fd = -1;
    return false;
}

void vb_answer_media(vb_server *server, vb_exchange *x)
{
    struct stat st;
    vb_string path = {0};
    if (!vb_recordings_path(server->recordings, &path, x->id))
        vb_exchange_refuse(x, 404, "recording: %s is none of this index", x->id);
    else if (!path.failed && open_media(x, path.bytes, &st)) {
        x->size = (uint64_t)st.st_size;
        snprintf(x->tag, sizeof x->tag, "\"%llx-%llx\"", (unsigned long long)st.st_size,
                 (unsigned long long)st.st_mtim.tv_sec * 1000000000u +
                     (unsigned long long)st.st_mtim.tv_nsec);
        const bool other = x->if_range[0] && strcmp(x->if_range, x->tag) != 0;
        const vb_range range =
            vb_range_read(x->range[0] && !other ? x->range : NULL, x->size);
        x->status = range.kind == VB_RANGE_PART ? 206 : 200;
        x->type = media_type(path.bytes);
        x->kept = "private, no-cache";
        x->from = range.first;
        x->count = range.count;
        if (range.kind == VB_RANGE_BEYOND) {
            close(x->fd);
            x->fd = -1;
            vb_exchange_refuse(x, 416, "Range: begins behind the end, at %llu",
                               (unsigned long long)x->size);
        }
    }
    vb_string_free(&path);
}

// Whether the reader has the picture already; answers 304 then.
static bool is_picture_known(vb_exchange *x, const char *path)
{
    vb_file_facts file;
    vblip_error gone = {0}; // decoding it says so
    if (vb_file_look(&file, path, &gone) != VBLIP_OK)
        return false;
    snprintf(x->tag, sizeof x->tag, "\"%llx-%llx-%.3f-%.0f\"",
             (unsigned long long)file.size, (unsigned long long)file.modified_ns,
             x->query.time_s, x->query.width);
    x->kept = "private, no-cache";
    x->status = 304;
    return strcmp(x->if_none_match, x->tag) == 0;
}

static vblip_status make_picture(vb_exchange *x, const char *path, vblip_error *err)
{
    uint8_t *bytes;
    uint64_t size;
    VB_TRY(vblip_thumbnail(&bytes, &size, path, (int64_t)(x->query.time_s * 1e6),
                           (uint32_t)x->query.width & ~1u, err));
    vb_string_append(&x->out, (const char *)bytes, (size_t)size);
    free(bytes);
    x->status = 200;
    x->type = "image/jpeg";
    return VBLIP_OK;
}

void vb_answer_thumbnail(vb_server *server, vb_exchange *x)
{
    vb_string path = {0};
    vblip_error err = {0};
    if (!vb_recordings_path(server->recordings, &path, x->id) || path.failed) {
        vb_exchange_refuse(x, 404, "recording: %s is none of this index", x->id);
    } else if (!is_picture_known(x, path.bytes)) {
        const vblip_status status = make_picture(x, path.bytes, &err);
        if (status != VBLIP_OK) {
            x->tag[0] = '\0';
            vb_exchange_fail(x, status, &err);
        }
    }
    vb_string_free(&path);
}
