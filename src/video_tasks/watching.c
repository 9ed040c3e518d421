#include "video_tasks/watching.h"

#include "base/arena.h"
#include "base/timing.h"
#include "video_tasks/alerts.h"
#include "video_tasks/calibration.h"
#include "video_tasks/encoded.h"
#include "video_tasks/job.h"
#include "video_tasks/ranking.h"

#include <stdio.h>
#include <string.h>

enum {
    WINDOWS_KEPT = 4,  // that may come at once, as of a playlist
    WINDOWS_APART = 2, // that a text is not found in: then it is another moment
    SMALL_PADDING = 64 // bytes that may be read behind the last pixel
};

typedef struct watching {
    const vb_watch *w;
    int64_t every_us, apart_us;
    vb_feed *feed;
    vb_visual *visual;
    bool began;
    double searched_s; // how long the last window took
    bool slow;         // that it takes longer than windows come was said

    vb_arena arena;     // owns what follows
    vb_alert *alerts;   // [texts]
    float *text_itc;    // [texts, projection]
    float *itc;         // [texts], of the window
    float *mean;        // [projection], of the window
    float *frames_itc;  // [frames, projection]
    uint32_t *order;    // [texts], those that ITM is asked about
    const char **asked; // [texts]
    float (*logits)[2]; // [texts]

    // The window that is filled; one more frame is behind it for what comes after it.
    uint8_t *rgb, *small; // [frames + 1, side, side, 3]
    vb_frame *frames;     // [frames + 1]
    vb_picture *pictures; // [frames + 1]
    uint32_t count;
} watching;

static size_t square_bytes(uint32_t side)
{
    return (size_t)side * side * 3;
}

static vblip_status watching_allocate(watching *s, vblip_error *err)
{
    const vb_watch *w = s->w;
    const uint32_t side = w->task->ops->side, width = w->task->ops->projection;
    const uint32_t frames = w->frames + 1;
    s->alerts = VB_ARENA_NEW(&s->arena, vb_alert, w->count);
    s->text_itc = VB_ARENA_NEW(&s->arena, float, (size_t)w->count *width);
    s->itc = VB_ARENA_NEW(&s->arena, float, w->count);
    s->mean = VB_ARENA_NEW(&s->arena, float, width);
    s->frames_itc = VB_ARENA_NEW(&s->arena, float, (size_t)frames *width);
    s->order = VB_ARENA_NEW(&s->arena, uint32_t, w->count);
    s->asked = VB_ARENA_NEW(&s->arena, const char *, w->count);
    s->logits = vb_arena_alloc(&s->arena, w->count, sizeof *s->logits);
    s->rgb = vb_arena_alloc(&s->arena, frames, square_bytes(side));
    s->small =
        vb_arena_alloc(&s->arena, frames, square_bytes(w->small_side) + SMALL_PADDING);
    s->frames = VB_ARENA_NEW(&s->arena, vb_frame, frames);
    s->pictures = VB_ARENA_NEW(&s->arena, vb_picture, frames);
    if (!s->alerts || !s->text_itc || !s->itc || !s->mean || !s->frames_itc ||
        !s->order || !s->asked || !s->logits || !s->rgb || !s->small || !s->frames ||
        !s->pictures)
        return vb_fail_memory(err, "windows");
    for (uint32_t i = 0; i < frames; i++)
        s->frames[i] = (vb_frame){
            .rgb = s->rgb + i * square_bytes(side), .side = side, .index = i};
    return VBLIP_OK;
}

static uint8_t *small_at(const watching *s, uint32_t frame)
{
    return s->small + frame * square_bytes(s->w->small_side);
}

// -------------------------------------------------------------------------- a window

// The frame that is most like the text.
static vblip_status best_frame(uint32_t *out, watching *s, uint32_t text,
                               vblip_error *err)
{
    const vb_model_ops *ops = s->w->task->ops;
    const float *itc = s->text_itc + (size_t)text * ops->projection;
    float best = -2.0f;
    *out = 0;
    VB_TRY(ops->frames_itc(ops->model, s->visual, s->frames_itc, err));
    for (uint32_t i = 0; i < s->count; i++) {
        const float like =
            vb_dot(itc, s->frames_itc + (size_t)i * ops->projection, ops->projection);
        if (like > best) {
            best = like;
            *out = i;
        }
    }
    return VBLIP_OK;
}

static vblip_status tell_sighting(watching *s, const vb_window *window, uint32_t text,
                                  const float logits[2], vblip_error *err)
{
    const vb_watch *w = s->w;
    vb_sighting sighting = {
        .text = text,
        .start_us = window->start_us,
        .end_us = window->end_us,
        .itc = s->itc[text],
        .logits = {logits[0], logits[1]},
        .p_match = vb_match_probability(w->task->calibration, logits),
    };
    uint32_t frame = 0;
    if (w->small_side) {
        VB_TRY(best_frame(&frame, s, text, err));
        sighting.small = small_at(s, frame);
        sighting.picture = s->pictures[frame];
    }
    return w->fn(w->user, &sighting, err);
}

// What ITM says of the texts that are asked about; the others are not found.
static vblip_status watching_judge(watching *s, const vb_window *window, uint32_t asked,
                                   vblip_error *err)
{
    const vb_watch *w = s->w;
    uint32_t found = 0; // texts at the beginning of s->order
    for (uint32_t i = 0; i < asked; i++)
        if (vb_match_probability(w->task->calibration, s->logits[i]) >= w->min_p) {
            memcpy(s->logits[found], s->logits[i], sizeof *s->logits);
            s->order[found++] = s->order[i];
        }
    for (uint32_t text = 0; text < w->count; text++) {
        uint32_t at = 0;
        while (at < found && s->order[at] != text)
            at++;
        if (at == found)
            vb_alert_missed(&s->alerts[text], s->itc[text]);
        else if (vb_alert_found(&s->alerts[text], window, s->apart_us))
            VB_TRY(tell_sighting(s, window, text, s->logits[at], err));
    }
    return VBLIP_OK;
}

static vblip_status search_window(watching *s, const vb_window *window,
                                  vblip_error *err)
{
    const vb_watch *w = s->w;
    const vb_model_ops *ops = w->task->ops;
    VB_TRY(vb_encode_frames(w->task, s->visual, s->frames, s->count, w->job->batch,
                            s->mean, err));
    for (uint32_t i = 0; i < w->count; i++)
        s->itc[i] =
            vb_dot(s->text_itc + (size_t)i * ops->projection, s->mean, ops->projection);
    const uint32_t asked = vb_alerts_choose(s->order, s->alerts, s->itc, w->count,
                                            w->most_asked, window, s->apart_us);
    for (uint32_t i = 0; i < asked; i++)
        s->asked[i] = w->texts[s->order[i]];
    if (asked)
        VB_TRY(ops->itm(ops->model, s->visual, s->asked, asked, false, s->logits, err));
    return watching_judge(s, window, asked, err);
}

// Searches what the window holds, which ends at `limit_us` at the latest, and empties it.
static vblip_status end_window(watching *s, int64_t limit_us, vblip_error *err)
{
    if (!s->count)
        return VBLIP_OK;
    const double began_s = vb_now_s();
    const int64_t start_us = s->frames[0].time_us;
    const int64_t shown_us = s->frames[s->count - 1].time_us + s->every_us;
    const int64_t most_us = start_us + s->w->window_us;
    const int64_t end_us = shown_us < most_us ? shown_us : most_us;
    const vb_window window = {start_us, end_us < limit_us ? end_us : limit_us};
    const vblip_status status = search_window(s, &window, err);
    s->count = 0;
    s->searched_s = vb_now_s() - began_s;
    return status;
}

// ------------------------------------------------------------------------ the stream

static void say_slow(watching *s, uint64_t left_out)
{
    char words[VB_FEED_WORDS];
    if (s->slow || !left_out)
        return;
    s->slow = true;
    snprintf(
        words, sizeof words,
        "comes faster than it is searched: a window of %.3g s takes %.3g s, and the "
        "oldest of what comes meanwhile is left out; --frames, --segment and --device "
        "set how long it takes",
        (double)s->w->window_us * 1e-6, s->searched_s);
    vb_job_warned(s->w->job, 0, s->w->shown, words);
}

// Moves the frame behind the window to the beginning of the next one.
static void move_first(watching *s, uint32_t from)
{
    if (from == 0)
        return;
    memcpy(s->frames[0].rgb, s->frames[from].rgb, square_bytes(s->frames[0].side));
    memcpy(small_at(s, 0), small_at(s, from), square_bytes(s->w->small_side));
}

// A picture came, and lies behind the window.
static vblip_status take_frame(watching *s, const vb_feed_item *item, vblip_error *err)
{
    const vb_watch *w = s->w;
    const int64_t time_us = item->picture.time_us;
    const uint32_t behind = s->count;
    if (!s->began && w->began)
        w->began(w->user);
    s->began = true;
    say_slow(s, item->left_out);
    if (s->count && (item->first || time_us >= s->frames[0].time_us + w->window_us)) {
        VB_TRY(end_window(s, time_us, err));
        move_first(s, behind);
    }
    s->frames[s->count].time_us = time_us;
    s->pictures[s->count++] = item->picture;
    return s->count < w->frames ? VBLIP_OK : end_window(s, INT64_MAX, err);
}

static vblip_status watch_feed(watching *s, vblip_error *err)
{
    const vb_watch *w = s->w;
    for (;;) {
        vb_feed_item item;
        VB_TRY(vb_feed_next(s->feed, w->task->halt, s->frames[s->count].rgb,
                            small_at(s, s->count), &item, err));
        if (item.kind == VB_FEED_END)
            return end_window(s, item.end_us, err);
        if (item.kind == VB_FEED_NOTICE)
            vb_job_warned(w->job, 0, w->shown, item.notice);
        else if (item.kind == VB_FEED_IDLE)
            VB_TRY(end_window(s, INT64_MAX, err));
        else
            VB_TRY(take_frame(s, &item, err));
    }
}

static vblip_status watching_open(watching *s, vblip_error *err)
{
    const vb_watch *w = s->w;
    const vb_model_ops *ops = w->task->ops;
    const vb_feed_plan plan = {
        .source = w->source,
        .address = w->address,
        .stream =
            {
                .side = ops->side,
                .small_side = w->small_side,
                .every_us = s->every_us,
                .hwaccel = w->task->hwaccel,
            },
        .capacity = WINDOWS_KEPT * w->frames,
        .keep_s = (double)w->window_us * 1e-6,
        .idle_s = (double)w->window_us * 1e-6,
    };
    VB_TRY(watching_allocate(s, err));
    VB_TRY(vb_feed_open(&s->feed, &plan, err));
    VB_TRY(ops->text_itc(ops->model, w->texts, w->count, s->text_itc, err));
    return ops->visual_make(&s->visual, ops->model, err);
}

vblip_status vb_task_watch(const vb_watch *watch, vblip_error *err)
{
    watching s = {
        .w = watch,
        .every_us = watch->window_us / watch->frames,
        .apart_us = WINDOWS_APART * watch->window_us,
    };
    vblip_status status = watching_open(&s, err);
    if (status == VBLIP_OK)
        status = watch_feed(&s, err);
    vb_feed_close(&s.feed);
    watch->task->ops->visual_free(&s.visual);
    vb_arena_free(&s.arena);
    return status;
}
