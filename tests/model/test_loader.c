// test_loader.c - checkpoints stored in other ways give the same model: in original
// layout, in shards, in halves, with position embeddings of another grid, with what
// training leaves behind (tests/golden/model/*/loader.json).
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

enum { CAPTIONS = 4 }; // of each layout: the weights are the same to the bit

static model_fixture fixture;

// Means of log-probabilities, as in test_captions.c.
static const double score_atol = 2e-4;

// Loads CONFIG-STORED for `tasks`, at the image size of CONFIG.
static vb_model *load(const char *stored, uint32_t tasks)
{
    const uint32_t side = golden_count(json_member(fixture.manifest, "sizes"), "S");
    const vb_model_options options = {.tasks = tasks};
    vb_checkpoint *checkpoint = fixture_checkpoint(&fixture, stored, side);
    const vblip_model_info *info = vb_checkpoint_info(checkpoint);
    vb_model *model;
    vblip_error err = {0};
    if (info->missing[0] || info->unexpected[0])
        fail_msg("%s: missing %s, unexpected %s", stored, info->missing[0],
                 info->unexpected[0]);
    fixture_ok(vb_model_load(&model, fixture.device, checkpoint, &options, &err), &err);
    vb_checkpoint_close(&checkpoint);
    return model;
}

static void expect_row(const cJSON *want, const float *got, double atol)
{
    assert_non_null(want->child);
    for (const cJSON *value = want->child; value; value = value->next, got++)
        if (!(fabs(value->valuedouble - (double)*got) <= atol))
            fail_msg("%s: %.7g, expected %.7g", want->string ? want->string : "values",
                     (double)*got, value->valuedouble);
}

// ------------------------------------------------------------------ what the cases say

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
    fixture_ok(vb_model_encode(model, visual, &frame, 1, 0, NULL, &err), &err);
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
        golden_expect(&fixture, label, caption, "text", &got, score_atol);
        vb_generated_free(&got);
    }
}

static double similarity(vb_model *model, const float *itc, const char *words)
{
    const uint32_t width = model->config.projection;
    float *text = malloc(width * sizeof *text);
    double sum = 0.0;
    vblip_error err = {0};
    assert_non_null(text);
    fixture_ok(vb_model_text_itc(model, &words, 1, text, &err), &err);
    for (uint32_t i = 0; i < width; i++)
        sum += (double)text[i] * (double)itc[i];
    free(text);
    return sum;
}

// ITC and ITM of one image and each text.
static void expect_matches(vb_model *model, vb_visual *visual, const cJSON *row,
                           int image, double atol)
{
    const cJSON *cosines = cJSON_GetArrayItem(json_member(row, "itc"), image);
    const cJSON *pairs = cJSON_GetArrayItem(json_member(row, "itm_cls"), image);
    const cJSON *index = cJSON_GetArrayItem(json_member(row, "images"), image);
    float *itc = malloc(model->config.projection * sizeof *itc);
    vb_frame frame;
    vblip_error err = {0};
    int i = 0;
    assert_non_null(itc);
    fixture_frames(&frame, model->config.vision.image_size, (uint32_t)index->valueint,
                   1);
    fixture_ok(vb_model_encode(model, visual, &frame, 1, 0, itc, &err), &err);
    for (const cJSON *t = json_member(row, "texts")->child; t; t = t->next, i++) {
        const char *words = t->valuestring;
        const double want = cJSON_GetArrayItem(cosines, i)->valuedouble;
        const double got = similarity(model, itc, words);
        float logits[1][2];
        if (!(fabs(got - want) <= atol))
            fail_msg("ITC of \"%s\": %.7g, expected %.7g", words, got, want);
        fixture_ok(vb_model_itm(model, visual, &words, 1, true, logits, &err), &err);
        expect_row(cJSON_GetArrayItem(pairs, i), logits[0], atol);
    }
    assert_int_equal(i, 3);
    free(frame.rgb);
    free(itc);
}

static void expect_case(const char *stored, const cJSON *row, double atol)
{
    const bool captions = strcmp(json_string(row, "model"), "caption") == 0;
    vb_model *model =
        load(stored, captions ? VBLIP_TASK_CAPTION : VBLIP_TASK_RETRIEVAL);
    vb_visual *visual;
    vblip_error err = {0};
    print_message("  %s, %s\n", stored, json_string(row, "model"));
    fixture_ok(vb_visual_make(&visual, model, &err), &err);
    if (captions) {
        expect_tokens(model, visual, row, atol);
        expect_captions(model, visual, row);
    } else {
        for (int i = 0; i < cJSON_GetArraySize(json_member(row, "images")); i++)
            expect_matches(model, visual, row, i, atol);
    }
    vb_visual_free(&visual);
    vb_model_free(&model);
}

// "--task caption --grid 3" is stored as "caption-grid3".
static void stored_name(char out[64], const char *options)
{
    static const char task[] = "--task ";
    size_t size = 0;
    assert_int_equal(strncmp(options, task, sizeof task - 1), 0);
    for (const char *c = options + sizeof task - 1; *c && size < 63; c++) {
        if (strncmp(c, " --", 3) == 0) {
            out[size++] = '-';
            c += 2;
        } else if (*c != ' ') {
            out[size++] = *c;
        }
    }
    out[size] = '\0';
}

// Every case, as the original loads it from a .pth; a stored grid also from the folder
// that states it in config.json.
static void test_golden_loads(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, VB_GOLDEN "/model/%s/loader.json", fixture.config);
    cJSON *json = json_load(path);
    const double atol = json_number(json, "atol");
    int done = 0;
    for (const cJSON *row = json_member(json, "cases")->child; row; row = row->next) {
        char name[64], file[80];
        stored_name(name, json_string(row, "checkpoint"));
        snprintf(file, sizeof file, "%s.pth", name);
        expect_case(file, row, atol);
        if (strstr(name, "-grid"))
            expect_case(name, row, atol);
        done++;
    }
    assert_int_equal(done, 6);
    cJSON_Delete(json);
}

// --------------------------------------------------------- the same weights otherwise

// The first captions of golden/generate; of weights in halves, those whose margin is wide enough
// for it (golden/README.md).
static int expect_golden_captions(const char *stored, double margin, double atol)
{
    cJSON *json = golden_load(&fixture, "captions");
    vb_model *model = load(stored, VBLIP_TASK_CAPTION);
    vb_visual *visual;
    vblip_error err = {0};
    int done = 0;
    fixture_ok(vb_visual_make(&visual, model, &err), &err);
    for (const cJSON *row = json_member(json, "cases")->child; row && done < CAPTIONS;
         row = row->next) {
        const vb_caption_params params = {
            .beams = golden_count(row, "num_beams"),
            .max_length = golden_count(row, "max_length"),
            .min_length = golden_count(row, "min_length"),
            .repetition_penalty = (float)json_number(row, "repetition_penalty"),
        };
        vb_generated got;
        if (golden_skip(&fixture, row, 0) || json_number(row, "margin") <= margin)
            continue;
        golden_see(model, visual, row);
        fixture_ok(vb_model_caption(model, visual, &params, &got, &err), &err);
        golden_expect(&fixture, stored, row, "text", &got, atol);
        vb_generated_free(&got);
        done++;
    }
    vb_visual_free(&visual);
    vb_model_free(&model);
    cJSON_Delete(json);
    return done;
}

static void test_captions_of_every_layout(void **state)
{
    (void)state;
    static const struct {
        const char *stored;
        double margin, atol;
        bool tiny_only; // others are not made
    } rows[] = {
        {"caption.pth", 0.0, 2e-4, false},
        {"caption-sharded", 0.0, 2e-4, true},
        {"caption-bin", 0.0, 2e-4, true},
        {"caption-bin/pytorch_model.bin", 0.0, 2e-4, true},
        {"caption-bin-sharded", 0.0, 2e-4, true},
        {"caption.safetensors", 0.0, 2e-4, true},
        {"caption/model.safetensors", 0.0, 2e-4, true},
        {"caption-tied", 0.0, 2e-4, true},
        {"caption-tied.pth", 0.0, 2e-4, true},
        {"caption-oldbias", 0.0, 2e-4, true},
        {"caption-oldbias.pth", 0.0, 2e-4, true},
        {"caption-f16", 0.01, 0.01, true},
        {"caption-f16.pth", 0.01, 0.01, true},
        {"caption-bf16", 0.02, 0.05, true},
        {"caption-bf16.pth", 0.02, 0.05, true},
    };
    const bool tiny = strcmp(fixture.config, "tiny") == 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].tiny_only && !tiny)
            continue;
        const int done =
            expect_golden_captions(rows[i].stored, rows[i].margin, rows[i].atol);
        print_message("  %s\n", rows[i].stored);
        assert_int_equal(done, CAPTIONS);
    }
}

static void first_caption(const char *stored, vb_generated *out)
{
    vb_model *model = load(stored, VBLIP_TASK_CAPTION);
    vb_visual *visual;
    vb_frame frame;
    vblip_error err = {0};
    fixture_ok(vb_visual_make(&visual, model, &err), &err);
    fixture_frames(&frame, model->config.vision.image_size, 1000, 1);
    fixture_ok(vb_model_encode(model, visual, &frame, 1, 0, NULL, &err), &err);
    fixture_ok(vb_model_caption(model, visual, NULL, out, &err), &err);
    free(frame.rgb);
    vb_visual_free(&visual);
    vb_model_free(&model);
}

// Hugging Face keeps two tensors where the original has one parameter: with the same
// bytes in both, the folder and the file are different models (blip-spec 7.3).
static void test_an_untied_head_is_two_tensors_in_a_folder_only(void **state)
{
    (void)state;
    static const char *const stored[] = {"caption", "caption-untied",
                                         "caption-untie.pth"};
    vb_generated got[3];
    if (strcmp(fixture.config, "tiny") != 0)
        return; // only this is made
    for (int i = 0; i < 3; i++)
        first_caption(stored[i], &got[i]);
    for (int i = 0; i < 3; i++)
        assert_string_not_equal(got[i].text.bytes, got[(i + 1) % 3].text.bytes);
    for (int i = 0; i < 3; i++)
        vb_generated_free(&got[i]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_loads),
        cmocka_unit_test(test_captions_of_every_layout),
        cmocka_unit_test(test_an_untied_head_is_two_tensors_in_a_folder_only),
    };
    fixture_open(&fixture, argc, argv);
    int failures = cmocka_run_group_tests_name("loader", tests, NULL, NULL);
    fixture_close(&fixture);
    return failures;
}
