// test_captions.c - beam search and greedy generation through vb_model_caption write what
// the original classes and transformers 4.15 write (tests/golden/generate).
#include "decode/resize.h"
#include "support/golden_cases.h"
#include "support/seeded_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Scores are means of log-probabilities. Logits are within 1e-4 of the original's here
// (dec.logits_select), so each log-probability is within twice that.
static const double score_atol = 2e-4;

static model_fixture fixture;
static vb_model *model;
static vb_visual *visual;

// The text that gives the ids of the case's prompt.
static const char *prompt_of(const cJSON *row)
{
    const cJSON *prompt = cJSON_GetObjectItemCaseSensitive(row, "prompt");
    const int count = prompt ? cJSON_GetArraySize(prompt) : 4;
    assert_true(count == 1 || count == 4);
    return count == 1 ? "" : "a picture of ";
}

static void expect_caption(const char *what, const cJSON *row, uint32_t beams)
{
    const cJSON *penalty = cJSON_GetObjectItemCaseSensitive(row, "repetition_penalty");
    const uint32_t shortest = golden_count(row, "min_length");
    const vb_caption_params params = {
        .prompt = prompt_of(row),
        .beams = beams,
        .max_length = golden_count(row, "max_length"),
        .min_length = shortest ? shortest : 1, // 0 is the default; [DEC] is one already
        .repetition_penalty = penalty ? (float)penalty->valuedouble : 1.0f,
    };
    char label[128];
    vb_generated got;
    vblip_error err = {0};
    snprintf(label, sizeof label,
             "%s, image %u, beams %u, %u to %u, penalty %g, \"%s\"", what,
             golden_count(row, "image"), beams, params.min_length, params.max_length,
             (double)params.repetition_penalty, params.prompt);
    fixture_ok(vb_model_caption(model, visual, &params, &got, &err), &err);
    golden_expect(label, row, "text", &got, score_atol);
    vb_generated_free(&got);
}

// Captions the cases of a file; images come in order, so each is
// encoded once.
static void expect_captions(const char *what, uint32_t greedy_beams)
{
    cJSON *json = golden_load(&fixture, what);
    uint32_t seen = UINT32_MAX, done = 0, index = 0;
    for (const cJSON *row = json_member(json, "cases")->child; row; row = row->next) {
        if (golden_skip(&fixture, row, index++))
            continue;
        if (golden_count(row, "image") != seen)
            golden_see(model, visual, row);
        seen = golden_count(row, "image");
        expect_caption(what, row,
                       greedy_beams ? greedy_beams : golden_count(row, "num_beams"));
        done++;
    }
    assert_true(done > 0);
    cJSON_Delete(json);
}

static void test_captions(void **state)
{
    (void)state;
    expect_captions("captions", 0);
}

static void test_beam_search(void **state)
{
    (void)state;
    expect_captions("beam", 0);
}

static void test_greedy(void **state)
{
    (void)state;
    expect_captions("greedy", 1);
}

static void see_resized(const cJSON *row)
{
    const uint32_t side = model->config.vision.image_size;
    vb_image image = {.width = golden_count(row, "width"),
                      .height = golden_count(row, "height")};
    vb_frame frame = {.rgb = malloc((size_t)side * side * 3), .side = side};
    vblip_error err = {0};
    image.rgb = malloc((size_t)image.width * image.height * 3);
    assert_non_null(image.rgb);
    assert_non_null(frame.rgb);
    seeded_image(image.rgb, golden_count(row, "image"), image.width, image.height, 1);
    fixture_ok(vb_resize_bicubic(frame.rgb, side, &image, &err), &err);
    fixture_ok(vb_model_see(model, visual, &frame, 1, 0, NULL, &err), &err);
    free(image.rgb);
    free(frame.rgb);
}

static void test_captions_of_resized_images(void **state)
{
    (void)state;
    cJSON *json = golden_load(&fixture, "captions_resized");
    uint32_t index = 0;
    for (const cJSON *row = json_member(json, "cases")->child; row; row = row->next) {
        if (golden_skip(&fixture, row, index++))
            continue;
        see_resized(row);
        expect_caption("resized", row, golden_count(row, "num_beams"));
    }
    cJSON_Delete(json);
}

static int setup(void **state)
{
    (void)state;
    vblip_error err = {0};
    model = fixture_model(&fixture, "caption");
    fixture_ok(vb_visual_make(&visual, model, &err), &err);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    vb_visual_free(&visual);
    vb_model_free(&model);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captions),
        cmocka_unit_test(test_beam_search),
        cmocka_unit_test(test_greedy),
        cmocka_unit_test(test_captions_of_resized_images),
    };
    fixture_open(&fixture, argc, argv);
    int failures = cmocka_run_group_tests_name("captions", tests, setup, teardown);
    fixture_close(&fixture);
    return failures;
}
