// watch.c - the exported function about streams.
#include "vblip_watch.h"

#include "api/objects.h"
#include "base/address.h"
#include "export/thumbnail.h"
#include "video_tasks/watching.h"

#include <stdlib.h>
#include <string.h>

enum { WATCH_FRAMES = 8, WATCH_ASKED = 8 };
static const int64_t least_window_us = 100000,
                     most_window_us = INT64_C(86400) * 1000000;

typedef struct event_caller {
    vblip_event_fn fn;
    void *user;
    void (*began)(void *user, const char *path);
    const char *shown;
    uint32_t width; // of pictures
} event_caller;

static void call_began(void *user)
{
    const event_caller *c = user;
    if (c->began)
        c->began(c->user, c->shown);
}

static vblip_status call_event(void *user, const vb_sighting *sighting,
                               vblip_error *err)
{
    const event_caller *c = user;
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (c->width)
        VB_TRY(vb_thumbnail_encode(&bytes, &size, sighting->small, c->width,
                                   sighting->picture.width, sighting->picture.height,
                                   err));
    const vblip_event event = {
        .text = sighting->text,
        .path = c->shown,
        .start_us = sighting->start_us,
        .end_us = sighting->end_us,
        .score = sighting->logits[1] + sighting->itc,
        .itc = sighting->itc,
        .itm_logits = {sighting->logits[0], sighting->logits[1]},
        .p_match = sighting->p_match,
        .picture = bytes,
        .picture_size = size,
    };
    const int stop = c->fn(c->user, &event);
    free(bytes);
    return stop ? vb_fail(err, VBLIP_ERR_CANCELLED, "stopped by the caller") : VBLIP_OK;
}

static vblip_status check_watch_options(const vblip_watch_options *o, vblip_error *err)
{
    if (o->window_us &&
        (o->window_us < least_window_us || o->window_us > most_window_us))
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "window: %lld us, expected %lld to %lld",
                       (long long)o->window_us, (long long)least_window_us,
                       (long long)most_window_us);
    if (!(o->min_p >= 0 && o->min_p <= 1))
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "min_p: %g, expected 0 to 1",
                       (double)o->min_p);
    return o->picture_width ? vb_thumbnail_check_width(o->picture_width, err)
                            : VBLIP_OK;
}

static vblip_status check_watch(const char *address, const char *const *texts,
                                uint32_t count, const vblip_watch_options *o,
                                vblip_error *err)
{
    VB_TRY(vb_need(address != NULL, "address", err));
    if (strcmp(address, "-") != 0)
        VB_TRY(vb_address_check(address, err));
    VB_TRY(vb_check_texts(texts, count, "texts", err));
    return check_watch_options(o, err);
}

// Watches with the model that `s` was set up with.
static vblip_status watch_set_up(vb_setup *s, const vblip_model *model, vb_watch *watch,
                                 vblip_error *err)
{
    const vb_stream_source source = vb_stream_source_of_addresses();
    watch->task = &s->task;
    watch->source = &source;
    VB_TRY(
        vb_calibration_choose(&s->task.calibration, model, watch->frames, false, err));
    const vblip_status status = vb_task_watch(watch, err);
    if (status != VBLIP_OK && status != VBLIP_ERR_CANCELLED)
        vb_error_subject(err, watch->shown);
    return status;
}

vblip_status vblip_watch_stream(vblip_model *model, const char *address,
                                const char *const *texts, uint32_t count,
                                const vblip_watch_options *options, vblip_event_fn fn,
                                void *user, vblip_error *err)
{
    vblip_watch_options o;
    vb_setup s;
    vb_error_reset(err);
    VB_TRY(vb_take_options(&o, sizeof o, options, "watch", err));
    VB_TRY(vb_take_job(&s.job, &o.job, err));
    VB_TRY(vb_need(model != NULL, "model", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    VB_TRY(check_watch(address, texts, count, &o, err));
    VB_TRY(vb_check_task(model, VBLIP_TASK_RETRIEVAL, o.job, err));
    vb_set_up_model(&s, model);
    vb_string shown = {0};
    if (!vb_address_show(&shown, address)) {
        vb_string_free(&shown);
        return vb_fail_memory(err, "address");
    }
    event_caller caller = {fn, user, o.began, shown.bytes, o.picture_width};
    const uint32_t frames = o.job->frames ? o.job->frames : WATCH_FRAMES;
    vb_watch watch = {
        .job = o.job,
        .address = address,
        .shown = shown.bytes,
        .texts = texts,
        .count = count,
        .frames = frames,
        .window_us = o.window_us ? o.window_us : (int64_t)frames * 1000000,
        .most_asked = o.rerank ? o.rerank : WATCH_ASKED,
        .min_p = o.min_p,
        .small_side = o.picture_width,
        .began = call_began,
        .fn = call_event,
        .user = &caller,
    };
    const vblip_status status = watch_set_up(&s, model, &watch, err);
    vb_string_free(&shown);
    return status;
}
