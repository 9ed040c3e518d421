// test_features.c - the features that `vblip embed` writes are the tensors of the original
// feature extractor (tests/golden/model), and what model.h promises about them.
#include "support/model_fixture.h"
#include "support/ref_device.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FIRST_IMAGE = 1000, IMAGES = 4 };

static model_fixture fixture;

static void see(vb_model *model, vb_visual *visual, uint32_t first, uint32_t count)
{
    vb_frame frames[IMAGES];
    vblip_error err = {0};
    fixture_frames(frames, model->config.vision.image_size, FIRST_IMAGE + first, count);
    fixture_ok(vb_model_encode(model, visual, frames, count, 0, NULL, &err), &err);
    free(frames[0].rgb);
}

static void test_golden(void **state)
{
    (void)state;
    vb_model *model = fixture_model(&fixture, "retrieval");
    const char *text = fixture_text(&fixture, "texts", 1);
    vb_visual *visual;
    vb_features f = {0};
    vblip_error err = {0};
    fixture_ok(vb_visual_make(&visual, model, &err), &err);

    see(model, visual, 0, IMAGES); // four frames of one clip
    fixture_ok(vb_model_visual_features(model, visual, &f, &err), &err);
    assert_int_equal(f.rows, IMAGES * vb_vision_tokens(&model->config.vision));
    assert_int_equal(f.cols, model->config.vision.width);
    fixture_expect(&fixture, "vit.out", f.values, (size_t)f.rows * f.cols);

    fixture_ok(vb_model_text_features(model, NULL, text, &f, &err), &err);
    assert_int_equal(f.cols, model->config.encoder.width);
    fixture_expect(&fixture, "feature.text", f.values, (size_t)f.rows * f.cols);

    see(model, visual, 1, 1);
    fixture_ok(vb_model_text_features(model, visual, text, &f, &err), &err);
    fixture_expect(&fixture, "feature.multimodal", f.values, (size_t)f.rows * f.cols);

    vb_features_free(&f);
    assert_null(f.values);
    vb_visual_free(&visual);
    vb_model_free(&model);
}

// The ITC vector of each frame of a clip is that of the frame alone.
static void test_itc_of_each_frame(void **state)
{
    (void)state;
    vb_model *model = fixture_model(&fixture, "retrieval");
    const uint32_t width = model->config.projection;
    float *each = calloc((size_t)(IMAGES + 1) * width, sizeof *each);
    float *alone = each + (size_t)IMAGES * width;
    vb_visual *visual;
    vblip_error err = {0};
    assert_non_null(each);
    fixture_ok(vb_visual_make(&visual, model, &err), &err);
    assert_int_equal(vb_model_frames_itc(model, visual, each, &err),
                     VBLIP_ERR_ARGUMENT);
    assert_string_equal(err.message, "visual tokens: no frames were encoded");
    see(model, visual, 0, IMAGES);
    fixture_ok(vb_model_frames_itc(model, visual, each, &err), &err);
    for (uint32_t i = 0; i < IMAGES; i++) {
        vb_frame frame;
        fixture_frames(&frame, model->config.vision.image_size, FIRST_IMAGE + i, 1);
        fixture_ok(vb_model_encode(model, visual, &frame, 1, 0, alone, &err), &err);
        free(frame.rgb);
        for (uint32_t j = 0; j < width; j++)
            assert_true(fabsf(each[(size_t)i * width + j] - alone[j]) < 1e-5f);
    }
    free(each);
    vb_visual_free(&visual);
    vb_model_free(&model);
}

static void refused(vblip_status status, const vblip_error *err, const vb_features *f,
                    const char *message)
{
    assert_int_equal(status, VBLIP_ERR_ARGUMENT);
    assert_string_equal(err->message, message);
    assert_true(f->rows == 0 && f->cols == 0);
}

static void test_refuses(void **state)
{
    (void)state;
    enum { WORDS = 511 };
    static char longer[2 * WORDS + 1];
    vb_features f = {0};
    vblip_error err = {0};
    vb_visual *visual;
    for (size_t i = 0; i < WORDS; i++)
        memcpy(longer + 2 * i, "a ", 2);

    vb_model *model = fixture_model(&fixture, "retrieval");
    fixture_ok(vb_visual_make(&visual, model, &err), &err);
    fixture_ok(vb_model_text_features(model, NULL, longer, &f, &err), &err);
    assert_int_equal(f.rows, 42); // pre_caption leaves 40 words
    refused(vb_model_visual_features(model, visual, &f, &err), &err, &f,
            "visual tokens: no frames were encoded");
    vb_error_reset(&err);
    refused(vb_model_text_features(model, visual, "a dog", &f, &err), &err, &f,
            "visual tokens: no frames were encoded");
    vb_error_reset(&err);
    model->clean = false;
    refused(vb_model_text_features(model, NULL, longer, &f, &err), &err, &f,
            "text 1: 513 tokens, the model has 512 positions");
    vb_visual_free(&visual);
    vb_model_free(&model);

    vb_error_reset(&err);
    model = fixture_model(&fixture, "caption");
    refused(vb_model_text_features(model, NULL, "a dog", &f, &err), &err, &f,
            "model: not loaded for text features");
    vb_features_free(&f);
    vb_model_free(&model);
}

// On a device that counts, and that fails the n-th allocation.
static void test_memory(void **state)
{
    (void)state;
    vb_model *model = fixture_model(&fixture, "vqa");
    vb_features f = {0}, again = {0};
    vblip_error err = {0};
    if (strcmp(fixture.device->caps.name, "reference") != 0) {
        vb_model_free(&model);
        skip();
    }
    uint32_t failures = 0;
    for (;; failures++) { // what was made stays, so each time one more is made
        vb_error_reset(&err);
        ref_device_fail_after(fixture.device, failures % 2 + 1);
        vblip_status status = vb_model_text_features(model, NULL, "a dog", &f, &err);
        if (status == VBLIP_OK)
            break;
        assert_int_equal(status, VBLIP_ERR_MEMORY);
        assert_true(f.rows == 0 && failures < 100);
    }
    ref_device_fail_after(fixture.device, 0);
    assert_true(failures > 0);
    const uint64_t made = ref_device_look(fixture.device).allocations;
    fixture_ok(vb_model_text_features(model, NULL, "a dog", &again, &err), &err);
    assert_int_equal(ref_device_look(fixture.device).allocations, made);
    assert_int_equal(again.rows, f.rows);
    assert_memory_equal(again.values, f.values,
                        (size_t)f.rows * f.cols * sizeof *f.values);
    vb_features_free(&f);
    vb_features_free(&again);
    vb_model_free(&model);
    assert_int_equal(ref_device_look(fixture.device).alive, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_itc_of_each_frame),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_memory),
    };
    fixture_open(&fixture, argc, argv);
    int failures = cmocka_run_group_tests_name("features", tests, NULL, NULL);
    fixture_close(&fixture);
    return failures;
}
