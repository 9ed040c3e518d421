// test_dialog.c - candidates of a dialog get the scores of an independent evaluation in
// double precision (tests/golden/tools/make_dialogs.py), and what cannot be is refused.
#include "datasets/dialogs.h"
#include "support/model_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 8 };

static const double tolerance = 2e-4; // about that of itm.logits_enc, on longer texts

static model_fixture fixture;

static vb_visual *see(vb_model *model, const cJSON *images)
{
    vb_visual *visual;
    vb_frame frames[MOST];
    vblip_error err = {0};
    const uint32_t count = (uint32_t)cJSON_GetArraySize(images);
    fixture_frames(frames, model->config.vision.image_size,
                   (uint32_t)images->child->valuedouble, count);
    fixture_ok(vb_visual_make(&visual, model, &err), &err);
    fixture_ok(vb_model_encode(model, visual, frames, count, 0, NULL, &err), &err);
    free(frames[0].rgb);
    return visual;
}

static void expect(const cJSON *row, float (*logits)[2], uint32_t count)
{
    const cJSON *want = json_member(row, "logits")->child;
    for (uint32_t i = 0; i < count; i++, want = want->next)
        for (int k = 0; k < 2; k++) {
            const double value = cJSON_GetArrayItem(want, k)->valuedouble;
            if (!(fabs(value - (double)logits[i][k]) <= tolerance))
                fail_msg("candidate %u, logit %d: %.7g, expected %.7g", i, k,
                         (double)logits[i][k], value);
        }
}

static void test_scores(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, VB_GOLDEN "/dialog/%s.json", fixture.config);
    if (strcmp(fixture.config, "wide") == 0)
        skip(); // its vision width is not its text width
    cJSON *json = json_load(path);
    const cJSON *rows = json_member(json, "dialogs");
    char *text = cJSON_PrintUnformatted(rows);
    vb_model *model = fixture_model(&fixture, "retrieval");
    vb_arena arena = {0};
    vb_dialogs dialogs;
    vblip_error err = {0};
    fixture_ok(vb_dialogs_parse(&dialogs, &arena, text, strlen(text), path, &err),
               &err);
    assert_true(dialogs.count > 3);
    const cJSON *row = rows->child;
    for (uint32_t i = 0; i < dialogs.count; i++, row = row->next) {
        float logits[MOST][2], alone[1][2];
        vb_dialog d = dialogs.items[i];
        vb_visual *visual = see(model, json_member(row, "images"));
        assert_true(d.candidate_count <= MOST);
        fixture_ok(vb_model_dialog(model, visual, &d, logits, &err), &err);
        expect(row, logits, d.candidate_count);
        const uint32_t last = d.candidate_count - 1; // the same by itself
        d.candidates += last;
        d.candidate_count = 1;
        fixture_ok(vb_model_dialog(model, visual, &d, alone, &err), &err);
        for (int k = 0; k < 2; k++)
            assert_true(fabs((double)(alone[0][k] - logits[last][k])) < 1e-4);
        vb_visual_free(&visual);
    }
    vb_arena_free(&arena);
    cJSON_free(text);
    cJSON_Delete(json);
    vb_model_free(&model);
}

static void refused(vblip_status got, vblip_status status, vblip_error *err,
                    const char *message, float (*logits)[2])
{
    assert_int_equal(got, status);
    assert_string_equal(err->message, message);
    assert_true(logits[0][0] == 0.0f && logits[0][1] == 0.0f);
    vb_error_reset(err);
}

static void test_refuses(void **state)
{
    (void)state;
    static char longer[1200];
    for (size_t i = 0; i + 2 < sizeof longer; i += 2)
        memcpy(longer + i, "a ", 2);
    const char *const answers[] = {"yes", longer};
    vb_dialog d = {.question = "is it?", .candidates = answers, .candidate_count = 2};
    float logits[2][2] = {{1, 1}};
    vblip_error err = {0};
    vb_model *model = fixture_model(&fixture, "retrieval");
    vb_visual *visual;
    fixture_ok(vb_visual_make(&visual, model, &err), &err);
    refused(vb_model_dialog(model, visual, &d, logits, &err), VBLIP_ERR_ARGUMENT, &err,
            "candidate 2: 604 tokens with its question, the model has 512 positions",
            logits);
    d.candidate_count = 1;
    refused(vb_model_dialog(model, visual, &d, logits, &err), VBLIP_ERR_ARGUMENT, &err,
            "visual tokens: no frames were encoded", logits);
    if (strcmp(fixture.config, "wide") == 0) {
        d.caption = "a dog";
        refused(vb_model_dialog(model, visual, &d, logits, &err), VBLIP_ERR_UNSUPPORTED,
                &err,
                "dialog: captions need a vision width equal to the text width, not 192 "
                "and 128",
                logits);
    }
    vb_visual_free(&visual);
    vb_model_free(&model);

    model = fixture_model(&fixture, "vqa");
    fixture_ok(vb_visual_make(&visual, model, &err), &err);
    refused(vb_model_dialog(model, visual, &d, logits, &err), VBLIP_ERR_ARGUMENT, &err,
            "model: not loaded for retrieval", logits);
    vb_visual_free(&visual);
    vb_model_free(&model);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_refuses),
    };
    fixture_open(&fixture, argc, argv);
    int failures = cmocka_run_group_tests_name("dialog", tests, NULL, NULL);
    fixture_close(&fixture);
    return failures;
}
