// test_together.c - frames of several clips in one batch of the ViT: each clip gets what it
// gets alone. To the last bit, where which kernel computes an op does not hang on its rows.
#include "support/model_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CLIPS = 4, IMAGE = 1000, MOST = 3 };
static const uint32_t counts[CLIPS] = {1, 3, 2, 1}; // frames of each clip
enum { FRAMES = 7 };

static model_fixture fixture;

typedef struct clips {
    vb_model *model;
    vb_frame frames[FRAMES];
    vb_clip_frames list[CLIPS];
    float *itc; // [CLIPS, projection]
} clips;

static void clips_open(clips *c)
{
    vblip_error err = {0};
    c->model = fixture_model(&fixture, "retrieval");
    const uint32_t width = c->model->config.projection;
    c->itc = calloc((size_t)CLIPS * width, sizeof *c->itc);
    assert_non_null(c->itc);
    fixture_frames(c->frames, c->model->config.vision.image_size, IMAGE, FRAMES);
    for (uint32_t i = 0, at = 0; i < CLIPS; at += counts[i++]) {
        c->list[i] = (vb_clip_frames){.frames = &c->frames[at],
                                      .count = counts[i],
                                      .itc = c->itc + (size_t)i * width};
        fixture_ok(vb_visual_make(&c->list[i].visual, c->model, &err), &err);
    }
}

static void clips_close(clips *c)
{
    for (uint32_t i = 0; i < CLIPS; i++)
        vb_visual_free(&c->list[i].visual);
    free(c->frames[0].rgb);
    free(c->itc);
    vb_model_free(&c->model);
}

// What a clip is alone.
typedef struct alone {
    vb_features tokens;
    float *itc;
    float logits[1][2];
} alone;

static const char *const text = "a dog runs";

static alone see_alone(const clips *c, uint32_t i)
{
    alone a = {0};
    vb_visual *visual;
    vblip_error err = {0};
    const vb_clip_frames *clip = &c->list[i];
    a.itc = calloc(c->model->config.projection, sizeof *a.itc);
    assert_non_null(a.itc);
    fixture_ok(vb_visual_make(&visual, c->model, &err), &err);
    fixture_ok(
        vb_model_encode(c->model, visual, clip->frames, clip->count, 0, a.itc, &err),
        &err);
    fixture_ok(vb_model_visual_features(c->model, visual, &a.tokens, &err), &err);
    fixture_ok(vb_model_itm(c->model, visual, &text, 1, false, a.logits, &err), &err);
    vb_visual_free(&visual);
    return a;
}

static void expect_values(const char *what, const float *got, const float *want,
                          size_t count)
{
    const char *kernels = fixture.device->caps.kernels;
    const bool by_rows =
        strcmp(kernels, "simt") == 0 || strcmp(kernels, "coopmat") == 0;
    const float atol = by_rows ? 2e-5f : 0.0f;
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(got[i] - want[i]) <= atol))
            fail_msg("%s[%zu]: %.9g, alone %.9g", what, i, (double)got[i],
                     (double)want[i]);
}

static void expect_clip(const clips *c, uint32_t i)
{
    alone want = see_alone(c, i);
    vb_features got = {0};
    float logits[1][2];
    vblip_error err = {0};
    const vb_clip_frames *clip = &c->list[i];
    fixture_ok(vb_model_visual_features(c->model, clip->visual, &got, &err), &err);
    assert_int_equal(got.rows, want.tokens.rows);
    assert_int_equal(got.cols, want.tokens.cols);
    expect_values("tokens", got.values, want.tokens.values,
                  (size_t)got.rows * got.cols);
    if (clip->itc)
        expect_values("ITC", clip->itc, want.itc, c->model->config.projection);
    fixture_ok(vb_model_itm(c->model, clip->visual, &text, 1, false, logits, &err),
               &err);
    expect_values("ITM", logits[0], want.logits[0], 2);
    vb_features_free(&got);
    vb_features_free(&want.tokens);
    free(want.itc);
}

// Also where visuals were filled before, with more or fewer frames, and where some want no
// ITC vector.
static void test_each_is_as_it_is_alone(void **state)
{
    (void)state;
    clips c;
    vblip_error err = {0};
    clips_open(&c);
    for (uint32_t round = 0; round < 2; round++) {
        fixture_ok(vb_model_encode_together(c.model, c.list, CLIPS, 0, &err), &err);
        for (uint32_t i = 0; i < CLIPS; i++)
            expect_clip(&c, i);
        vb_visual *first = c.list[0].visual;
        c.list[0].visual = c.list[1].visual;
        c.list[1].visual = first;
        c.list[2].itc = NULL;
    }
    clips_close(&c);
}

// Nothing is kept of what was there before.
static void expect_nothing(clips *c)
{
    vb_features f = {0};
    vblip_error err = {0};
    for (uint32_t i = 0; i < CLIPS; i++) {
        assert_int_equal(
            vb_model_visual_features(c->model, c->list[i].visual, &f, &err),
            VBLIP_ERR_ARGUMENT);
        assert_string_equal(err.message, "visual tokens: no frames were encoded");
        for (uint32_t j = 0; j < c->model->config.projection; j++)
            assert_true(c->list[i].itc[j] == 0.0f);
    }
    vb_features_free(&f);
}

static void test_refuses(void **state)
{
    (void)state;
    clips c;
    vblip_error err = {0};
    clips_open(&c);
    fixture_ok(vb_model_encode_together(c.model, c.list, CLIPS, 0, &err), &err);
    assert_int_equal(vb_model_encode_together(c.model, c.list, CLIPS, MOST, &err),
                     VBLIP_ERR_MEMORY);
    assert_string_equal(err.message, "frames: 7 at once, there is room for 3");
    expect_nothing(&c);
    fixture_ok(vb_model_encode_together(c.model, c.list, CLIPS, FRAMES, &err), &err);
    vb_error_reset(&err);
    c.frames[1].side = 32;
    assert_int_equal(vb_model_encode_together(c.model, c.list, CLIPS, 0, &err),
                     VBLIP_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "frame 0: 32 pixels wide, the model takes"));
    expect_nothing(&c);
    clips_close(&c);
}

// As many frames as fill the device, or are asked for, where there is memory for them.
static void test_how_many_frames(void **state)
{
    (void)state;
    clips c;
    clips_open(&c);
    const uint32_t tokens = vb_vision_tokens(&c.model->config.vision);
    vb_device *device = c.model->device;
    const vb_device_caps caps = device->caps;
    device->caps.cached_bytes = 0;
    static const struct {
        uint32_t rows, rest, batch, frames; // rows: of so many frames, and the rest
    } cases[] = {
        {0, 0, 0, 1}, {1, 0, 0, 1}, {5, 0, 0, 5}, {5, 1, 0, 6},
        {0, 0, 4, 4}, {5, 1, 1, 1}, {5, 1, 3, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        device->caps.filling_rows = cases[i].rows * tokens + cases[i].rest;
        assert_int_equal(vb_model_filling_frames(c.model, cases[i].batch),
                         cases[i].frames);
    }
    device->caps.max_buffer_bytes = 1;
    assert_int_equal(vb_model_filling_frames(c.model, 4), 1);
    device->caps = caps;
    clips_close(&c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_as_it_is_alone),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_how_many_frames),
    };
    fixture_open(&fixture, argc, argv);
    int failures = cmocka_run_group_tests_name("together", tests, NULL, NULL);
    fixture_close(&fixture);
    return failures;
}
