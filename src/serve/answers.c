#include "serve/answers.h"

#include "base/timing.h"
#include "output/json_out.h"
#include "serve/request.h"
#include "serve/routes.h"
#include "serve/served_index.h"

#include <string.h>

enum { DEFAULT_TOP = 24, QUESTIONS = 0, CAPTIONING = 1 };

static int64_t microseconds(double seconds)
{
    return (int64_t)(seconds * 1e6 + 0.5);
}

// The first request that is not what it should be is answered 400; NULL: read.
static bool read_request(vb_request *out, vb_exchange *x, vb_request_kind kind)
{
    vblip_error err = {0};
    if (vb_request_read(out, kind, x->body.size ? x->body.bytes : "", x->body.size,
                        &err) == VBLIP_OK)
        return true;
    vb_exchange_refuse(x, 400, "%s", err.message);
    vb_request_free(out);
    return false;
}

// Writes the path of a recording that a request names; answers 404 where there is none.
static bool find_recording(vb_server *server, vb_exchange *x, vb_string *path,
                           const char *id)
{
    if (vb_recordings_path(server->recordings, path, id) && !path->failed)
        return true;
    vb_exchange_refuse(x, 404, "recording: %.40s is none of this index", id);
    return false;
}

// The model for questions or captions, loaded when it is first asked for.
static vblip_status model_for(vblip_model **out, vb_server *server, int which,
                              vblip_error *err)
{
    static const uint32_t tasks[] = {VBLIP_TASK_VQA, VBLIP_TASK_CAPTION};
    const vb_serve_options *o = server->options;
    vblip_model **model = &server->answering.models[which];
    if (which == QUESTIONS ? !o->asks : !o->captions)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "%s: no model for %s", o->name,
                       which == QUESTIONS ? "questions" : "captions");
    if (!*model) {
        vblip_model_options options = o->model_options;
        options.tasks = tasks[which];
        VB_TRY(vblip_model_load(model, o->engine, &options, err));
    }
    *out = *model;
    return VBLIP_OK;
}

// ------------------------------------------------------------------------------ search

typedef struct hit_list {
    vb_server *server;
    vb_string *out;
    uint32_t count;
    bool then;
} hit_list;

static void put_member(vb_string *out, const char *name, double value)
{
    vb_string_appendf(out, ",\"%s\":", name);
    vb_json_put_real(out, value);
}

static void put_span(vb_string *out, const char *start, int64_t start_us,
                     const char *end, int64_t end_us)
{
    vb_string_appendf(out, ",\"%s\":", start);
    vb_json_put_time(out, start_us);
    vb_string_appendf(out, ",\"%s\":", end);
    vb_json_put_time(out, end_us);
}

static int put_hit(void *user, const vblip_hit *hit)
{
    hit_list *list = user;
    vb_string *out = list->out;
    char id[VB_RECORDING_ID];
    const char *path = vb_recordings_below(list->server->recordings, hit->path);
    vb_recording_id(id, path);
    vb_string_appendf(out, "%s{\"rank\":%u,\"recording\":\"%s\",\"path\":",
                      list->count++ ? "," : "", (unsigned)hit->rank, id);
    vb_json_put_string(out, path, strlen(path));
    vb_string_appendf(out, ",\"timed\":%s", hit->timed ? "true" : "false");
    put_span(out, "start", hit->start_us, "end", hit->end_us);
    if (list->then)
        put_span(out, "then_start", hit->then_start_us, "then_end", hit->then_end_us);
    put_member(out, "score", (double)hit->score);
    put_member(out, "itc", (double)hit->itc);
    if (hit->reranked)
        put_member(out, "p_match", (double)hit->p_match);
    else
        vb_string_puts(out, ",\"p_match\":null");
    vb_string_putc(out, '}');
    return 0;
}

static vblip_search_options search_of(const vb_request *r,
                                      const vblip_retrieve_options *retrieve,
                                      const vblip_example *example)
{
    return (vblip_search_options){
        .retrieve = retrieve,
        .examples = example,
        .example_count = r->like ? 1 : 0,
        .then = r->then,
        .within_us = r->then ? microseconds(r->within_s > 0 ? r->within_s : 60) : 0,
        .by_recording = r->by_recording,
        .same = (float)r->dedupe,
        .offset = (uint32_t)r->offset,
        .since_ns = (int64_t)(r->since_s * 1e9),
        .until_ns = (int64_t)(r->until_s * 1e9),
        .include = r->include.count ? r->include.items : NULL,
        .exclude = r->exclude.count ? r->exclude.items : NULL,
    };
}

// Searches, and writes {"hits": ...} to the answer.
static vblip_status search_with(vb_server *server, vb_exchange *x, const vb_request *r,
                                const vblip_example *example, vblip_error *err)
{
    const vb_serve_options *o = server->options;
    const double began_s = vb_now_s();
    vblip_error uncalibrated = {0};
    vblip_index_changes changes = {0};
    hit_list list = {.server = server, .out = &x->out, .then = r->then != NULL};
    const bool itc = !o->matches || r->like || r->rerank == 0;
    const vblip_retrieve_options retrieve = {
        .top = r->top > 0 ? (uint32_t)r->top : DEFAULT_TOP,
        .rerank = itc                                    ? -1
                  : r->rerank == (double)VB_REQUEST_AUTO ? VBLIP_RERANK_AUTO
                                                         : (int32_t)r->rerank,
        .min_p = itc ? 0 : (float)r->min_p,
    };
    const vblip_search_options options = search_of(r, &retrieve, example);
    const bool calibrated =
        !itc && vblip_model_calibration(o->model, o->indexing.frames, false,
                                        &uncalibrated) != NULL;
    vb_served_index_refresh(server);
    vb_string_puts(&x->out, "{\"hits\":[");
    VB_TRY(vblip_library_retrieve(server->answering.index.searched,
                                  r->query ? &r->query : NULL, r->query ? 1 : 0,
                                  &options, &changes, put_hit, &list, err));
    vb_string_appendf(&x->out, "],\"calibrated\":%s,\"passed_over\":%llu",
                      calibrated ? "true" : "false",
                      (unsigned long long)changes.passed_over);
    put_member(&x->out, "seconds", vb_now_s() - began_s);
    vb_string_puts(&x->out, "}\n");
    return VBLIP_OK;
}

// What was written becomes the answer, unless that failed.
static void answer_json(vb_exchange *x, vblip_status status, const vblip_error *err)
{
    if (status != VBLIP_OK) {
        vb_exchange_fail(x, status, err);
        return;
    }
    x->status = 200;
    x->type = "application/json";
    x->kept = "no-store";
}

void vb_answer_search(vb_server *server, vb_exchange *x)
{
    vb_request r;
    vb_string like = {0};
    vblip_error err = {0};
    if (!read_request(&r, x, VB_REQUEST_SEARCH))
        return;
    if (!r.like || find_recording(server, x, &like, r.like)) {
        const vblip_example example = {
            .path = like.bytes,
            .start_us = microseconds(r.start_s),
            .end_us = microseconds(r.end_s),
            .weight = 1,
        };
        answer_json(x, search_with(server, x, &r, &example, &err), &err);
    }
    vb_string_free(&like);
    vb_request_free(&r);
}

// ---------------------------------------------------------------------------- questions

static int put_answer(void *user, const vblip_answer *answer)
{
    vb_string *out = user;
    vb_string_puts(out, "{\"answer\":");
    vb_json_put_string(out, answer->text, strlen(answer->text));
    put_member(out, "score", (double)answer->score);
    vb_string_puts(out, ",\"ranked\":[");
    for (uint32_t i = 0; i < answer->ranked_count; i++) {
        vb_string_appendf(out, "%s{\"index\":%u", i ? "," : "",
                          (unsigned)answer->ranked[i].answer);
        put_member(out, "score", (double)answer->ranked[i].score);
        vb_string_putc(out, '}');
    }
    vb_string_puts(out, "]}\n");
    return 0;
}

static vblip_status open_moment(vblip_clip **out, vb_server *server, int which,
                                const char *path, const vb_request *r, vblip_error *err)
{
    vblip_model *model;
    const vblip_clip_options part = {
        .start_us = microseconds(r->start_s),
        .end_us = microseconds(r->end_s),
        .frames = which == QUESTIONS ? 16 : 8,
    };
    VB_TRY(model_for(&model, server, which, err));
    return vb_clip_cache_get(out, &server->answering.clips, model, path, &part, err);
}

static vblip_status ask_about_moment(vb_server *server, vb_exchange *x,
                                     const char *path, const vb_request *r,
                                     vblip_error *err)
{
    vblip_clip *clip;
    const vblip_ask_options options = {
        .answers = r->answers.count ? r->answers.items : NULL,
        .answer_count = r->answers.count,
    };
    VB_TRY(open_moment(&clip, server, QUESTIONS, path, r, err));
    return vblip_clip_ask(clip, &r->question, 1, &options, put_answer, &x->out, err);
}

void vb_answer_question(vb_server *server, vb_exchange *x)
{
    vb_request r;
    vb_string path = {0};
    vblip_error err = {0};
    if (!read_request(&r, x, VB_REQUEST_ASK))
        return;
    if (find_recording(server, x, &path, r.recording))
        answer_json(x, ask_about_moment(server, x, path.bytes, &r, &err), &err);
    vb_string_free(&path);
    vb_request_free(&r);
}

// ----------------------------------------------------------------------------- captions

typedef struct caption_list {
    vb_server *server;
    vb_exchange *x;
    vb_string data; // of one event
    uint32_t count;
    bool pauses; // others are answered in between
    vblip_error failed;
} caption_list;

// Others are answered. Non-zero: nobody wants to know any more.
static int pause_captions(caption_list *list)
{
    vb_server *server = list->server;
    server->pause(server);
    return vb_queue_is_shut(server->queue) || vb_exchange_is_left(list->x);
}

static int put_caption(void *user, const vblip_caption *caption)
{
    caption_list *list = user;
    vb_exchange *x = list->x;
    vb_string *out = x->wants_events ? &list->data : &x->out;
    if (x->wants_events)
        vb_string_clear(out);
    else if (list->count)
        vb_string_putc(out, ',');
    list->count++;
    vb_string_puts(out, "{\"caption\":");
    vb_json_put_string(out, caption->text, strlen(caption->text));
    put_span(out, "start", caption->start_us, "end", caption->end_us);
    put_member(out, "score", (double)caption->score);
    vb_string_putc(out, '}');
    if (x->wants_events && !vb_exchange_send(x, "caption", out))
        return 1;
    return list->pauses && pause_captions(list);
}

static int on_caption_progress(void *user, const vblip_progress *progress)
{
    (void)progress;
    return pause_captions(user);
}

static int on_caption_failure(void *user, const vblip_failure *failure)
{
    caption_list *list = user;
    return vb_fail(&list->failed, VBLIP_ERR_IO, "%s", failure->message) != VBLIP_OK;
}

// Captions of a whole recording.
static vblip_status caption_whole(caption_list *list, const char *path,
                                  const vb_request *r, vblip_error *err)
{
    vb_server *server = list->server;
    vblip_model *model;
    vblip_inputs *inputs = NULL;
    const vblip_job job = {
        .failed = on_caption_failure, .progress = on_caption_progress, .user = list};
    const vblip_caption_options options = {
        .job = &job,
        .every_us = microseconds(r->every_s),
        .shots = r->shots,
        .merge = !r->shots,
    };
    list->pauses = true;
    VB_TRY(model_for(&model, server, CAPTIONING, err));
    VB_TRY(vblip_inputs_open(&inputs, &path, 1, NULL, err));
    const vblip_status status =
        vblip_caption_inputs(model, inputs, &options, put_caption, list, err);
    vblip_inputs_close(&inputs);
    if (list->failed.status != VBLIP_OK) {
        *err = list->failed;
        return list->failed.status;
    }
    return status;
}

static vblip_status caption_moment(caption_list *list, const char *path,
                                   const vb_request *r, vblip_error *err)
{
    vblip_clip *clip;
    VB_TRY(open_moment(&clip, list->server, CAPTIONING, path, r, err));
    return vblip_clip_caption(clip, NULL, put_caption, list, err);
}

static vblip_status make_captions(caption_list *list, const char *path,
                                  const vb_request *r, vblip_error *err)
{
    vb_exchange *x = list->x;
    if (x->wants_events)
        vb_exchange_begin_stream(x);
    else
        vb_string_puts(&x->out, "{\"captions\":[");
    VB_TRY(r->end_s > 0 ? caption_moment(list, path, r, err)
                        : caption_whole(list, path, r, err));
    if (!x->wants_events)
        vb_string_puts(&x->out, "]}\n");
    return VBLIP_OK;
}

// The last event of a stream: how it ended.
static void end_stream(caption_list *list, vblip_status status, const vblip_error *err)
{
    vb_string_clear(&list->data);
    if (status == VBLIP_OK) {
        vb_string_appendf(&list->data, "{\"captions\":%u}", (unsigned)list->count);
    } else {
        vb_string_puts(&list->data, "{\"error\":");
        vb_json_put_string(&list->data, err->message, strlen(err->message));
        vb_string_putc(&list->data, '}');
    }
    (void)vb_exchange_send(list->x, status == VBLIP_OK ? "end" : "failure",
                           &list->data);
}

void vb_answer_captions(vb_server *server, vb_exchange *x)
{
    vb_request r;
    vb_string path = {0};
    vblip_error err = {0};
    caption_list list = {.server = server, .x = x};
    if (!read_request(&r, x, VB_REQUEST_CAPTIONS))
        return;
    if (find_recording(server, x, &path, r.recording)) {
        server->answering.in_captions = true;
        const vblip_status status = make_captions(&list, path.bytes, &r, &err);
        server->answering.in_captions = false;
        if (x->streams)
            end_stream(&list, status, &err);
        else
            answer_json(x, status, &err);
    }
    vb_string_free(&list.data);
    vb_string_free(&path);
    vb_request_free(&r);
}

// ------------------------------------------------------------------------------ serving

void vb_answers_serve(vb_server *server, unsigned wait_ms)
{
    unsigned kinds = 1u << VB_WORK_MODEL;
    if (!server->answering.in_captions)
        kinds |= 1u << VB_WORK_LONG;
    for (;;) {
        vb_exchange *x = vb_queue_take(server->queue, kinds, wait_ms);
        if (!x)
            return;
        if (!vb_exchange_is_left(x))
            x->route->answer(server, x);
        vb_exchange_end(x);
        vb_exchange_drop(x);
        wait_ms = 0;
    }
}

void vb_answers_close(vb_server *server)
{
    vb_clip_cache_free(&server->answering.clips);
    for (int i = 0; i < 2; i++)
        vblip_model_free(&server->answering.models[i]);
}
