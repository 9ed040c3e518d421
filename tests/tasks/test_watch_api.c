// test_watch_api.c - a stream through the exported function: each picture is encoded once, and
// what callers get wrong is refused.
#include "support/api_fixture.h"
#include "vblip_watch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define CLIP VB_GOLDEN "/video/clip00.mp4"

enum { TEXTS = 2 };

static const char *const texts[TEXTS] = {"a dog runs on the beach", "a red car"};

typedef struct watched {
    uint32_t began, events, stop_after;
    vblip_event last[TEXTS];
    bool pictured;
} watched;

static int on_event(void *user, const vblip_event *event)
{
    watched *w = user;
    assert_string_equal(event->path, "-");
    assert_true(event->start_us >= 0 && event->end_us > event->start_us);
    assert_true(event->score == event->itm_logits[1] + event->itc);
    w->pictured = event->picture && event->picture_size > 100 &&
                  memcmp(event->picture, "\xff\xd8", 2) == 0;
    w->last[event->text] = *event;
    return ++w->events == w->stop_after;
}

static void on_begin(void *user, const char *path)
{
    assert_string_equal(path, "-");
    ((watched *)user)->began++;
}

static void use_stdin(const char *path)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0 && dup2(file, STDIN_FILENO) == STDIN_FILENO);
    close(file);
}

static int keep_row(void *user, const vblip_match_row *row)
{
    ((vblip_match_row *)user)[row->text] = *row;
    return 0;
}

// Four pictures of one window say what a clip of these four says.
static void test_standard_input(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", 0);
    vblip_error err;
    watched w = {0};
    const vblip_job job = {.frames = 4};
    const vblip_watch_options options = {
        .job = &job, .window_us = 86400000000, .picture_width = 64, .began = on_begin};
    use_stdin(CLIP);
    const vblip_counts before = vblip_model_counts(model);
    api_ok(vblip_watch_stream(model, "-", texts, TEXTS, &options, on_event, &w, &err),
           &err);
    const vblip_counts after = vblip_model_counts(model);
    assert_int_equal(w.began, 1);
    assert_int_equal(w.events, TEXTS); // min_p 0: all
    assert_true(w.pictured);
    assert_int_equal(after.frames_encoded - before.frames_encoded,
                     1); // the first alone
    // ... which is what the file shows first
    vblip_match_row rows[TEXTS] = {0};
    vblip_clip *clip = NULL;
    const vblip_clip_options first = {.frames = 1, .end_us = 1};
    api_ok(vblip_clip_open(&clip, model, CLIP, &first, &err), &err);
    api_ok(vblip_clip_match(clip, texts, TEXTS, NULL, keep_row, rows, &err), &err);
    for (uint32_t i = 0; i < TEXTS; i++) {
        assert_true(w.last[i].itc == rows[i].itc);
        assert_memory_equal(w.last[i].itm_logits, rows[i].itm_logits,
                            sizeof rows[i].itm_logits);
    }
    vblip_clip_close(&clip);
    // stopped by the caller
    w = (watched){.stop_after = 1};
    use_stdin(CLIP);
    api_refused(vblip_watch_stream(model, "-", texts, TEXTS, NULL, on_event, &w, &err),
                VBLIP_ERR_CANCELLED, &err, "stopped by the caller");
    assert_int_equal(w.events, 1);
    vblip_model_free(&model);
}

static void test_misuse(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", 0);
    watched w = {0};
    static const struct {
        const char *address;
        vblip_watch_options options;
        vblip_status status;
        const char *words;
    } rows[] = {
        {NULL, {0}, VBLIP_ERR_ARGUMENT, "address: missing"},
        {"clip.mp4", {0}, VBLIP_ERR_ARGUMENT, "clip.mp4: no stream of that kind"},
        {"file:///x", {0}, VBLIP_ERR_ARGUMENT, "file:///x: no stream of that kind"},
        {"-", {.window_us = 1}, VBLIP_ERR_ARGUMENT, "window: 1 us, expected 100000 to"},
        {"-", {.window_us = -1}, VBLIP_ERR_ARGUMENT, "window: -1 us"},
        {"-", {.min_p = 2}, VBLIP_ERR_ARGUMENT, "min_p: 2, expected 0 to 1"},
        {"-", {.picture_width = 17}, VBLIP_ERR_ARGUMENT, "width: 17 pixels"},
        {"-", {.size = 2}, VBLIP_ERR_ARGUMENT, "watch options: size 2"},
        {"http://u:secret@127.0.0.1:1/x",
         {0},
         VBLIP_ERR_IO,
         "http://127.0.0.1:1/x: Connection refused"},
    };
    vblip_error err;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        api_refused(vblip_watch_stream(model, rows[i].address, texts, TEXTS,
                                       &rows[i].options, on_event, &w, &err),
                    rows[i].status, &err, rows[i].words);
    }
    api_refused(vblip_watch_stream(NULL, "-", texts, TEXTS, NULL, on_event, &w, &err),
                VBLIP_ERR_ARGUMENT, &err, "model: missing");
    api_refused(vblip_watch_stream(model, "-", texts, 0, NULL, on_event, &w, &err),
                VBLIP_ERR_ARGUMENT, &err, "texts");
    api_refused(vblip_watch_stream(model, "-", texts, TEXTS, NULL, NULL, &w, &err),
                VBLIP_ERR_ARGUMENT, &err, "fn: missing");
    vblip_model *captioner = api_load("tiny-caption", 0);
    api_refused(
        vblip_watch_stream(captioner, "-", texts, TEXTS, NULL, on_event, &w, &err),
        VBLIP_ERR_UNSUPPORTED, &err, "");
    assert_int_equal(w.events, 0);
    vblip_model_free(&captioner);
    vblip_model_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standard_input),
        cmocka_unit_test(test_misuse),
    };
    return cmocka_run_group_tests(tests, api_setup, api_teardown);
}
