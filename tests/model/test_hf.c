// test_hf.c - with VBLIP_COMPAT_HF the model writes, answers and matches as Hugging Face
// transformers 5 does (tests/golden/generate/hf_*.json).
#include "support/golden_cases.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_ANSWERS = 8 };

// As in test_captions.c, and sums of up to seven of those; the bound on ITM and ITC is the
// one that is promised.
static const double score_atol = 2e-4, likelihood_atol = 1e-3, match_atol = 1e-4;

static model_fixture fixture;

// A model that reads a golden file row by row.
typedef struct scene {
    vb_model *model;
    vb_visual *visual;
    cJSON *json;
    uint32_t seen; // image
} scene;

static void scene_open(scene *s, const char *task, const char *what)
{
    vblip_error err = {0};
    *s = (scene){.model = fixture_model_like(&fixture, task, VBLIP_COMPAT_HF),
                 .json = golden_load(&fixture, what),
                 .seen = UINT32_MAX};
    fixture_ok(vb_visual_make(&s->visual, s->model, &err), &err);
}

static void scene_close(scene *s)
{
    vb_visual_free(&s->visual);
    vb_model_free(&s->model);
    cJSON_Delete(s->json);
}

// Images come in order, so each is encoded once.
static void scene_see(scene *s, const cJSON *row)
{
    if (golden_count(row, "image") != s->seen)
        golden_see(s->model, s->visual, row);
    s->seen = golden_count(row, "image");
}

// Member `name`, or 0, which is the default, where the row leaves it to the library.
static double option(const cJSON *row, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(row, name);
    return value ? value->valuedouble : 0.0;
}

static void expect_caption(scene *s, const cJSON *row)
{
    const bool prompted = cJSON_GetArraySize(json_member(row, "prompt")) > 1;
    const vb_caption_params params = {
        .prompt = prompted ? "a picture of" : NULL,
        .beams = (uint32_t)option(row, "num_beams"),
        .max_length = (uint32_t)option(row, "max_length"),
        .min_length = (uint32_t)option(row, "min_length"),
        .repetition_penalty = (float)option(row, "repetition_penalty"),
    };
    char label[128];
    vb_generated got;
    vblip_error err = {0};
    snprintf(label, sizeof label, "image %u, beams %u, %u to %u, penalty %g, %s",
             golden_count(row, "image"), params.beams, params.min_length,
             params.max_length, (double)params.repetition_penalty,
             prompted ? params.prompt : "no prompt");
    fixture_ok(vb_model_caption(s->model, s->visual, &params, &got, &err), &err);
    golden_expect(&fixture, label, row, "text", &got, score_atol);
    vb_generated_free(&got);
}

static void test_captions(void **state)
{
    (void)state;
    scene s;
    uint32_t index = 0, done = 0;
    scene_open(&s, "caption", "hf");
    for (const cJSON *row = json_member(s.json, "cases")->child; row; row = row->next) {
        if (golden_skip(&fixture, row, index++))
            continue;
        scene_see(&s, row);
        expect_caption(&s, row);
        done++;
    }
    assert_true(done >= index / fixture.every);
    scene_close(&s);
}

static vb_generated sampled(scene *s, vb_caption_params params)
{
    vb_generated got;
    vblip_error err = {0};
    params.sample = true;
    params.random = 1;
    fixture_ok(vb_model_caption(s->model, s->visual, &params, &got, &err), &err);
    return got;
}

// Nucleus and repetition penalty are off unless asked for; the 50 most probable remain.
static void test_sampling(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, "caption", "hf");
    scene_see(&s, json_member(s.json, "cases")->child);
    vb_generated got = sampled(&s, (vb_caption_params){0});
    assert_int_equal(s.model->decoder.writers[0].sampler.count, 50);
    vb_generated want =
        sampled(&s, (vb_caption_params){.top_p = 1.0f, .repetition_penalty = 1.0f});
    assert_string_equal(got.text.bytes, want.text.bytes);
    assert_true(got.score == want.score);
    vb_generated_free(&got);
    vb_generated_free(&want);
    got = sampled(&s, (vb_caption_params){.repetition_penalty = 1.1f});
    want = sampled(&s, (vb_caption_params){0});
    assert_true(got.score != want.score);
    vb_generated_free(&got);
    vb_generated_free(&want);
    scene_close(&s);
}

static void expect_likelihoods(scene *s, const cJSON *row)
{
    const cJSON *list = json_member(s->json, "answers");
    const uint32_t count = (uint32_t)cJSON_GetArraySize(list);
    const char *answers[MOST_ANSWERS];
    uint32_t order[MOST_ANSWERS], kept;
    float scores[MOST_ANSWERS];
    vblip_error err = {0};
    assert_true(count <= MOST_ANSWERS);
    for (uint32_t a = 0; a < count; a++)
        answers[a] = cJSON_GetArrayItem(list, (int)a)->valuestring;
    fixture_ok(vb_model_rank(s->model, s->visual, json_string(row, "question"), answers,
                             count, count, order, scores, &kept, &err),
               &err);
    assert_int_equal(kept, count);
    for (uint32_t i = 0; i < count; i++) {
        const cJSON *want =
            cJSON_GetArrayItem(json_member(row, "likelihoods"), (int)order[i]);
        if (!(fabs(want->valuedouble - (double)scores[i]) <= likelihood_atol))
            fail_msg("image %u, %s: %.7g, expected %.7g", golden_count(row, "image"),
                     answers[order[i]], (double)scores[i], want->valuedouble);
    }
}

// The library cannot load a VQA checkpoint whose vision is not as wide as its text.
static void test_questions(void **state)
{
    (void)state;
    scene s;
    uint32_t index = 0;
    if (strcmp(fixture.config, "wide") == 0)
        return;
    scene_open(&s, "vqa", "hf_tasks");
    for (const cJSON *row = json_member(s.json, "questions")->child; row;
         row = row->next) {
        const char *question = json_string(row, "question");
        vb_generated got;
        vblip_error err = {0};
        if (golden_skip(&fixture, row, index++))
            continue;
        scene_see(&s, row);
        fixture_ok(vb_model_answer(s.model, s.visual, question, NULL, &got, &err),
                   &err);
        golden_expect(&fixture, question, row, "answer", &got, 0.0);
        vb_generated_free(&got);
        expect_likelihoods(&s, row);
    }
    assert_true(index > 0);
    scene_close(&s);
}

// [CLS] first, no cleaning, no cut at 35 tokens.
static void test_matches(void **state)
{
    (void)state;
    scene s;
    uint32_t index = 0;
    scene_open(&s, "retrieval", "hf_tasks");
    float *text_itc = malloc(s.model->config.projection * sizeof *text_itc);
    float *image_itc = malloc(s.model->config.projection * sizeof *image_itc);
    assert_non_null(text_itc);
    assert_non_null(image_itc);
    for (const cJSON *row = json_member(s.json, "matches")->child; row;
         row = row->next) {
        if (golden_skip(&fixture, row, index++))
            continue;
        const char *text = json_string(row, "text");
        const cJSON *itm = json_member(row, "itm");
        vb_frame frame;
        float logits[1][2];
        double itc = 0.0;
        vblip_error err = {0};
        fixture_frames(&frame, s.model->config.vision.image_size,
                       golden_count(row, "image"), 1);
        fixture_ok(vb_model_encode(s.model, s.visual, &frame, 1, 0, image_itc, &err),
                   &err);
        fixture_ok(vb_model_itm(s.model, s.visual, &text, 1, false, logits, &err),
                   &err);
        fixture_ok(vb_model_text_itc(s.model, &text, 1, text_itc, &err), &err);
        for (uint32_t i = 0; i < s.model->config.projection; i++)
            itc += (double)text_itc[i] * (double)image_itc[i];
        for (int k = 0; k < 2; k++) {
            const double want = cJSON_GetArrayItem(itm, k)->valuedouble;
            if (!(fabs(want - (double)logits[0][k]) <= match_atol))
                fail_msg("%s: ITM %.7g, expected %.7g", text, (double)logits[0][k],
                         want);
        }
        if (!(fabs(itc - json_number(row, "itc")) <= match_atol))
            fail_msg("%s: ITC %.7g, expected %.7g", text, itc, json_number(row, "itc"));
        free(frame.rgb);
    }
    assert_true(index > 0);
    free(text_itc);
    free(image_itc);
    scene_close(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captions),
        cmocka_unit_test(test_sampling),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_matches),
    };
    fixture_open(&fixture, argc, argv);
    int failures = cmocka_run_group_tests_name("hf", tests, NULL, NULL);
    fixture_close(&fixture);
    return failures;
}
