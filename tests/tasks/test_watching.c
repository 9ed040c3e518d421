// test_watching.c - streams that come, fall silent and come back, and what is told of them.
#include "base/timing.h"
#include "support/fakes.h"
#include "video_tasks/alerts.h"
#include "video_tasks/watching.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

// -------------------------------------------------------------------------- alerts

static void test_moments(void **state)
{
    (void)state;
    // Windows of 8 s: f is found, - is not; T: it is told.
    static const char *const rows[][2] = {
        {"ffff", "T..."},     {"f-f", "T.."},           {"f--f", "T..T"},
        {"-f-f-f", ".T...."}, {"f---f--f", "T...T..T"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vb_alert alert = {0};
        for (size_t k = 0; rows[i][0][k]; k++) {
            const vb_window window = {(int64_t)k * 8000000, (int64_t)(k + 1) * 8000000};
            bool told = false;
            if (rows[i][0][k] == 'f')
                told = vb_alert_found(&alert, &window, 16000000);
            else
                vb_alert_missed(&alert, 0.1f);
            assert_int_equal(told, rows[i][1][k] == 'T');
        }
    }
}

static void test_who_is_asked_about(void **state)
{
    (void)state;
    enum { TEXTS = 5 };
    const vb_window early = {0, 8000000}, window = {8000000, 16000000};
    const float before[TEXTS] = {0.9f, 0.5f, 0.1f, 0.3f, 0.2f};
    vb_alert alerts[TEXTS] = {0};
    uint32_t order[TEXTS];
    assert_int_equal(
        vb_alerts_choose(order, alerts, before, TEXTS, 2, &early, 16000000), 2);
    assert_int_equal(order[0], 0); // nothing is usual yet
    assert_int_equal(order[1], 1);
    for (uint32_t i = 0; i < TEXTS; i++)
        vb_alert_missed(&alerts[i], before[i]);
    const float now[TEXTS] = {0.91f, 0.5f, 0.4f, 0.25f, 0.4f};
    assert_int_equal(vb_alerts_choose(order, alerts, now, TEXTS, 2, &window, 16000000),
                     2);
    assert_int_equal(order[0], 2); // 0.3 above
    assert_int_equal(order[1], 4); // 0.2
    vb_alert_found(&alerts[3], &early, 16000000);
    assert_int_equal(vb_alerts_choose(order, alerts, now, TEXTS, 1, &window, 16000000),
                     2);
    assert_int_equal(order[0], 3); // goes on
    assert_int_equal(order[1], 2);
    assert_int_equal(vb_alerts_choose(order, alerts, now, TEXTS, 99, &window, 16000000),
                     TEXTS);
}

// ---------------------------------------------------------------------- made-up streams

typedef struct fake_connection {
    const char *refused; // why it does not open; NULL: it does
    const char *clips;   // a picture a second, each of a clip: "aab"
    const char *lost;    // how it fails behind them; NULL: it ends
    bool hangs;          // behind them, until it is stopped
} fake_connection;

struct vb_stream {
    const fake_connection *connection;
    vb_stream_options options;
    uint32_t next;
};

static const fake_connection *connections;
static uint32_t connection_count;
static atomic_uint connection_next, pictures_given;
static bool fake_live;
static long pace_ms;  // of a picture
static double deaf_s; // a stream that hangs does not hear for so long

static vblip_status fake_open(vb_stream **out, const char *address,
                              const vb_stream_options *options, vblip_error *err)
{
    (void)address;
    const uint32_t at = atomic_fetch_add(&connection_next, 1);
    const fake_connection *c =
        &connections[at < connection_count ? at : connection_count - 1];
    *out = NULL;
    if (c->refused)
        return vb_fail(err, VBLIP_ERR_IO, "%s", c->refused);
    *out = calloc(1, sizeof **out);
    **out = (vb_stream){c, *options, 0};
    return VBLIP_OK;
}

static void fake_close(vb_stream **stream)
{
    free(*stream);
    *stream = NULL;
}

static bool fake_is_live(const vb_stream *stream)
{
    (void)stream;
    return fake_live;
}

static vblip_status fake_hang(const vb_stream *s, vblip_error *err)
{
    const double until_s = vb_now_s() + deaf_s;
    while (vb_now_s() < until_s || !s->options.stopped(s->options.stopped_user))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return vb_fail(err, VBLIP_ERR_CANCELLED, "stopped");
}

static vblip_status fake_read(vb_stream *s, vb_stream_pace *pace, uint8_t *rgb,
                              uint8_t *small, vb_picture *out, bool *ended,
                              vblip_error *err)
{
    const uint32_t at = s->next++, side = s->options.side;
    const fake_connection *c = s->connection;
    *out = (vb_picture){0};
    *ended = false;
    if (!c->clips[at]) {
        if (c->hangs)
            return fake_hang(s, err);
        *ended = !c->lost;
        return c->lost ? vb_fail(err, VBLIP_ERR_IO, "%s", c->lost) : VBLIP_OK;
    }
    const vb_live_tick tick = {(int64_t)at * 1000000, VB_NO_TIME, 1000000};
    const uint8_t pixel[] = {(uint8_t)(c->clips[at] - 'a'), (uint8_t)at, 0};
    for (uint32_t i = 0; i < side * side; i++)
        memcpy(rgb + (size_t)3 * i, pixel, 3);
    if (s->options.small_side)
        memset(small, c->clips[at],
               (size_t)s->options.small_side * s->options.small_side * 3);
    nanosleep(&(struct timespec){.tv_nsec = pace_ms * 1000000}, NULL);
    *out = (vb_picture){vb_live_clock_step(&pace->clock, &tick), 4, 3};
    pace->end_us = out->time_us + 500000; // the last one is short
    atomic_fetch_add(&pictures_given, 1);
    return VBLIP_OK;
}

static const vb_stream_source fake_source = {fake_open, fake_close, fake_is_live,
                                             fake_read, 0.01,       0.05};

static void use_connections(const fake_connection *list, uint32_t count, bool live)
{
    connections = list;
    connection_count = count;
    atomic_store(&connection_next, 0);
    atomic_store(&pictures_given, 0);
    fake_live = live;
    pace_ms = 0;
    deaf_s = 0;
}

// -------------------------------------------------------------------------- watching

enum { A = 0, B = 1, WATCHED = 2 }; // "0" is in clip a, "1" in clip b

typedef struct watch_log {
    char told[512], warned[512];
    uint32_t began, count, stop_after;
} watch_log;

static vblip_status on_sighting(void *user, const vb_sighting *sighting,
                                vblip_error *err)
{
    watch_log *log = user;
    const size_t at = strlen(log->told);
    snprintf(log->told + at, sizeof log->told - at, "%u %.1f-%.1f %c;", sighting->text,
             (double)sighting->start_us * 1e-6, (double)sighting->end_us * 1e-6,
             sighting->small ? sighting->small[0] : '.');
    return ++log->count == log->stop_after ? vb_fail(err, VBLIP_ERR_CANCELLED, "enough")
                                           : VBLIP_OK;
}

static void on_warned(void *user, const vblip_failure *failure)
{
    watch_log *log = user;
    const size_t at = strlen(log->warned);
    assert_string_equal(failure->path, "shown");
    snprintf(log->warned + at, sizeof log->warned - at, "%s;", failure->message);
}

static void on_began(void *user)
{
    ((watch_log *)user)->began++;
}

static vblip_status (*fake_encode)(vb_model *model, vb_visual *visual,
                                   const vb_frame *frames, uint32_t count,
                                   uint32_t batch, float *itc, vblip_error *err);

// The fake model wants frames that have the numbers that their pixels say.
static vblip_status encode_numbered(vb_model *model, vb_visual *visual,
                                    const vb_frame *frames, uint32_t count,
                                    uint32_t batch, float *itc, vblip_error *err)
{
    vb_frame numbered[FAKE_MAX_FRAMES];
    for (uint32_t i = 0; i < count; i++) {
        numbered[i] = frames[i];
        numbered[i].index = frames[i].rgb[1];
    }
    return fake_encode(model, visual, numbered, count, batch, itc, err);
}

static vblip_status watch_fakes(watch_log *log, uint32_t small_side, vblip_error *err)
{
    static const char *const texts[] = {"0", "1"};
    static float degrees[256];
    static fake_world world;
    fake_world_make(&world, 3, 1);
    for (uint32_t text = 0; text < WATCHED; text++)
        for (uint32_t clip = 0; clip < 3; clip++) {
            world.model.itc[text][clip] = text == clip ? 0.5f : 0.1f;
            world.model.logit[text][clip] = text == clip ? 2.0f : -2.0f;
        }
    world.model.may_mix = true; // the first frame counts
    world.model.degrees = degrees;
    const vb_task task = fake_task(&world, true);
    fake_encode = world.ops.encode;
    world.ops.encode = encode_numbered;
    const vblip_job job = {.warned = on_warned, .user = log};
    const vb_watch watch = {
        .task = &task,
        .job = &job,
        .source = &fake_source,
        .address = "real",
        .shown = "shown",
        .texts = texts,
        .count = WATCHED,
        .frames = 2,
        .window_us = 2000000,
        .most_asked = 8,
        .min_p = 0.5f,
        .small_side = small_side,
        .began = on_began,
        .fn = on_sighting,
        .user = log,
    };
    const vblip_status status = vb_task_watch(&watch, err);
    assert_int_equal(world.model.live, 0);
    return status;
}

static void test_windows(void **state)
{
    (void)state;
    static const struct {
        const char *clips, *told;
    } rows[] = {
        {"ccaaaabbcc", "0 2.0-4.0 a;1 6.0-8.0 b;"},
        {"a", "0 0.0-0.5 a;"}, // ends when the stream does
        {"ccb", "1 2.0-2.5 b;"},
        {"aaccaa", "0 0.0-2.0 a;"}, // one moment
        {"aaccccaa", "0 0.0-2.0 a;0 6.0-8.0 a;"},
        {"cccc", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const fake_connection connection = {.clips = rows[i].clips};
        watch_log log = {0};
        vblip_error err = {0};
        use_connections(&connection, 1, false);
        assert_int_equal(watch_fakes(&log, 8, &err), VBLIP_OK);
        assert_string_equal(log.told, rows[i].told);
        assert_string_equal(log.warned, "");
        assert_int_equal(log.began, 1);
    }
}

static void test_lost_and_back(void **state)
{
    (void)state;
    static const fake_connection list[] = {
        {.clips = "aac", .lost = "broken"},
        {.refused = "no"},
        {.refused = "no"},
        {.clips = "", .lost = "at once"},
        {.clips = "bb", .lost = "again"},
        {.clips = "ccccccaa", .hangs = true},
    };
    watch_log log = {.stop_after = 3};
    vblip_error err = {0};
    use_connections(list, 6, true);
    pace_ms = 30; // so that none is left out
    assert_int_equal(watch_fakes(&log, 0, &err), VBLIP_ERR_CANCELLED);
    // A connection begins a window; times go on.
    assert_string_equal(log.told, "0 0.0-2.0 .;1 3.0-5.0 .;0 11.0-13.0 .;");
    assert_string_equal(log.warned, "lost: broken; tried again until it is back;"
                                    "back after 0 s;"
                                    "lost: again; tried again until it is back;"
                                    "back after 0 s;");
}

// What a window holds is searched when nothing more comes for as long as it lasts.
static void test_silence(void **state)
{
    (void)state;
    static const fake_connection connection = {.clips = "cca", .hangs = true};
    watch_log log = {.stop_after = 1};
    vblip_error err = {0};
    use_connections(&connection, 1, true);
    assert_int_equal(watch_fakes(&log, 0, &err), VBLIP_ERR_CANCELLED);
    assert_string_equal(log.told, "0 2.0-3.0 .;");
}

static void test_what_ends_it(void **state)
{
    (void)state;
    static const struct {
        fake_connection connection;
        bool live;
        vblip_status status;
        const char *message;
    } rows[] = {
        {{.refused = "no route"}, true, VBLIP_ERR_IO, "no route"},
        {{.clips = "", .lost = "no picture"}, true, VBLIP_ERR_IO, "no picture"},
        {{.clips = "cc", .lost = "damaged"}, false, VBLIP_ERR_IO, "damaged"},
        {{.clips = "cc"}, true, VBLIP_OK, ""}, // a source that says so itself
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        watch_log log = {0};
        vblip_error err = {0};
        use_connections(&rows[i].connection, 1, rows[i].live);
        assert_int_equal(watch_fakes(&log, 0, &err), rows[i].status);
        assert_string_equal(err.message, rows[i].message);
    }
}

// ------------------------------------------------------------------------------ feed

static vb_feed *open_feed(double keep_s)
{
    const vb_feed_plan plan = {
        .source = &fake_source,
        .address = "real",
        .stream = {.side = FAKE_SIDE, .every_us = 1000000},
        .capacity = 4,
        .keep_s = keep_s,
        .idle_s = 1000,
    };
    vb_feed *feed;
    vblip_error err = {0};
    assert_int_equal(vb_feed_open(&feed, &plan, &err), VBLIP_OK);
    return feed;
}

static void wait_for_pictures(uint32_t count)
{
    for (uint32_t i = 0; i < 5000 && atomic_load(&pictures_given) < count; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_int_equal(atomic_load(&pictures_given), count);
    nanosleep(&(struct timespec){.tv_nsec = 50 * 1000000}, NULL); // until it is kept
}

static void test_who_is_slow(void **state)
{
    (void)state;
    static const fake_connection connection = {.clips = "aaaaaaaaaaaaaaaaaaaa",
                                               .hangs = true};
    for (int live = 0; live < 2; live++) {
        uint8_t rgb[FAKE_SIDE * FAKE_SIDE * 3];
        vb_feed_item item;
        vblip_error err = {0};
        use_connections(&connection, 1, live);
        vb_feed *feed = open_feed(1000);
        wait_for_pictures(live ? 20 : 5); // four are kept, and one is at hand
        for (uint32_t i = live ? 16 : 0; i < 20; i++) {
            assert_int_equal(vb_feed_next(feed, NULL, rgb, NULL, &item, &err),
                             VBLIP_OK);
            assert_int_equal(item.kind, VB_FEED_PICTURE);
            assert_int_equal(rgb[1], i);
            assert_int_equal(item.left_out, live ? 16 : 0);
        }
        vb_feed_close(&feed);
        assert_null(feed);
    }
}

static void test_what_is_old(void **state)
{
    (void)state;
    static const fake_connection connection = {.clips = "aaa", .hangs = true};
    uint8_t rgb[FAKE_SIDE * FAKE_SIDE * 3];
    vb_feed_item item;
    vblip_error err = {0};
    use_connections(&connection, 1, true);
    pace_ms = 100;
    vb_feed *feed = open_feed(0.05);
    wait_for_pictures(3);
    assert_int_equal(vb_feed_next(feed, NULL, rgb, NULL, &item, &err), VBLIP_OK);
    assert_int_equal(rgb[1], 2);
    assert_int_equal(item.left_out, 2);
    vb_feed_close(&feed);
}

static int always(void *user)
{
    (void)user;
    return 1;
}

static void test_stopping(void **state)
{
    (void)state;
    static const fake_connection connection = {.clips = "a", .hangs = true};
    uint8_t rgb[FAKE_SIDE * FAKE_SIDE * 3];
    vb_feed_item item;
    vblip_error err = {0};
    vb_halt halt;
    use_connections(&connection, 1, true);
    vb_feed *feed = open_feed(1000);
    wait_for_pictures(1);
    vb_halt_start(&halt, always, NULL);
    assert_int_equal(vb_feed_next(feed, &halt, rgb, NULL, &item, &err),
                     VBLIP_ERR_CANCELLED);
    double began_s = vb_now_s();
    vb_feed_close(&feed);
    assert_true(vb_now_s() - began_s < 0.5);
    // One that does not hear is left to itself.
    use_connections(&connection, 1, true);
    deaf_s = 1.5;
    feed = open_feed(1000);
    wait_for_pictures(1);
    began_s = vb_now_s();
    vb_feed_close(&feed);
    assert_true(vb_now_s() - began_s < 1.4);
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL); // until it has freed what it held
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments),     cmocka_unit_test(test_who_is_asked_about),
        cmocka_unit_test(test_windows),     cmocka_unit_test(test_lost_and_back),
        cmocka_unit_test(test_silence),     cmocka_unit_test(test_what_ends_it),
        cmocka_unit_test(test_who_is_slow), cmocka_unit_test(test_what_is_old),
        cmocka_unit_test(test_stopping),
    };
    return cmocka_run_group_tests_name("watching", tests, NULL, NULL);
}
