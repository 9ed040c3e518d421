// test_loader.c - checkpoints stored in other ways give the same model: position
// embeddings of another grid are resized at load, heads are found wherever they are
// (tests/golden/model/*/loader.json).
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

enum { FIRST_IMAGE = 1000 };

static model_fixture fixture;

// Means of log-probabilities, as in test_captions.c.
static const double score_atol = 2e-4;

static vb_model *open_sized(const char *task, uint32_t image_size)
{
    char path[512];
    vb_checkpoint *checkpoint;
    vb_model *model;
    vblip_error err = {0};
    snprintf(path, sizeof path, VB_CHECKPOINTS "/%s-%s", fixture.config, task);
    const vblip_model_options options = {.path = path, .image_size = image_size};
    fixture_ok(vb_checkpoint_open(&checkpoint, &options, &err), &err);
    fixture_ok(vb_model_load(&model, fixture.device, checkpoint, NULL, &err), &err);
    vb_checkpoint_close(&checkpoint);
    return model;
}

static cJSON *load_cases(void)
{
    char path[512];
    snprintf(path, sizeof path, VB_GOLDEN "/model/%s/loader.json", fixture.config);
    return json_load(path);
}

static void expect_row(const cJSON *want, const float *got, double atol)
{
    assert_non_null(want->child);
    for (const cJSON *value = want->child; value; value = value->next, got++)
        if (!(fabs(value->valuedouble - (double)*got) <= atol))
            fail_msg("%s: %.7g, expected %.7g", want->string ? want->string : "logits",
                     (double)*got, value->valuedouble);
}

// The first and the last visual token of the case's image.
static void expect_tokens(vb_model *model, vb_visual *visual, const cJSON *row,
                          double atol)
{
    vb_pool pool = {.device = fixture.device, .name = "test"};
    vb_recorder rec = vb_recorder_begin(fixture.device);
    vb_frame frame;
    vblip_error err = {0};
    fixture_frames(&frame, model->config.vision.image_size,
                   golden_count(row, "vit_image"), 1);
    fixture_ok(vb_model_see(model, visual, &frame, 1, 0, NULL, &err), &err);
    float *tokens = fixture_values(&rec, &pool, visual->tokens);
    const size_t last = (size_t)(visual->tokens.rows - 1) * visual->tokens.cols;
    expect_row(json_member(row, "vit_out_row0_first8"), tokens, atol);
    expect_row(json_member(row, "vit_out_last_row_first8"), tokens + last, atol);
    free(tokens);
    free(frame.rgb);
    vb_pool_free(&pool);
}

static void expect_captions(vb_model *model, vb_visual *visual, const cJSON *row)
{
    const cJSON *list = json_member(row, "captions");
    for (const cJSON *caption = list->child; caption; caption = caption->next) {
        vb_generated got;
        vblip_error err = {0};
        char label[64];
        if (golden_skip(&fixture, caption, 0))
            continue;
        golden_see(model, visual, caption);
        snprintf(label, sizeof label, "%s, image %u", json_string(row, "checkpoint"),
                 golden_count(caption, "image"));
        fixture_ok(vb_model_caption(model, visual, NULL, &got, &err), &err);
        golden_expect(label, caption, "text", &got, score_atol);
        vb_generated_free(&got);
    }
}

// Folders CONFIG-caption-gridN, whose config has images of N patches, run at the size of
// CONFIG.
static void test_positions_are_resized_at_load(void **state)
{
    (void)state;
    static const char prefix[] = "--task caption --grid ";
    cJSON *json = load_cases();
    const uint32_t side = golden_count(json_member(fixture.manifest, "sizes"), "S");
    int done = 0;
    for (const cJSON *row = json_member(json, "cases")->child; row; row = row->next) {
        const char *made = json_string(row, "checkpoint");
        char task[32];
        vb_visual *visual;
        vblip_error err = {0};
        if (strncmp(made, prefix, sizeof prefix - 1) != 0)
            continue;
        snprintf(task, sizeof task, "caption-grid%s", made + sizeof prefix - 1);
        vb_model *model = open_sized(task, side);
        fixture_ok(vb_visual_make(&visual, model, &err), &err);
        expect_tokens(model, visual, row, json_number(json, "atol"));
        expect_captions(model, visual, row);
        vb_visual_free(&visual);
        vb_model_free(&model);
        done++;
    }
    assert_int_equal(done, 2);
    cJSON_Delete(json);
}

static void caption_of(const char *task, vb_generated *out)
{
    vb_model *model = fixture_model(&fixture, task);
    vb_visual *visual;
    vb_frame frame;
    vblip_error err = {0};
    fixture_ok(vb_visual_make(&visual, model, &err), &err);
    fixture_frames(&frame, model->config.vision.image_size, FIRST_IMAGE, 1);
    fixture_ok(vb_model_see(model, visual, &frame, 1, 0, NULL, &err), &err);
    fixture_ok(vb_model_caption(model, visual, NULL, out, &err), &err);
    free(frame.rgb);
    vb_visual_free(&visual);
    vb_model_free(&model);
}

// The same weights in other clothes; an untied head is another model.
static void test_layouts_of_the_same_weights(void **state)
{
    (void)state;
    static const struct {
        const char *task;
        bool same;
        double atol; // of the score
    } rows[] = {
        {"caption-f16", true, 0.01},
        {"caption-tied", true, 0.0},
        {"caption-oldbias", true, 0.0},
        {"caption-untied", false, 0.0},
    };
    vb_generated plain;
    if (strcmp(fixture.config, "tiny") != 0)
        return; // only these are made
    caption_of("caption", &plain);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vb_generated got;
        caption_of(rows[i].task, &got);
        const bool same = strcmp(plain.text.bytes, got.text.bytes) == 0 &&
                          fabs((double)plain.score - (double)got.score) <= rows[i].atol;
        if (same != rows[i].same)
            fail_msg("%s: \"%s\" (%g), plain \"%s\" (%g)", rows[i].task, got.text.bytes,
                     (double)got.score, plain.text.bytes, (double)plain.score);
        vb_generated_free(&got);
    }
    vb_generated_free(&plain);
}

// What training leaves behind does not change what is computed.
static void test_momentum_weights_are_ignored(void **state)
{
    (void)state;
    static const char made[] = "--task retrieval --momentum --position-ids";
    if (strcmp(fixture.config, "tiny") != 0)
        return; // only this is made
    cJSON *json = load_cases();
    vb_model *model = fixture_model(&fixture, "retrieval-momentum");
    vb_visual *visual;
    vblip_error err = {0};
    int done = 0;
    fixture_ok(vb_visual_make(&visual, model, &err), &err);
    for (const cJSON *row = json_member(json, "cases")->child; row; row = row->next) {
        if (strcmp(json_string(row, "checkpoint"), made) != 0)
            continue;
        const cJSON *image = json_member(row, "images")->child;
        const cJSON *want = json_member(row, "itm_cls")->child;
        for (; image; image = image->next, want = want->next) {
            const cJSON *text = json_member(row, "texts")->child, *pair = want->child;
            vb_frame frame;
            fixture_frames(&frame, model->config.vision.image_size,
                           (uint32_t)image->valueint, 1);
            fixture_ok(vb_model_see(model, visual, &frame, 1, 0, NULL, &err), &err);
            for (; text; text = text->next, pair = pair->next, done++) {
                const char *words = text->valuestring;
                float logits[1][2];
                fixture_ok(vb_model_itm(model, visual, &words, 1, true, logits, &err),
                           &err);
                expect_row(pair, logits[0], json_number(json, "atol"));
            }
            free(frame.rgb);
        }
    }
    assert_int_equal(done, 6);
    vb_visual_free(&visual);
    vb_model_free(&model);
    cJSON_Delete(json);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_positions_are_resized_at_load),
        cmocka_unit_test(test_layouts_of_the_same_weights),
        cmocka_unit_test(test_momentum_weights_are_ignored),
    };
    fixture_open(&fixture, argc, argv);
    int failures = cmocka_run_group_tests_name("loader", tests, NULL, NULL);
    fixture_close(&fixture);
    return failures;
}
