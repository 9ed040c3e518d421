// test_full_size.c - ViT-B/16 and ViT-L/16 with their text transformers give what the
// original classes give at full size (tests/golden/model/{base,large}).
//
// test_model_full_size CONFIG DEVICE TASK: of one checkpoint, which is 1 to 2 GB.
#include "blip/heads.h"
#include "blip/text.h"
#include "blip/vision.h"
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

enum { FIRST_IMAGE = 1000, IMAGES = 4, TEXTS = 4, EDGE_ROWS = 2, EDGE_COLS = 48 };

// In f32, f16 and bf16. Means of log-probabilities, each a difference of two logits:
static const double score_atol[] = {1e-3, 1e-2, 5e-2};
static const double logit_atol[] = {5e-3, 5e-2, 2e-1};
// and sums over up to seven words.
static const double rank_atol[] = {1e-2, 1e-1, 1.0};

static model_fixture fixture;
static vb_model *model;
static vb_visual *visual;

// The larger of `worst` and the distance of `got`, which stays NaN once it is.
static double further(double worst, float got, double want)
{
    const double distance = fabs((double)got - want);
    return isnan(worst) || distance <= worst ? worst : distance;
}

// ------------------------------------------------------------------------------ slices

static void expect_part(const char *name, const char *part, const float *got,
                        size_t count)
{
    char full[64];
    snprintf(full, sizeof full, "%s.%s", name, part);
    fixture_expect(&fixture, full, got, count);
}

// What is stored of a large tensor: corners, and elements at even distances.
static void expect_slices(const char *name, const float *x, size_t rows, size_t cols)
{
    enum { SAMPLES = 257 };
    float edge[EDGE_ROWS * EDGE_COLS], sample[SAMPLES];
    for (size_t r = 0; r < EDGE_ROWS; r++)
        memcpy(edge + r * EDGE_COLS, x + r * cols, EDGE_COLS * sizeof *x);
    expect_part(name, "head", edge, EDGE_ROWS * EDGE_COLS);
    for (size_t r = 0; r < EDGE_ROWS; r++)
        memcpy(edge + r * EDGE_COLS,
               x + (rows - EDGE_ROWS + r) * cols + cols - EDGE_COLS,
               EDGE_COLS * sizeof *x);
    expect_part(name, "tail", edge, EDGE_ROWS * EDGE_COLS);
    for (size_t j = 0; j < SAMPLES; j++)
        sample[j] = x[j * (rows * cols - 1) / (SAMPLES - 1)];
    expect_part(name, "sample", sample, SAMPLES);
}

static void expect_tensor(vb_recorder *rec, vb_pool *pool, const char *name,
                          vb_tensor t)
{
    float *got = fixture_values(rec, pool, t);
    expect_slices(name, got, (size_t)t.batch * t.rows, t.cols);
    free(got);
}

// -------------------------------------------------------------------------------- vision

static void test_vision_stages(void **state)
{
    (void)state;
    const vb_config *config = &model->config;
    const vb_vision_config *c = &config->vision;
    const vb_vision_weights *w = &model->weights.vision;
    vb_pool pool = {.device = fixture.device, .name = "test"};
    vb_recorder rec = vb_recorder_begin(fixture.device);
    vb_vision_scratch s;
    vb_tensor x;
    vb_frame frame;
    vblip_error err = {0};
    fixture_ok(vb_vision_scratch_make(&s, &pool, c, 1, &err), &err);
    fixture_ok(
        vb_pool_tensor(&x, &pool, VB_F32, 1, vb_vision_tokens(c), c->width, &err),
        &err);
    fixture_frames(&frame, c->image_size, FIRST_IMAGE, 1);
    vb_upload(&rec, s.pixels, frame.rgb);
    free(frame.rgb);
    vb_vision_embed(&rec, w, config, &s, x);
    expect_tensor(&rec, &pool, "vit.embed", x);
    for (uint32_t i = 0; i < c->layers; i++) {
        char name[32];
        vb_vision_attention(&rec, &w->blocks[i], c, &s, x);
        vb_vision_mlp(&rec, &w->blocks[i], c, &s, x);
        snprintf(name, sizeof name, "vit.block%u", i);
        if (i == 0 || i == c->layers / 2 || i == c->layers - 1)
            expect_tensor(&rec, &pool, name, x);
        fixture_expect_small(&rec, &pool, "norms", s.norm);
        fixture_expect_small(&rec, &pool, "queries, keys, values", s.qkv);
        fixture_expect_small(&rec, &pool, "attention", s.mixed);
        fixture_expect_small(&rec, &pool, "behind GELU", s.wide);
    }
    fixture_submit(&rec);
    vb_pool_free(&pool);
}

static void expect_seen(const char *name)
{
    vb_pool pool = {.device = fixture.device, .name = "test"};
    vb_recorder rec = vb_recorder_begin(fixture.device);
    expect_tensor(&rec, &pool, name, visual->tokens);
    vb_pool_free(&pool);
}

// ------------------------------------------------------------------------------ matching

static void see(const vb_frame *frames, uint32_t count, float *itc)
{
    vblip_error err = {0};
    fixture_ok(vb_model_encode(model, visual, frames, count, 1, itc, &err), &err);
}

static void expect_matches(const char *name)
{
    const char *list[TEXTS];
    float logits[TEXTS][2];
    vblip_error err = {0};
    for (uint32_t i = 0; i < TEXTS; i++)
        list[i] = fixture_text(&fixture, "texts", i);
    fixture_ok(vb_model_itm(model, visual, list, TEXTS, false, logits, &err), &err);
    fixture_expect(&fixture, name, logits[0], sizeof logits / sizeof(float));
}

// Cosines of `count` visual vectors with the texts.
static void expect_cosines(const char *name, const float *seen, const float *texts,
                           uint32_t count)
{
    const uint32_t width = model->config.projection;
    float sim[IMAGES * TEXTS] = {0};
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < TEXTS; j++)
            for (uint32_t k = 0; k < width; k++)
                sim[i * TEXTS + j] += seen[i * width + k] * texts[j * width + k];
    fixture_expect(&fixture, name, sim, (size_t)count * TEXTS);
}

static void test_matching(void **state)
{
    (void)state;
    const uint32_t width = model->config.projection;
    float *seen = malloc((IMAGES + TEXTS) * width * sizeof *seen);
    float *texts = seen + IMAGES * width;
    vb_frame frames[IMAGES];
    assert_non_null(seen);
    vblip_error err = {0};
    const char *list[TEXTS];
    for (uint32_t i = 0; i < TEXTS; i++)
        list[i] = fixture_text(&fixture, "texts", i);
    fixture_ok(vb_model_text_itc(model, list, TEXTS, texts, &err), &err);
    fixture_expect(&fixture, "itc.text_feat", texts, (size_t)TEXTS * width);
    fixture_frames(frames, model->config.vision.image_size, FIRST_IMAGE, IMAGES);
    for (uint32_t i = IMAGES; i-- > 0;)
        see(&frames[i], 1, seen + i * width);
    expect_seen("vit.out");
    expect_matches("itm.image0");
    expect_cosines("itc.image_sim", seen, texts, IMAGES);
    see(frames, IMAGES, seen);
    fixture_expect(&fixture, "itc.video_feat", seen, width);
    expect_cosines("itc.video_sim", seen, texts, 1);
    expect_matches("itm.video");
    free(frames[0].rgb);
    free(seen);
}

// ---------------------------------------------------------------------------- generation

static void test_captions(void **state)
{
    (void)state;
    const cJSON *row = json_member(fixture.manifest, "captions")->child;
    for (uint32_t index = 0; row; row = row->next) {
        vb_generated got;
        vblip_error err = {0};
        if (golden_skip(&fixture, row, index++))
            continue;
        golden_see(model, visual, row);
        fixture_ok(vb_model_caption(model, visual, &(vb_caption_params){0}, &got, &err),
                   &err);
        golden_expect(&fixture, "caption", row, "text", &got,
                      fixture_atol(&fixture, score_atol));
        vb_generated_free(&got);
    }
}

// Logits [vocabulary] after the prompt `ids`; free() them.
static float *logits_after(const int32_t *ids, uint32_t count)
{
    const vb_text_config *c = &model->config.decoder;
    vb_pool pool = {.device = fixture.device, .name = "test"};
    vb_recorder rec = vb_recorder_begin(fixture.device);
    vb_text_scratch s;
    vb_tensor id_row, cache, work, logits;
    vb_cross cross = {0};
    vblip_error err = {0};
    fixture_ok(vb_text_scratch_make(&s, &pool, c, 1, count, &err), &err);
    fixture_ok(vb_cross_make(&cross, &pool, c, visual->tokens.rows, &err), &err);
    fixture_ok(vb_pool_tensor(&id_row, &pool, VB_I32, 1, 1, count, &err), &err);
    fixture_ok(
        vb_pool_tensor(&cache, &pool, VB_F32, 1, count, c->layers * 2 * c->width, &err),
        &err);
    fixture_ok(vb_pool_tensor(&work, &pool, VB_F32, 1, 1, c->width, &err), &err);
    fixture_ok(vb_pool_tensor(&logits, &pool, VB_F32, 1, 1, c->vocabulary, &err), &err);
    vb_cross_fill(&rec, &model->weights.decoder, 0, &cross, visual->tokens);
    vb_upload(&rec, id_row, ids);
    vb_text_decode(&rec, &model->weights.decoder, c, &s, cache, id_row, 0, &cross,
                   NULL);
    vb_lm_head(&rec, &model->weights.lm, c->eps, logits,
               vb_rows(s.hidden, count - 1, 1), work);
    float *values = fixture_values(&rec, &pool, logits);
    vb_cross_free(&cross);
    vb_pool_free(&pool);
    return values;
}

static void test_first_token(void **state)
{
    (void)state;
    enum { MOST = 16 };
    const cJSON *row = json_member(fixture.manifest, "first_token_top16");
    const double atol = fixture_atol(&fixture, logit_atol);
    int32_t prompt[MOST];
    uint32_t count = 0;
    for (const cJSON *id = json_member(row, "prompt")->child; id; id = id->next) {
        assert_true(count < MOST);
        prompt[count++] = id->valueint;
    }
    golden_see(model, visual, row);
    float *logits = logits_after(prompt, count);
    const cJSON *logit = json_member(row, "logits")->child;
    double worst = 0.0;
    for (const cJSON *id = json_member(row, "ids")->child; id; id = id->next) {
        worst = further(worst, logits[id->valueint], logit->valuedouble);
        logit = logit->next;
    }
    print_message("  %-28s error %.2g of %.2g\n", "first_token_top16", worst, atol);
    assert_true(worst <= atol);
    free(logits);
}

// ----------------------------------------------------------------------------- questions

static void expect_answer(const cJSON *row)
{
    vb_generated got;
    vblip_error err = {0};
    fixture_ok(
        vb_model_answer(model, visual, json_string(row, "question"), NULL, &got, &err),
        &err);
    golden_expect(&fixture, "answer", row, "answer", &got,
                  fixture_atol(&fixture, score_atol));
    vb_generated_free(&got);
}

static void expect_ranking(const cJSON *row)
{
    enum { MOST = 64 };
    const cJSON *list = json_member(fixture.manifest, "answers");
    const cJSON *want = json_member(row, "rank_scores");
    const uint32_t count = (uint32_t)cJSON_GetArraySize(list);
    const double atol = fixture_atol(&fixture, rank_atol);
    const char *answers[MOST];
    uint32_t order[MOST], kept;
    float scores[MOST];
    vblip_error err = {0};
    assert_true(count <= MOST);
    for (uint32_t a = 0; a < count; a++)
        answers[a] = fixture_text(&fixture, "answers", a);
    fixture_ok(vb_model_rank(model, visual, json_string(row, "question"), answers,
                             count, count, order, scores, &kept, &err),
               &err);
    assert_int_equal(kept, count);
    double worst = 0.0;
    for (uint32_t i = 0; i < count; i++)
        worst = further(worst, scores[i],
                        cJSON_GetArrayItem(want, (int)order[i])->valuedouble);
    print_message("  %-28s error %.2g of %.2g\n", "rank_scores", worst, atol);
    assert_true(worst <= atol);
    if (json_number(row, "rank_margin") > 2.0 * atol)
        assert_int_equal(order[0], golden_count(row, "rank40"));
}

static void test_questions(void **state)
{
    (void)state;
    const cJSON *row = json_member(fixture.manifest, "vqa")->child;
    golden_see(model, visual, row); // the one image of them all
    expect_seen("vqa.vit.out");
    for (uint32_t index = 0; row; row = row->next) {
        if (!golden_skip(&fixture, row, index++))
            expect_answer(row);
        expect_ranking(row);
    }
}

// ---------------------------------------------------------------------------------- main

static const char *task;

static int setup(void **state)
{
    (void)state;
    vblip_error err = {0};
    model = fixture_model(&fixture, task);
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

static const struct CMUnitTest retrieval[] = {
    cmocka_unit_test(test_vision_stages),
    cmocka_unit_test(test_matching),
};
static const struct CMUnitTest caption[] = {
    cmocka_unit_test(test_captions),
    cmocka_unit_test(test_first_token),
};
static const struct CMUnitTest vqa[] = {
    cmocka_unit_test(test_questions),
};

int main(int argc, char **argv)
{
    int failures = EXIT_FAILURE;
    task = argc == 4 ? argv[3] : "";
    fixture_open(&fixture, argc - 1, argv);
    if (strcmp(task, "retrieval") == 0)
        failures = cmocka_run_group_tests_name(task, retrieval, setup, teardown);
    else if (strcmp(task, "caption") == 0)
        failures = cmocka_run_group_tests_name(task, caption, setup, teardown);
    else if (strcmp(task, "vqa") == 0)
        failures = cmocka_run_group_tests_name(task, vqa, setup, teardown);
    else
        fprintf(stderr, "usage: test_model_full_size CONFIG DEVICE TASK\n");
    fixture_close(&fixture);
    return failures;
}
