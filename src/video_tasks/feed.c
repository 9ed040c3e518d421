#include "video_tasks/feed.h"

#include "base/timing.h"
#include "video_tasks/job.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FEED_ASK_MS = 50, MOST_NOTICES = 8, SCALER_PADDING = 64 };

// A picture that is kept. libswscale may write a little behind rows.
typedef struct feed_slot {
    uint8_t *rgb, *small;
    vb_picture picture;
    bool first;
    double came_s;
} feed_slot;

struct vb_feed {
    vb_stream_source source;
    char *address;
    vb_stream_options options;
    size_t rgb_bytes, small_bytes;
    uint32_t capacity;
    double keep_s, idle_s;

    // Of the thread that reads.
    vb_stream *stream;
    vb_stream_pace pace;
    feed_slot scratch;
    double lost_s;      // when; 0 = it is not
    double connected_s; // when
    double wait_s;      // before the next attempt
    bool first;         // no picture of this connection came so far

    atomic_bool stop;
    pthread_t thread;
    pthread_mutex_t lock;  // guards what follows
    pthread_cond_t change; // of any of it
    feed_slot *slots;      // [capacity], a ring
    uint32_t begin, count;
    bool live; // what was read last
    uint64_t left_out;
    char notices[MOST_NOTICES][VB_FEED_WORDS];
    uint32_t notice_count;
    bool done; // nothing more comes
    vblip_status status;
    vblip_error error;
    bool abandoned; // who reads frees it all
};

vb_stream_source vb_stream_source_of_addresses(void)
{
    return (vb_stream_source){
        .open = vb_stream_open,
        .close = vb_stream_close,
        .is_live = vb_stream_is_live,
        .read = vb_stream_read,
        .least_wait_s = 1,
        .most_wait_s = 30,
    };
}

static void feed_free(vb_feed *f)
{
    for (uint32_t i = 0; f->slots && i < f->capacity; i++) {
        free(f->slots[i].rgb);
        free(f->slots[i].small);
    }
    free(f->slots);
    free(f->scratch.rgb);
    free(f->scratch.small);
    free(f->address);
    pthread_cond_destroy(&f->change);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

// Waits for a change, not for long.
static void feed_wait(vb_feed *f)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += FEED_ASK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&f->change, &f->lock, &until);
}

// ------------------------------------------------------------------ the thread that reads

static int feed_stopped(void *feed)
{
    return atomic_load(&((vb_feed *)feed)->stop);
}

static void feed_say(vb_feed *f, const char *words)
{
    pthread_mutex_lock(&f->lock);
    if (f->notice_count == MOST_NOTICES)
        memmove(f->notices[0], f->notices[1], sizeof f->notices[0] * --f->notice_count);
    snprintf(f->notices[f->notice_count++], VB_FEED_WORDS, "%s", words);
    pthread_cond_broadcast(&f->change);
    pthread_mutex_unlock(&f->lock);
}

static void swap_slots(feed_slot *a, feed_slot *b)
{
    const feed_slot kept = *a;
    *a = *b;
    *b = kept;
}

// Keeps the picture in f->scratch.
static void feed_keep(vb_feed *f)
{
    const bool live = f->source.is_live(f->stream);
    const double now_s = f->scratch.came_s = vb_now_s();
    pthread_mutex_lock(&f->lock);
    f->live = live;
    while (!live && f->count == f->capacity && !feed_stopped(f))
        feed_wait(f);
    while (f->count && (f->count == f->capacity ||
                        (live && f->slots[f->begin].came_s + f->keep_s < now_s))) {
        f->begin = (f->begin + 1) % f->capacity;
        f->count--;
        f->left_out++;
    }
    swap_slots(&f->slots[(f->begin + f->count++) % f->capacity], &f->scratch);
    pthread_cond_broadcast(&f->change);
    pthread_mutex_unlock(&f->lock);
}

static void feed_came_back(vb_feed *f)
{
    char words[VB_FEED_WORDS];
    if (f->lost_s > 0) {
        snprintf(words, sizeof words, "back after %.0f s", vb_now_s() - f->lost_s);
        feed_say(f, words);
    }
    f->lost_s = 0;
}

// Reads pictures until the stream ends, or fails.
static vblip_status feed_pictures(vb_feed *f, vblip_error *err)
{
    for (;;) {
        bool ended = false;
        feed_slot *slot = &f->scratch;
        VB_TRY(f->source.read(f->stream, &f->pace, slot->rgb, slot->small,
                              &slot->picture, &ended, err));
        if (ended)
            return VBLIP_OK;
        if (feed_stopped(f))
            return vb_fail_cancelled(err);
        if (f->first)
            feed_came_back(f);
        slot->first = f->first;
        f->first = false;
        feed_keep(f);
    }
}

static vblip_status feed_connect(vb_feed *f, vblip_error *err)
{
    VB_TRY(f->source.open(&f->stream, f->address, &f->options, err));
    vb_live_clock_reconnect(&f->pace.clock);
    f->connected_s = vb_now_s();
    f->first = true;
    return VBLIP_OK;
}

// It is lost because of `why`: says so once, and sets how long to wait. One that held for
// long begins anew with short waits.
static void feed_lose(vb_feed *f, const vblip_error *why)
{
    const double now_s = vb_now_s();
    char words[VB_FEED_WORDS];
    if (f->wait_s <= 0 || (!f->first && now_s - f->connected_s > f->source.most_wait_s))
        f->wait_s = f->source.least_wait_s;
    if (f->lost_s > 0)
        return;
    f->lost_s = now_s;
    snprintf(words, sizeof words, "lost: %.160s; tried again until it is back",
             why->message);
    feed_say(f, words);
}

static vblip_status feed_connect_again(vb_feed *f, vblip_error *err)
{
    for (;;) {
        const double until_s = vb_now_s() + f->wait_s;
        while (vb_now_s() < until_s && !feed_stopped(f))
            nanosleep(&(struct timespec){.tv_nsec = 10 * 1000000L}, NULL);
        if (feed_stopped(f))
            return vb_fail_cancelled(err);
        f->wait_s *= 2;
        if (f->wait_s > f->source.most_wait_s)
            f->wait_s = f->source.most_wait_s;
        vblip_error why = {0};
        const vblip_status status = feed_connect(f, &why);
        if (status == VBLIP_OK)
            return VBLIP_OK;
        if (status == VBLIP_ERR_CANCELLED)
            return vb_fail_cancelled(err);
    }
}

static vblip_status feed_read(vb_feed *f, vblip_error *err)
{
    VB_TRY(feed_connect(f, err));
    for (;;) {
        vblip_error why = {0};
        const vblip_status status = feed_pictures(f, &why);
        const bool ever = f->pace.clock.started;
        const bool live = f->source.is_live(f->stream);
        f->source.close(&f->stream);
        if (status == VBLIP_OK)
            return VBLIP_OK;
        if (!live || !ever || status == VBLIP_ERR_CANCELLED)
            return vb_fail(err, status, "%s", why.message);
        feed_lose(f, &why);
        VB_TRY(feed_connect_again(f, err));
    }
}

static void *feed_run(void *user)
{
    vb_feed *f = user;
    vblip_error err = {0};
    const vblip_status status = feed_read(f, &err);
    pthread_mutex_lock(&f->lock);
    f->done = true;
    f->status = status;
    f->error = err;
    const bool abandoned = f->abandoned;
    pthread_cond_broadcast(&f->change);
    pthread_mutex_unlock(&f->lock);
    if (abandoned)
        feed_free(f);
    return NULL;
}

// --------------------------------------------------------------------- the one that looks

static bool slot_make(feed_slot *slot, const vb_feed *f)
{
    slot->rgb = malloc(f->rgb_bytes + SCALER_PADDING);
    slot->small = f->small_bytes ? malloc(f->small_bytes + SCALER_PADDING) : NULL;
    return slot->rgb && (slot->small || !f->small_bytes);
}

static bool feed_allocate(vb_feed *f, const vb_feed_plan *plan)
{
    const uint32_t side = plan->stream.side, small = plan->stream.small_side;
    f->rgb_bytes = (size_t)side * side * 3;
    f->small_bytes = (size_t)small * small * 3;
    f->capacity = plan->capacity;
    f->keep_s = plan->keep_s;
    f->idle_s = plan->idle_s;
    f->address = strdup(plan->address);
    f->slots = calloc(f->capacity, sizeof *f->slots);
    bool made = f->address && f->slots && slot_make(&f->scratch, f);
    for (uint32_t i = 0; made && i < f->capacity; i++)
        made = slot_make(&f->slots[i], f);
    return made;
}

// Signals stay with the program's own threads.
static bool feed_start(vb_feed *f)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = pthread_create(&f->thread, NULL, feed_run, f) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

vblip_status vb_feed_open(vb_feed **out, const vb_feed_plan *plan, vblip_error *err)
{
    *out = NULL;
    vb_feed *f = calloc(1, sizeof *f);
    if (!f)
        return vb_fail_memory(err, "stream");
    f->source = *plan->source;
    f->options = plan->stream;
    f->options.stopped = feed_stopped;
    f->options.stopped_user = f;
    atomic_init(&f->stop, false);
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->change, NULL);
    if (!feed_allocate(f, plan) || !feed_start(f)) {
        feed_free(f);
        return vb_fail_memory(err, "stream");
    }
    *out = f;
    return VBLIP_OK;
}

void vb_feed_close(vb_feed **feed)
{
    vb_feed *f = *feed;
    if (!f)
        return;
    const double until_s = vb_now_s() + 1;
    atomic_store(&f->stop, true);
    pthread_mutex_lock(&f->lock);
    pthread_cond_broadcast(&f->change);
    while (!f->done && vb_now_s() < until_s)
        feed_wait(f);
    f->abandoned = !f->done;
    const bool abandoned = f->abandoned;
    const pthread_t thread = f->thread;
    pthread_mutex_unlock(&f->lock);
    if (abandoned) {
        pthread_detach(thread);
    } else {
        pthread_join(thread, NULL);
        feed_free(f);
    }
    *feed = NULL;
}

static void take_notice(vb_feed *f, vb_feed_item *out)
{
    out->kind = VB_FEED_NOTICE;
    memcpy(out->notice, f->notices[0], VB_FEED_WORDS);
    memmove(f->notices[0], f->notices[1], sizeof f->notices[0] * --f->notice_count);
}

static void take_picture(vb_feed *f, uint8_t *rgb, uint8_t *small, vb_feed_item *out)
{
    const feed_slot *slot = &f->slots[f->begin];
    out->kind = VB_FEED_PICTURE;
    out->picture = slot->picture;
    out->first = slot->first;
    memcpy(rgb, slot->rgb, f->rgb_bytes);
    if (f->small_bytes)
        memcpy(small, slot->small, f->small_bytes);
    f->begin = (f->begin + 1) % f->capacity;
    f->count--;
    pthread_cond_broadcast(&f->change);
}

// False while nothing is there.
static bool feed_take(vb_feed *f, uint8_t *rgb, uint8_t *small, vb_feed_item *out)
{
    out->left_out = f->left_out;
    if (f->notice_count)
        take_notice(f, out);
    else if (f->count)
        take_picture(f, rgb, small, out);
    else if (f->done)
        *out = (vb_feed_item){.kind = VB_FEED_END, .end_us = f->pace.end_us};
    else
        return false;
    return true;
}

vblip_status vb_feed_next(vb_feed *feed, vb_halt *halt, uint8_t *rgb, uint8_t *small,
                          vb_feed_item *out, vblip_error *err)
{
    vb_feed *f = feed;
    vblip_status status = VBLIP_OK;
    const double until_s = vb_now_s() + f->idle_s;
    *out = (vb_feed_item){0};
    for (bool taken = false; !taken && status == VBLIP_OK;) {
        if (vb_halt_asked(halt))
            return vb_fail_cancelled(err);
        pthread_mutex_lock(&f->lock);
        taken = feed_take(f, rgb, small, out);
        if (!taken && f->live && vb_now_s() > until_s) {
            taken = true;
            out->kind = VB_FEED_IDLE;
        } else if (!taken)
            feed_wait(f);
        else if (out->kind == VB_FEED_END && f->status != VBLIP_OK)
            status = vb_fail(err, f->status, "%s", f->error.message);
        pthread_mutex_unlock(&f->lock);
    }
    return status;
}
