// test_captions.c - beam search and greedy generation through vb_model_caption write what
// the original classes and transformers 4.15 write (tests/golden/generate), and sampling
// draws from what they would draw from.
#include "decode/resize.h"
#include "support/golden_cases.h"
#include "support/seeded_image.h"

#include <math.h>
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
static const double score_atol[] = {2e-4, 1e-2, 1e-1}; // in f32, f16, bf16

// A probability p changes by at most p times that.
static const double probability_atol = 2e-4;

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
    golden_expect(&fixture, label, row, "text", &got,
                  fixture_atol(&fixture, score_atol));
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
    cJSON_Delete(json);
    if (done == 0 && fixture.weights == VB_BF16) // no margin is wide enough
        skip();
    assert_true(done > 0);
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

// ---------------------------------------------------------------------------- sampling

// One token is drawn; what else might have been is left in the model.
static void expect_first_choices(const cJSON *row)
{
    const vb_caption_params params = {
        .max_length = 5,
        .min_length = golden_count(row, "min_length"),
        .sample = true,
    };
    const cJSON *ids = json_member(row, "ids"), *probs = json_member(row, "probs");
    const vb_sampler *s = &model->decoder.writers[0].sampler;
    const unsigned image = golden_count(row, "image");
    vb_generated got;
    vblip_error err = {0};
    assert_true(json_number(row, "repetition_penalty") == 1.1); // the defaults
    assert_true(json_number(row, "top_p") == 0.9 && json_number(row, "top_k") == 50);
    fixture_ok(vb_model_caption(model, visual, &params, &got, &err), &err);
    vb_generated_free(&got);
    if (s->count != (uint32_t)cJSON_GetArraySize(ids))
        fail_msg("image %u: %u choices, expected %d", image, s->count,
                 cJSON_GetArraySize(ids));
    for (uint32_t i = 0; i < s->count; i++) {
        const double want = cJSON_GetArrayItem(probs, (int)i)->valuedouble;
        // Equal but for rounding may change places.
        if (!(fabs(s->kept[i].probability - want) <= probability_atol))
            fail_msg("image %u, choice %u: probability %.7g, expected %.7g", image, i,
                     s->kept[i].probability, want);
        uint32_t at = 0;
        while (at < s->count &&
               s->kept[at].token != cJSON_GetArrayItem(ids, (int)i)->valueint)
            at++;
        if (at == s->count)
            fail_msg("image %u: id %d is not kept", image,
                     cJSON_GetArrayItem(ids, (int)i)->valueint);
    }
}

// Whether the sum of probabilities meets top_p, or the k-th logit the next, within what
// they are uncertain by: so does one case of tiny, and one of wide.
static bool hangs_on_rounding(const cJSON *row)
{
    return json_number(row, "top_p_gap") < probability_atol ||
           json_number(row, "top_k_gap") < probability_atol;
}

static void test_first_choices_of_sampling(void **state)
{
    (void)state;
    if (fixture.weights != VB_F32) // where a set ends hangs on rounding
        skip();
    cJSON *json = golden_load(&fixture, "nucleus_first_step");
    uint32_t index = 0, done = 0;
    for (const cJSON *row = json_member(json, "cases")->child; row; row = row->next) {
        if (golden_skip(&fixture, row, index++) || hangs_on_rounding(row))
            continue;
        golden_see(model, visual, row);
        expect_first_choices(row);
        done++;
    }
    assert_true(done > 0);
    cJSON_Delete(json);
}

static vb_generated sampled(vb_caption_params params)
{
    vb_generated got;
    vblip_error err = {0};
    params.sample = true;
    fixture_ok(vb_model_caption(model, visual, &params, &got, &err), &err);
    return got;
}

static bool same_ids(const vb_generated *a, const vb_generated *b)
{
    return a->ids.count == b->ids.count &&
           memcmp(a->ids.ids, b->ids.ids, a->ids.count * sizeof *a->ids.ids) == 0;
}

// A random state gives one caption, whatever was drawn before; another gives another.
static void test_samples_follow_from_their_random_state(void **state)
{
    (void)state;
    vb_frame frame;
    vblip_error err = {0};
    fixture_frames(&frame, model->config.vision.image_size, 0, 1);
    fixture_ok(vb_model_encode(model, visual, &frame, 1, 0, NULL, &err), &err);
    vb_generated first = sampled((vb_caption_params){.random = 1});
    vb_generated other = sampled((vb_caption_params){.random = 2});
    vb_generated again = sampled((vb_caption_params){.random = 1});
    assert_true(same_ids(&first, &again));
    assert_true(first.score == again.score);
    if (fixture.weights == VB_F32) // roundings draw, too
        assert_false(same_ids(&first, &other));
    vb_generated_free(&first);
    vb_generated_free(&other);
    vb_generated_free(&again);
    free(frame.rgb);
}

// With one token to choose from, a sample is the greedy caption, score included.
static void test_top_1_is_greedy(void **state)
{
    (void)state;
    vb_frame frame;
    vb_generated greedy;
    vblip_error err = {0};
    fixture_frames(&frame, model->config.vision.image_size, 0, 1);
    fixture_ok(vb_model_encode(model, visual, &frame, 1, 0, NULL, &err), &err);
    const vb_caption_params params = {.beams = 1, .repetition_penalty = 1.2f};
    fixture_ok(vb_model_caption(model, visual, &params, &greedy, &err), &err);
    vb_generated got = sampled((vb_caption_params){
        .top_k = 1, .repetition_penalty = 1.2f, .temperature = 0.5f});
    assert_true(same_ids(&got, &greedy));
    assert_true(got.score == greedy.score);
    vb_generated_free(&greedy);
    vb_generated_free(&got);
    free(frame.rgb);
}

// --------------------------------------------------------------------------- many frames

enum { MOST_FRAMES = 6 };

// What is written about each frame, `each` times, is what is written about it alone.
static void expect_side_by_side(const vb_caption_params *given, const vb_frame *frames,
                                uint32_t count, uint32_t each)
{
    static const uint64_t random[MOST_FRAMES] = {1, 22, 333, 4444, 55555, 666666};
    vb_caption_params params = *given;
    vb_generated all[MOST_FRAMES], one;
    vblip_error err = {0};
    fixture_ok(vb_model_encode(model, visual, frames, count, 0, NULL, &err), &err);
    fixture_ok(
        vb_model_captions(model, visual, &params, random, all, count, each, &err),
        &err);
    for (uint32_t i = 0; i < count * each; i++) {
        params.random = random[i];
        fixture_ok(vb_model_encode(model, visual, &frames[i / each], 1, 0, NULL, &err),
                   &err);
        fixture_ok(vb_model_caption(model, visual, &params, &one, &err), &err);
        print_message("  frame %u: %u ids, %s\n", i / each, one.ids.count,
                      one.text.bytes);
        assert_true(same_ids(&all[i], &one));
        assert_string_equal(all[i].text.bytes, one.text.bytes);
        assert_true(fabs((double)(all[i].score - one.score)) <=
                    fixture_atol(&fixture, score_atol));
        vb_generated_free(&one);
        vb_generated_free(&all[i]);
    }
}

// Texts of different lengths: those that are finished leave the others to go on.
static void test_captions_of_many_frames(void **state)
{
    (void)state;
    if (fixture.weights == VB_BF16) // sums of more rows may be rounded otherwise
        skip();
    const vb_caption_params rules[] = {
        {.beams = 3, .max_length = 20, .min_length = 6},
        {.beams = 1, .max_length = 20, .min_length = 5, .repetition_penalty = 1.2f},
        {.sample = true, .max_length = 20, .min_length = 5},
        {.sample = true, .max_length = 5, .top_k = 1}, // one token
    };
    vb_frame frames[MOST_FRAMES];
    vb_generated none;
    vblip_error err = {0};
    const uint32_t count = fixture.every > 1 ? 2 : MOST_FRAMES;
    fixture_frames(frames, model->config.vision.image_size, 0, count);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        expect_side_by_side(&rules[i], frames, count, 1);
        expect_side_by_side(&rules[i], frames, 1, count);
        expect_side_by_side(&rules[i], frames, 2, count / 2);
    }
    assert_int_equal(vb_model_captions(model, visual, NULL, NULL, &none, 0, 1, &err),
                     VBLIP_ERR_ARGUMENT);
    free(frames[0].rgb);
}

// ------------------------------------------------------------------------------ pixels

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
    fixture_ok(vb_model_encode(model, visual, &frame, 1, 0, NULL, &err), &err);
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

// Of those above, in bf16: rounding may change what a margin just over 0.05 decided.
static void test_few_decisions_changed(void **state)
{
    (void)state;
    golden_expect_few_changed(strcmp(fixture.config, "small") == 0 ? 2 : 1);
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
        cmocka_unit_test(test_first_choices_of_sampling),
        cmocka_unit_test(test_samples_follow_from_their_random_state),
        cmocka_unit_test(test_top_1_is_greedy),
        cmocka_unit_test(test_captions_of_many_frames),
        cmocka_unit_test(test_captions_of_resized_images),
        cmocka_unit_test(test_few_decisions_changed),
    };
    fixture_open(&fixture, argc, argv);
    int failures = cmocka_run_group_tests_name("captions", tests, setup, teardown);
    fixture_close(&fixture);
    return failures;
}
