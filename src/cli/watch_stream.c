#include "cli/watch_stream.h"

#include "base/address.h"
#include "base/file.h"
#include "base/segmenting.h"
#include "terminal/interrupt.h"
#include "vblip_watch.h"

#include <string.h>
#include <unistd.h>

typedef struct stream_watch {
    cli_session *session;
    cli_alarm *alarm;
    vb_string name; // for thumbnails
} stream_watch;

bool cli_watches_stream(const cli_args *args)
{
    const char *path = args->paths.items[0];
    return strcmp(path, "-") == 0 || (vb_is_address(path) && access(path, F_OK) != 0);
}

// How long a window is; 0 = as long as its frames make it.
static vblip_status window_length(int64_t *out, const cli_args *a, vblip_error *err)
{
    vb_segmenting how = {.rule = VB_SEGMENTS_AUTO};
    if (a->segment)
        VB_TRY(vb_segmenting_read(&how, a->segment, "--segment", err));
    *out = how.length_us;
    if (how.rule == VB_SEGMENTS_AUTO || how.rule == VB_SEGMENTS_LENGTH)
        return VBLIP_OK;
    return cli_misuse(err,
                      "--segment %s: a stream has no end to wait for; auto, or "
                      "seconds are allowed",
                      a->segment);
}

vblip_status cli_watch_stream_check(cli_session *s, vblip_error *err)
{
    const cli_args *a = s->args;
    const char *address = a->paths.items[0];
    const struct {
        bool given;
        const char *option;
    } of_files[] = {
        {a->watch_all, "--all"},         {a->include.count, "--include"},
        {a->exclude.count, "--exclude"}, {a->jobs, "--jobs"},
        {a->fail_fast, "--fail-fast"},
    };
    int64_t length_us;
    if (strcmp(address, "-") != 0)
        VB_TRY(vb_address_check(address, err));
    for (size_t i = 0; i < sizeof of_files / sizeof *of_files; i++)
        if (of_files[i].given)
            return cli_misuse(err,
                              "%s: only allowed with a DIRECTORY, not with a stream",
                              of_files[i].option);
    VB_TRY(window_length(&length_us, a, err));
    return a->thumbnails ? vb_make_folders(a->thumbnails, err) : VBLIP_OK;
}

// What files are called after the stream: the last name in its address, without what a server
// is told there; else its host.
static bool stream_name(vb_string *out, const char *shown)
{
    const char *rest = strstr(shown, "://");
    if (!rest)
        return vb_string_puts(out, "stdin");
    rest += 3;
    size_t size = strcspn(rest, "?#");
    while (size && rest[size - 1] == '/')
        size--;
    size_t from = size;
    while (from && rest[from - 1] != '/')
        from--;
    return vb_string_append(out, rest + from, size - from);
}

static int stream_on_event(void *user, const vblip_event *event)
{
    stream_watch *w = user;
    if (!w->name.size && !stream_name(&w->name, event->path))
        return 1;
    const cli_event told = {
        .alert = w->session->texts.items[event->text],
        .path = event->path,
        .name = w->name.bytes,
        .timed = true,
        .start_us = event->start_us,
        .end_us = event->end_us,
        .p_match = event->p_match,
        .itc = event->itc,
        .score = event->score,
        .picture = event->picture,
        .picture_size = event->picture_size,
    };
    return cli_alarm_tell(w->session, w->alarm, &told);
}

static void stream_on_begin(void *user, const char *path)
{
    cli_alarm_say_watching(((stream_watch *)user)->session, path);
}

vblip_status cli_watch_stream_run(cli_session *s, cli_alarm *alarm, vblip_error *err)
{
    const cli_args *a = s->args;
    const vblip_job job = cli_job(s);
    stream_watch watch = {.session = s, .alarm = alarm};
    vblip_watch_options options = {
        .job = &job,
        .rerank = a->rerank == CLI_NOT_GIVEN ? 0 : a->rerank,
        .min_p = a->min_p,
        .picture_width = a->thumbnails ? CLI_THUMBNAIL_WIDTH : 0,
        .began = stream_on_begin,
    };
    VB_TRY(window_length(&options.window_us, a, err));
    const vblip_status status = vblip_watch_stream(
        s->model, a->paths.items[0], (const char *const *)s->texts.items,
        s->texts.count, &options, stream_on_event, &watch, err);
    vb_string_free(&watch.name);
    return status;
}
