// test_clip.c - a clip is decoded and encoded once, whatever is asked of it, and says what
// its file would say; frames in memory say what the same frames of a file say.
#include "decode/decode.h"
#include "support/api_fixture.h"
#include "vblip_lab.h"
#include "vblip_library.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CLIP VB_GOLDEN "/video/clip00.mp4"

enum { TEXTS = 2, FRAMES = 8, SIDE = 64 };

static const char *const texts[TEXTS] = {"a dog runs on the beach", "a red car"};

static vblip_clip *open_clip(vblip_model *model, const vblip_clip_options *options)
{
    vblip_clip *clip = NULL;
    vblip_error err;
    api_ok(vblip_clip_open(&clip, model, CLIP, options, &err), &err);
    return clip;
}

static int keep_match(void *user, const vblip_match_row *row)
{
    vblip_match_row *rows = user;
    assert_int_equal(row->input, 0);
    assert_non_null(row->path);
    rows[row->text] = *row;
    return 0;
}

static void match_clip(vblip_clip *clip, vblip_match_row rows[TEXTS])
{
    vblip_error err;
    api_ok(vblip_clip_match(clip, texts, TEXTS, NULL, keep_match, rows, &err), &err);
}

static void expect_equal(const vblip_match_row *a, const vblip_match_row *b)
{
    for (int i = 0; i < TEXTS; i++) {
        assert_true(a[i].itc == b[i].itc);
        assert_memory_equal(a[i].itm_logits, b[i].itm_logits, sizeof a[i].itm_logits);
    }
}

static void test_a_clip_says_what_its_file_says(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", 0);
    vblip_match_row want[TEXTS] = {0}, got[TEXTS] = {0}, again[TEXTS] = {0};
    vblip_inputs *inputs = NULL;
    const char *path = CLIP;
    vblip_error err;
    api_ok(vblip_inputs_open(&inputs, &path, 1, NULL, &err), &err);
    api_ok(vblip_match(model, inputs, texts, TEXTS, NULL, keep_match, want, &err),
           &err);
    vblip_inputs_close(&inputs);

    const vblip_counts before = vblip_model_counts(model);
    vblip_clip *clip = open_clip(model, NULL);
    match_clip(clip, got);
    match_clip(clip, again);
    expect_equal(got, want);
    expect_equal(again, want);
    const vblip_counts after = vblip_model_counts(model);
    assert_int_equal(after.frames_decoded - before.frames_decoded, FRAMES);
    assert_int_equal(after.frames_encoded - before.frames_encoded, FRAMES);
    vblip_clip_close(&clip);
    assert_null(clip);
    vblip_model_free(&model);
}

// What is told of candidates, and of the clips that they are.
typedef struct told {
    char text[4096];
    uint32_t input; // that rows are of
} told;

static void tell_row(told *all, uint32_t input, const vblip_match_row *row)
{
    const size_t at = strlen(all->text);
    snprintf(all->text + at, sizeof all->text - at, "%u %s %u %a %a %a %a\n", input,
             row->path, row->text, (double)row->itc, (double)row->itm_logits[0],
             (double)row->itm_logits[1], (double)row->p_match);
}

static int tell_candidate(void *user, const vblip_match_row *row)
{
    tell_row(user, row->input, row);
    return 0;
}

static int tell_clip(void *user, const vblip_match_row *row)
{
    tell_row(user, ((const told *)user)->input, row);
    return 0;
}

static int tell_failure(void *user, const vblip_failure *failure)
{
    told *all = user;
    const size_t at = strlen(all->text);
    snprintf(all->text + at, sizeof all->text - at, "%u %s: %s\n", failure->input,
             failure->path, failure->message);
    return 0;
}

// Whole files, parts, an image, and between them what cannot be read.
static const vblip_candidate candidates[] = {
    {CLIP, 0, 0, texts, 2},
    {VB_GOLDEN "/video/none.mp4", 0, 0, texts, 2},
    {CLIP, 500000, 1000000, texts + 1, 1},
    {CLIP, 3600000000, 0, texts, 1},
    {VB_GOLDEN "/video/clip01.mp4", 200000, 0, texts, 1},
    {VB_GOLDEN "/video/video_tiny.json", 0, 0, texts, 1},
    {VB_STILLS "/bmp_rgb.bmp", 0, 0, texts, 2},
    {CLIP, 0, 500000, texts, 1},
};
enum { CANDIDATES = sizeof candidates / sizeof *candidates };

// One after another, each a clip of its own.
static void tell_clips(told *all, vblip_model *model)
{
    for (all->input = 0; all->input < CANDIDATES; all->input++) {
        const vblip_candidate *c = &candidates[all->input];
        const vblip_clip_options options = {
            .start_us = c->start_us, .end_us = c->end_us, .frames = 3};
        vblip_clip *clip;
        vblip_error err;
        if (vblip_clip_open(&clip, model, c->path, &options, &err) == VBLIP_OK) {
            api_ok(vblip_clip_match(clip, c->texts, c->text_count, NULL, tell_clip, all,
                                    &err),
                   &err);
        } else {
            const char *why = err.message + strlen(c->path) + strlen(": ");
            tell_failure(all, &(vblip_failure){all->input, c->path, why});
        }
        vblip_clip_close(&clip);
    }
}

static void test_candidates_say_what_their_clips_say(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", 0);
    told want = {0};
    tell_clips(&want, model);
    static const uint32_t batches[] = {0, 1, 4, 64};
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        told got = {0};
        const vblip_job job = {.frames = 3,
                               .batch = batches[i],
                               .jobs = 2,
                               .failed = tell_failure,
                               .user = &got};
        const vblip_match_options options = {.job = &job};
        vblip_error err;
        api_ok(vblip_match_candidates(model, candidates, CANDIDATES, &options,
                                      tell_candidate, &got, &err),
               &err);
        assert_string_equal(got.text, want.text);
    }
    vblip_model_free(&model);
}

static void test_candidates_that_cannot_be(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", 0);
    vblip_error err;
    told none = {0};
    static const struct {
        vblip_candidate candidate;
        const char *about;
    } cases[] = {
        {{NULL, 0, 0, texts, 1}, "path"},
        {{CLIP, 0, 0, NULL, 1}, "texts"},
        {{CLIP, 0, 0, texts, 0}, "texts"},
        {{CLIP, -1, 0, texts, 1}, "candidate 0: from -1 to 0 us"},
        {{CLIP, 9, 9, texts, 1}, "candidate 0: from 9 to 9 us"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        api_refused(vblip_match_candidates(model, &cases[i].candidate, 1, NULL,
                                           tell_candidate, &none, &err),
                    VBLIP_ERR_ARGUMENT, &err, cases[i].about);
    api_refused(
        vblip_match_candidates(model, NULL, 1, NULL, tell_candidate, &none, &err),
        VBLIP_ERR_ARGUMENT, &err, "candidates");
    api_refused(
        vblip_match_candidates(NULL, candidates, 1, NULL, tell_candidate, &none, &err),
        VBLIP_ERR_ARGUMENT, &err, "model");
    api_refused(vblip_match_candidates(model, candidates, 1, NULL, NULL, &none, &err),
                VBLIP_ERR_ARGUMENT, &err, "fn");
    api_ok(vblip_match_candidates(model, NULL, 0, NULL, tell_candidate, &none, &err),
           &err);
    assert_string_equal(none.text, "");
    vblip_model_free(&model);
}

static int keep_answer(void *user, const vblip_answer *answer)
{
    char *text = user;
    assert_true(answer->timed && answer->start_us == 0 && answer->end_us > 0);
    assert_string_equal(answer->path, CLIP);
    snprintf(text, 64, "%s", answer->text);
    return 0;
}

static void test_questions_are_answered_without_decoding(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-vqa", 0);
    vblip_clip *clip = open_clip(model, &(vblip_clip_options){.frames = 4});
    char alone[64] = "", again[64] = "";
    const char *const question[] = {"what is this?"}, *const yes[] = {"yes", "no"};
    const vblip_ask_options ranked = {.answers = yes, .answer_count = 2};
    vblip_error err;
    for (int i = 0; i < 3; i++)
        api_ok(vblip_clip_ask(clip, question, 1, NULL, keep_answer, i ? again : alone,
                              &err),
               &err);
    assert_string_equal(again, alone);
    api_ok(vblip_clip_ask(clip, question, 1, &ranked, keep_answer, again, &err), &err);
    assert_true(strcmp(again, "yes") == 0 || strcmp(again, "no") == 0);
    assert_int_equal(vblip_model_counts(model).frames_decoded, 4);
    assert_int_equal(vblip_model_counts(model).frames_encoded, 4);
    vblip_clip_close(&clip);
    vblip_model_free(&model);
}

static int keep_captions(void *user, const vblip_caption *caption)
{
    uint32_t *count = user;
    assert_int_equal(caption->input, 0);
    assert_non_null(caption->text);
    ++*count;
    return 0;
}

static void test_a_caption_is_about_the_whole_clip(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-caption", 0);
    vblip_clip *clip = open_clip(model, &(vblip_clip_options){.frames = 4});
    uint32_t count = 0;
    vblip_error err;
    api_ok(vblip_clip_caption(clip, NULL, keep_captions, &count, &err), &err);
    assert_int_equal(count, 1);
    const vblip_caption_options drawn = {.sample = true, .samples = 3};
    api_ok(vblip_clip_caption(clip, &drawn, keep_captions, &count, &err), &err);
    const vblip_caption_options shots = {.shots = true};
    api_refused(vblip_clip_caption(clip, &shots, keep_captions, &count, &err),
                VBLIP_ERR_ARGUMENT, &err, "shots: a clip has one caption");
    assert_int_equal(count, 4);
    assert_int_equal(vblip_model_counts(model).frames_encoded, 4);
    vblip_clip_close(&clip);
    vblip_model_free(&model);
}

static int keep_features(void *user, const vblip_features *f)
{
    *(vblip_features *)user = *f;
    return 0;
}

static void test_features_of_a_clip(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", 0);
    vblip_clip *clip = open_clip(model, &(vblip_clip_options){.frames = 2});
    const struct {
        vblip_feature feature;
        uint32_t rows, cols;
    } rows[] = {
        {VBLIP_FEATURE_ITC_IMAGE, 0, 256},
        {VBLIP_FEATURE_VISION, 2 * 17, vblip_model_describe(model)->vision_width},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vblip_features f = {0};
        vblip_error err;
        api_ok(vblip_clip_embed(clip, rows[i].feature, NULL, 0, NULL, keep_features, &f,
                                &err),
               &err);
        assert_int_equal(f.rows, rows[i].rows);
        assert_int_equal(f.cols, rows[i].cols);
    }
    vblip_clip_close(&clip);
    vblip_model_free(&model);
}

// ------------------------------------------------------------------- parts of a video

// The frames of clip00 that a part of it is sampled from, as decode gives them.
static uint8_t *read_frames(const uint64_t *indices, vblip_frame *out, uint32_t count)
{
    const vb_decode_options options = {.side = SIDE};
    vb_video *video = NULL;
    uint8_t *pixels = malloc((size_t)count * SIDE * SIDE * 3);
    assert_non_null(pixels);
    assert_int_equal(vb_video_open(&video, CLIP, &options, NULL), VBLIP_OK);
    for (uint32_t i = 0; i < count; i++) {
        vb_frame frame;
        uint8_t *rgb = pixels + (size_t)i * SIDE * SIDE * 3;
        assert_int_equal(vb_video_read(video, indices[i], rgb, &frame, NULL), VBLIP_OK);
        out[i] = (vblip_frame){
            .rgb = rgb, .width = SIDE, .height = SIDE, .time_us = frame.time_us};
    }
    vb_video_close(&video);
    return pixels;
}

// The part is treated as a clip of its own: i * floor(n / F) of its frames.
static void test_a_part_is_sampled_like_a_clip(void **state)
{
    (void)state;
    const vb_decode_options decode = {.side = SIDE};
    vb_video *video = NULL;
    assert_int_equal(vb_video_open(&video, CLIP, &decode, NULL), VBLIP_OK);
    const uint64_t total = vb_video_describe(video)->frames;
    assert_true(total >= 20);
    const int64_t start_us = vb_video_time(video, 5), end_us = vb_video_time(video, 17);
    vb_video_close(&video);

    vblip_model *model = api_load("tiny-retrieval", 0);
    const uint64_t indices[] = {5, 8, 11, 14}; // 12 frames from 5 on, 4 of them
    vblip_frame frames[4];
    uint8_t *pixels = read_frames(indices, frames, 4);
    vblip_clip *from_frames = NULL;
    vblip_error err;
    api_ok(vblip_clip_from_frames(&from_frames, model, "memory", frames, 4, &err),
           &err);
    vblip_clip *part = open_clip(
        model,
        &(vblip_clip_options){.start_us = start_us, .end_us = end_us, .frames = 4});
    vblip_match_row want[TEXTS] = {0}, got[TEXTS] = {0};
    match_clip(from_frames, want);
    match_clip(part, got);
    expect_equal(got, want);
    free(pixels);
    vblip_clip_close(&part);
    vblip_clip_close(&from_frames);
    vblip_model_free(&model);
}

// Rows may be apart, and other sizes are squashed.
// Twelve frames a second, at 250,000 us, 333,333, 416,667, ...: each part, the same with a time as
// rows have it, and one with the neighbour that this must not take in.
static void test_a_part_is_that_of_its_milliseconds(void **state)
{
    (void)state;
    static const struct {
        int64_t exact[2], rounded[2], wider[2];
    } parts[] = {
        {{333333, 500000}, {333000, 500000}, {250000, 500000}},
        {{416667, 666667}, {416667, 667000}, {416667, 750000}},
    };
    vblip_model *model = api_load("tiny-retrieval", 0);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const int64_t *of[] = {parts[i].exact, parts[i].rounded, parts[i].wider};
        vblip_match_row rows[3][TEXTS] = {0};
        for (int k = 0; k < 3; k++) {
            vblip_clip *clip = open_clip(
                model, &(vblip_clip_options){
                           .start_us = of[k][0], .end_us = of[k][1], .frames = 4});
            match_clip(clip, rows[k]);
            vblip_clip_close(&clip);
        }
        expect_equal(rows[0], rows[1]);
        assert_true(rows[0][0].itc < rows[2][0].itc || rows[0][0].itc > rows[2][0].itc);
    }
    vblip_model_free(&model);
}

static void test_frames_of_any_size(void **state)
{
    (void)state;
    enum { WIDTH = 50, HEIGHT = 30, ROW = 3 * WIDTH + 11 };
    static uint8_t packed[HEIGHT][3 * WIDTH], apart[HEIGHT][ROW];
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < 3 * WIDTH; x++)
            packed[y][x] = apart[y][x] = (uint8_t)(x * 5 + y * 7);
    vblip_model *model = api_load("tiny-retrieval", 0);
    vblip_match_row rows[2][TEXTS] = {0};
    for (int i = 0; i < 2; i++) {
        const vblip_frame frame = {
            .rgb = i ? apart[0] : packed[0],
            .width = WIDTH,
            .height = HEIGHT,
            .row_bytes = i ? ROW : 0,
        };
        vblip_clip *clip = NULL;
        vblip_error err;
        api_ok(vblip_clip_from_frames(&clip, model, "picture", &frame, 1, &err), &err);
        match_clip(clip, rows[i]);
        vblip_clip_close(&clip);
    }
    expect_equal(rows[0], rows[1]);
    vblip_model_free(&model);
}

// --------------------------------------------------------------------------- refusals

static void test_opening_refuses(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", 0);
    const struct {
        vblip_model *model;
        const char *path;
        vblip_clip_options options;
        vblip_status status;
        const char *about;
    } rows[] = {
        {NULL, CLIP, {.frames = 0}, VBLIP_ERR_ARGUMENT, "model"},
        {model, NULL, {.frames = 0}, VBLIP_ERR_ARGUMENT, "path"},
        {model, "/none.mp4", {.frames = 0}, VBLIP_ERR_IO, "/none.mp4: No such file"},
        {model, CLIP, {.frames = 5000}, VBLIP_ERR_ARGUMENT, "frames: 5000"},
        {model, CLIP, {.start_us = -1}, VBLIP_ERR_ARGUMENT, "from -0.000001"},
        {model,
         CLIP,
         {.start_us = 9, .end_us = 9},
         VBLIP_ERR_ARGUMENT,
         "from 0.000009 to 0.000009"},
        {model,
         CLIP,
         {.start_us = 3600000000},
         VBLIP_ERR_ARGUMENT,
         "nothing from 3600.000 s on"},
    };
    vblip_error err = {VBLIP_ERR_IO, "stale"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vblip_clip *none = (vblip_clip *)&err;
        api_refused(
            vblip_clip_open(&none, rows[i].model, rows[i].path, &rows[i].options, &err),
            rows[i].status, &err, rows[i].about);
        assert_null(none);
    }
    api_refused(vblip_clip_open(NULL, model, CLIP, NULL, &err), VBLIP_ERR_ARGUMENT,
                &err, "out");
    vblip_model_free(&model);
}

static void test_frames_refuse(void **state)
{
    (void)state;
    static const uint8_t rgb[12];
    static const vblip_frame good = {.rgb = rgb, .width = 2, .height = 2};
    vblip_model *model = api_load("tiny-retrieval", 0);
    const struct {
        vblip_model *model;
        const char *name;
        vblip_frame frames[2];
        uint32_t count;
        const char *about;
    } rows[] = {
        {NULL, "x", {good}, 1, "model"},
        {model, NULL, {good}, 1, "name"},
        {model, "x", {good}, 0, "frames"},
        {model, "x", {good}, 2000, "frames: 2000"},
        {model, "x", {good, {.rgb = NULL, .width = 2, .height = 2}}, 2, "frame 1"},
        {model, "x", {{.rgb = rgb, .width = 0, .height = 2}}, 1, "frame 0: 0x2"},
        {model, "x", {{.rgb = rgb, .width = 2, .height = 70000}}, 1, "2x70000"},
        {model,
         "x",
         {{.rgb = rgb, .width = 2, .height = 2, .row_bytes = 5}},
         1,
         "frame 0: rows of 5 bytes"},
        {model,
         "x",
         {{.rgb = rgb, .width = 2, .height = 2, .time_us = 1}, good},
         2,
         "frame 1: earlier than frame 0"},
    };
    vblip_error err;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vblip_clip *none = (vblip_clip *)&err;
        api_refused(vblip_clip_from_frames(&none, rows[i].model, rows[i].name,
                                           rows[i].frames, rows[i].count, &err),
                    VBLIP_ERR_ARGUMENT, &err, rows[i].about);
        assert_null(none);
    }
    vblip_clip *clip = NULL;
    api_refused(vblip_clip_from_frames(NULL, model, "x", &good, 1, &err),
                VBLIP_ERR_ARGUMENT, &err, "out");
    api_refused(vblip_clip_from_frames(&clip, model, "x", NULL, 1, &err),
                VBLIP_ERR_ARGUMENT, &err, "frames");
    vblip_model_free(&model);
}

static int stop_match(void *user, const vblip_match_row *row)
{
    (void)user, (void)row;
    return 1;
}

static void test_asking_refuses(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", 0);
    vblip_clip *clip = open_clip(model, &(vblip_clip_options){.frames = 1});
    vblip_match_row rows[TEXTS];
    char text[64];
    uint32_t count = 0;
    vblip_features f;
    vblip_error err;
    api_refused(vblip_clip_match(NULL, texts, TEXTS, NULL, keep_match, rows, &err),
                VBLIP_ERR_ARGUMENT, &err, "clip");
    api_refused(vblip_clip_match(clip, texts, 0, NULL, keep_match, rows, &err),
                VBLIP_ERR_ARGUMENT, &err, "texts");
    api_refused(vblip_clip_match(clip, texts, TEXTS, NULL, NULL, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "fn");
    api_refused(vblip_clip_match(clip, texts, TEXTS, NULL, stop_match, NULL, &err),
                VBLIP_ERR_CANCELLED, &err, "");
    api_refused(vblip_clip_ask(clip, texts, TEXTS, NULL, keep_answer, text, &err),
                VBLIP_ERR_UNSUPPORTED, &err, "this checkpoint holds: retrieval");
    const vblip_ask_options whole = {.segment = "whole"};
    api_refused(vblip_clip_ask(clip, texts, TEXTS, &whole, keep_answer, text, &err),
                VBLIP_ERR_ARGUMENT, &err, "segment: a clip is one");
    api_refused(vblip_clip_ask(NULL, texts, TEXTS, NULL, keep_answer, text, &err),
                VBLIP_ERR_ARGUMENT, &err, "clip");
    api_refused(vblip_clip_caption(clip, NULL, keep_captions, &count, &err),
                VBLIP_ERR_UNSUPPORTED, &err, "this checkpoint holds: retrieval");
    api_refused(vblip_clip_caption(NULL, NULL, keep_captions, &count, &err),
                VBLIP_ERR_ARGUMENT, &err, "clip");
    api_refused(vblip_clip_embed(NULL, VBLIP_FEATURE_VISION, NULL, 0, NULL,
                                 keep_features, &f, &err),
                VBLIP_ERR_ARGUMENT, &err, "clip");
    api_refused(vblip_clip_embed(clip, (vblip_feature)9, NULL, 0, NULL, keep_features,
                                 &f, &err),
                VBLIP_ERR_ARGUMENT, &err, "feature: 9");
    match_clip(clip, rows); // nothing of that harmed it
    vblip_clip_close(&clip);
    vblip_clip_close(&clip);
    vblip_clip_close(NULL);
    vblip_model_free(&model);
    assert_int_equal(vblip_model_counts(NULL).frames_decoded, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_clip_says_what_its_file_says),
        cmocka_unit_test(test_candidates_say_what_their_clips_say),
        cmocka_unit_test(test_candidates_that_cannot_be),
        cmocka_unit_test(test_questions_are_answered_without_decoding),
        cmocka_unit_test(test_a_caption_is_about_the_whole_clip),
        cmocka_unit_test(test_features_of_a_clip),
        cmocka_unit_test(test_a_part_is_sampled_like_a_clip),
        cmocka_unit_test(test_a_part_is_that_of_its_milliseconds),
        cmocka_unit_test(test_frames_of_any_size),
        cmocka_unit_test(test_opening_refuses),
        cmocka_unit_test(test_frames_refuse),
        cmocka_unit_test(test_asking_refuses),
    };
    return cmocka_run_group_tests(tests, api_setup, api_teardown);
}
