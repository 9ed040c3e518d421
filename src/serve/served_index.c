#include "serve/served_index.h"

#include "base/timing.h"
#include "output/json_out.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const double LEAST_BETWEEN_S = 2; // that it is opened anew
static const double MOST_SHARE = 10;     // and so many times as long as that takes

static void set_updating(vb_updating *u, bool running)
{
    pthread_mutex_lock(&u->mutex);
    u->running = running;
    u->done = u->total = 0;
    u->seconds_left = -1;
    u->path[0] = '\0';
    pthread_mutex_unlock(&u->mutex);
}

typedef struct index_facts {
    vb_server *server;
    uint32_t seen;
    bool failed; // memory ran out
} index_facts;

// Of one index: its path and root are kept, and its totals told.
static int take_facts(void *user, const vblip_index_info *info)
{
    index_facts *facts = user;
    vb_served_index *s = &facts->server->answering.index;
    vb_updating *u = &facts->server->updating;
    if (facts->seen++)
        return 0;
    char *path = strdup(info->path), *root = strdup(info->root);
    if (!path || !root) {
        free(path);
        free(root);
        return facts->failed = true;
    }
    free(s->path);
    free(s->root);
    s->path = path;
    s->root = root;
    pthread_mutex_lock(&u->mutex);
    vb_string_clear(&u->described);
    vb_string_puts(&u->described, "{\"root\":");
    vb_json_put_string(&u->described, root, strlen(root));
    vb_string_appendf(
        &u->described,
        ",\"recordings\":%llu,\"failed\":%llu,\"segments\":%llu,\"bytes\":%llu}",
        (unsigned long long)info->recordings, (unsigned long long)info->failed,
        (unsigned long long)info->segments, (unsigned long long)info->bytes);
    pthread_mutex_unlock(&u->mutex);
    return 0;
}

static void stamp_file(int64_t out[2], const char *path, const char *suffix)
{
    vb_string name = {0};
    struct stat st;
    out[0] = out[1] = 0;
    vb_string_appendf(&name, "%s%s", path, suffix);
    if (!name.failed && stat(name.bytes, &st) == 0) {
        out[0] = (int64_t)st.st_size;
        out[1] = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    }
    vb_string_free(&name);
}

// When the index and its write-ahead log were written to.
static void stamp_index(int64_t out[4], const char *path)
{
    stamp_file(out, path, "");
    stamp_file(out + 2, path, "-wal");
}

static vblip_status open_served(vb_server *server, vblip_library **out,
                                vblip_error *err)
{
    static const char *const none[] = {NULL};
    vb_served_index *s = &server->answering.index;
    vblip_library_options options = server->options->indexing;
    index_facts facts = {.server = server};
    options.index = s->path;
    options.rebuild = false;
    if (!server->nothing)
        VB_TRY(vblip_inputs_open(&server->nothing, none, 0, NULL, err));
    VB_TRY(vblip_library_open(out, server->options->model, server->nothing, &options,
                              err));
    const vblip_status status = vblip_index_describe(s->path, take_facts, &facts, err);
    if (facts.failed)
        return vb_fail_memory(err, "index");
    return status == VBLIP_OK
               ? vb_recordings_read(server->recordings, s->path, s->root, err)
               : status;
}

static vblip_status open_anew(vb_server *server, vblip_error *err)
{
    vb_served_index *s = &server->answering.index;
    vblip_library *opened = NULL;
    const double began_s = vb_now_s();
    const vblip_status status = open_served(server, &opened, err);
    if (status == VBLIP_OK) {
        vblip_library_close(&s->searched);
        s->searched = opened;
    } else {
        vblip_library_close(&opened);
    }
    s->changed = false; // what cannot be opened is tried again when it changes again
    s->opened_s = vb_now_s();
    s->opening_s = s->opened_s - began_s;
    stamp_index(s->stamp, s->path);
    return status;
}

void vb_served_index_refresh(vb_server *server)
{
    vb_served_index *s = &server->answering.index;
    int64_t now[4];
    vblip_error kept = {0};
    const double since_s = vb_now_s() - s->opened_s;
    if (since_s < LEAST_BETWEEN_S || since_s < MOST_SHARE * s->opening_s)
        return;
    stamp_index(now, s->path);
    if ((s->changed || memcmp(now, s->stamp, sizeof now) != 0) &&
        open_anew(server, &kept) != VBLIP_OK)
        server->options->note(server->options->user, kept.message);
}

// Makes the index if it is not there, and finds where it is.
static vblip_status open_for_writing(vb_server *server, vblip_error *err)
{
    const vb_serve_options *o = server->options;
    vb_served_index *s = &server->answering.index;
    index_facts facts = {.server = server};
    vblip_library_options options = o->indexing;
    options.write = true;
    VB_TRY(vblip_library_open(&s->writing, o->model, o->inputs, &options, err));
    VB_TRY(vblip_library_describe(s->writing, take_facts, &facts, err));
    if (facts.failed)
        return vb_fail_memory(err, "index");
    if (facts.seen != 1)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "%u indexes, expected one: name a file for all of it (--index "
                       "FILE)",
                       (unsigned)facts.seen);
    return VBLIP_OK;
}

vblip_status vb_served_index_open(vb_server *server, vblip_error *err)
{
    const vb_serve_options *o = server->options;
    vb_served_index *s = &server->answering.index;
    if (o->inputs && vblip_inputs_count(o->inputs)) {
        VB_TRY(open_for_writing(server, err));
        set_updating(&server->updating, true);
        return open_anew(server, err);
    }
    if (!o->indexing.index)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "nothing to serve: no PATH, and no --index FILE");
    s->path = strdup(o->indexing.index);
    return s->path ? open_anew(server, err) : vb_fail_memory(err, "index");
}

void vb_served_index_close(vb_server *server)
{
    vb_served_index *s = &server->answering.index;
    vblip_library_close(&s->searched);
    vblip_library_close(&s->writing);
    vblip_inputs_close(&server->nothing);
    free(s->path);
    free(s->root);
    *s = (vb_served_index){0};
}

// -------------------------------------------------------------------- brought up to date

static int on_update_failure(void *user, const vblip_failure *failure)
{
    vb_server *server = user;
    vb_updating *u = &server->updating;
    (void)failure;
    pthread_mutex_lock(&u->mutex);
    u->failed++;
    pthread_mutex_unlock(&u->mutex);
    return 0;
}

static int on_update_progress(void *user, const vblip_progress *progress)
{
    vb_server *server = user;
    vb_updating *u = &server->updating;
    pthread_mutex_lock(&u->mutex);
    const size_t size = strnlen(progress->path, sizeof u->path - 1);
    if (strncmp(u->path, progress->path, size + 1) != 0)
        server->answering.index.changed = true;
    memcpy(u->path, progress->path, size);
    u->path[size] = '\0';
    u->done = progress->done;
    u->total = progress->total;
    u->seconds_left = progress->seconds_left;
    pthread_mutex_unlock(&u->mutex);
    server->pause(server);
    return vb_queue_is_shut(server->queue);
}

vblip_status vb_served_index_update(vb_server *server, vblip_error *err)
{
    vb_served_index *s = &server->answering.index;
    if (!s->writing)
        return VBLIP_OK;
    const vblip_job job = {
        .failed = on_update_failure,
        .progress = on_update_progress,
        .user = server,
        .frames = server->options->indexing.frames,
    };
    set_updating(&server->updating, true);
    const vblip_status status = vblip_library_update(s->writing, &job, NULL, err);
    set_updating(&server->updating, false);
    vblip_library_close(&s->writing);
    s->changed = true;
    return status;
}

// ------------------------------------------------------------------------------- status

static void put_updating(vb_string *out, const vb_updating *u)
{
    if (!u->running) {
        vb_string_puts(out, "null");
        return;
    }
    vb_string_puts(out, "{\"path\":");
    vb_json_put_string(out, u->path, strlen(u->path));
    vb_string_appendf(out, ",\"done\":%llu,\"total\":%llu,\"failed\":%llu",
                      (unsigned long long)u->done, (unsigned long long)u->total,
                      (unsigned long long)u->failed);
    vb_string_puts(out, ",\"seconds_left\":");
    if (u->seconds_left < 0)
        vb_string_puts(out, "null");
    else
        vb_json_put_real(out, u->seconds_left);
    vb_string_putc(out, '}');
}

void vb_served_index_status(vb_server *server, vb_string *out)
{
    const vb_serve_options *o = server->options;
    vb_updating *u = &server->updating;
    vb_string_appendf(out, "{\"version\":\"%s\",\"model\":", vblip_version());
    vb_json_put_string(out, o->name, strlen(o->name));
    vb_string_appendf(out, ",\"demo\":%s", o->demo ? "true" : "false");
    vb_string_puts(out, ",\"device\":");
    vb_json_put_string(out, o->device, strlen(o->device));
    vb_string_appendf(out, ",\"asks\":%s,\"captions\":%s,\"matches\":%s",
                      o->asks ? "true" : "false", o->captions ? "true" : "false",
                      o->matches ? "true" : "false");
    pthread_mutex_lock(&u->mutex);
    vb_string_puts(out, ",\"index\":");
    vb_string_append(out, u->described.bytes, u->described.size);
    vb_string_puts(out, ",\"indexing\":");
    put_updating(out, u);
    pthread_mutex_unlock(&u->mutex);
    vb_string_puts(out, "}\n");
}
