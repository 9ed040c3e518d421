// test_calibrate_api.c - what vblip_calibrate writes is what P(match) goes by afterwards, and
// what does not fit is refused.
#include "support/api_fixture.h"
#include "support/temp.h"
#include "vblip_lab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VIDEO VB_GOLDEN "/video/clip00.mp4"

enum { TEXTS = 40 };

static const vblip_error stale = {VBLIP_ERR_IO, "an old message"};

typedef struct texts {
    char words[TEXTS][32];
    const char *list[TEXTS];
    vblip_match_row rows[TEXTS];
    bool match[TEXTS];
} texts;

static int keep_row(void *user, const vblip_match_row *row)
{
    ((texts *)user)->rows[row->text] = *row;
    return 0;
}

static void match_texts(texts *t, vblip_model *model,
                        const vblip_match_options *options)
{
    const char *const path = VIDEO;
    vblip_inputs *inputs;
    vblip_error err;
    api_ok(vblip_inputs_open(&inputs, &path, 1, NULL, &err), &err);
    api_ok(vblip_match(model, inputs, t->list, TEXTS, options, keep_row, t, &err),
           &err);
    vblip_inputs_close(&inputs);
}

static float margin(const texts *t, int i)
{
    return t->rows[i].itm_logits[1] - t->rows[i].itm_logits[0];
}

// Those with the larger half of the logits match, but for every fifth text.
static void make_texts(texts *t, vblip_model *model)
{
    *t = (texts){0};
    for (int i = 0; i < TEXTS; i++) {
        snprintf(t->words[i], sizeof t->words[i], "a %c%c of a dog", 'a' + i % 26,
                 'b' + i % 7);
        t->list[i] = t->words[i];
    }
    match_texts(t, model, NULL);
    for (int i = 0; i < TEXTS; i++) {
        int larger = 0;
        for (int j = 0; j < TEXTS; j++)
            larger += margin(t, j) > margin(t, i);
        t->match[i] = (larger < TEXTS / 2) != (i % 5 == 0);
    }
}

static vblip_dataset *open_texts(const texts *t, const char *video, vblip_protocol kind)
{
    char text[8192] = "", path[TEMP_PATH];
    for (int i = 0; i < TEXTS; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "{\"video\":\"%s\",\"caption\":\"%s\",\"match\":%s}\n", video,
                 t->list[i], t->match[i] ? "true" : "false");
    temp_write(temp_folder, "pairs.jsonl", text);
    vblip_dataset *pairs;
    vblip_error err;
    api_ok(vblip_dataset_open(&pairs, kind, temp_path(path, temp_folder, "pairs.jsonl"),
                              NULL, &err),
           &err);
    return pairs;
}

static int keep_calibrated(void *user, const vblip_calibrated *calibrated)
{
    *(vblip_calibrated *)user = *calibrated;
    return 0;
}

static int stop_calibrated(void *user, const vblip_calibrated *calibrated)
{
    (void)user;
    (void)calibrated;
    return 1;
}

static vblip_model *load_with(const char *name, const char *calibration,
                              vblip_error *err)
{
    char path[TEMP_PATH];
    snprintf(path, sizeof path, VB_CHECKPOINTS "/%s", name);
    const vblip_model_options options = {.path = path, .calibration = calibration};
    vblip_model *model = NULL;
    (void)!vblip_model_load(&model, api_engine, &options, err);
    return model;
}

// Writes `file`, fitted to texts of a video.
static void calibrate_texts(texts *t, const char *file)
{
    vblip_error err = stale;
    vblip_model *model = load_with("tiny-retrieval", "none", &err);
    assert_null(vblip_model_calibration(model, 0, false, &err));
    assert_int_equal(err.status, VBLIP_OK);
    make_texts(t, model);
    vblip_dataset *pairs = open_texts(t, VIDEO, VBLIP_CALIBRATION);
    const vblip_calibrate_options options = {.output = file};
    vblip_calibrated calibrated = {0};
    api_ok(vblip_calibrate(model, pairs, &options, keep_calibrated, &calibrated, &err),
           &err);
    uint32_t before = 0, after = 0;
    for (int b = 0; b < VBLIP_RELIABILITY_BINS; b++) {
        before += calibrated.before.bins[b].pairs;
        after += calibrated.after.bins[b].pairs;
    }
    assert_true(before == TEXTS && after == TEXTS);
    assert_true(calibrated.after.brier < calibrated.before.brier);
    api_refused(vblip_calibrate(model, pairs, &options, stop_calibrated, NULL, &err),
                VBLIP_ERR_CANCELLED, &err, "");
    vblip_dataset_close(&pairs);
    vblip_model_free(&model);
}

static void test_p_match_goes_by_it(void **state)
{
    (void)state;
    texts t, again = {0};
    char file[TEMP_PATH];
    vblip_error err = stale;
    calibrate_texts(&t, temp_path(file, temp_folder, "calibration.json"));
    vblip_model *model = load_with("tiny-retrieval", file, &err);
    api_ok(err.status, &err);
    const vblip_calibration *c = vblip_model_calibration(model, 0, false, &err);
    assert_non_null(c);
    assert_string_equal(c->path, file);
    assert_int_equal(c->pairs, TEXTS);
    assert_int_equal(c->frames, 8);
    assert_true(c->brier_after < c->brier_before);
    memcpy(again.list, t.list, sizeof t.list);
    match_texts(&again, model, NULL);
    for (int i = 0; i < TEXTS; i++) {
        const double logit =
            (double)margin(&again, i) / (double)c->temperature + (double)c->bias;
        assert_true(fabs((double)again.rows[i].p_match - 1 / (1 + exp(-logit))) < 1e-6);
        assert_true(margin(&again, i) == margin(&t, i));
    }
    // Named: other options than it was fitted for are refused, whoever asks.
    const vblip_job few = {.frames = 4};
    const vblip_match_options four = {.job = &few}, cls = {.itm_cls = true};
    const char *const path = VIDEO;
    vblip_inputs *inputs;
    api_ok(vblip_inputs_open(&inputs, &path, 1, NULL, &err), &err);
    api_refused(vblip_match(model, inputs, t.list, 1, &four, keep_row, &again, &err),
                VBLIP_ERR_ARGUMENT, &err, "fitted with 8 frames of a clip, not 4");
    api_refused(vblip_match(model, inputs, t.list, 1, &cls, keep_row, &again, &err),
                VBLIP_ERR_ARGUMENT, &err, "fitted with [ENC] first, not [CLS]");
    assert_null(vblip_model_calibration(model, 4, false, &err));
    assert_int_equal(err.status, VBLIP_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "fitted with 8 frames"));
    vblip_clip *clip;
    const vblip_clip_options two = {.frames = 2};
    api_ok(vblip_clip_open(&clip, model, VIDEO, &two, &err), &err);
    api_refused(vblip_clip_match(clip, t.list, 1, NULL, keep_row, &again, &err),
                VBLIP_ERR_ARGUMENT, &err, "fitted with 8 frames of a clip, not 2");
    vblip_clip_close(&clip);
    vblip_model_free(&model);

    model = load_with("small-retrieval", file, &err);
    api_refused(vblip_match(model, inputs, t.list, 1, NULL, keep_row, &again, &err),
                VBLIP_ERR_ARGUMENT, &err, "fitted for another model");
    vblip_model_free(&model);
    vblip_inputs_close(&inputs);
}

static void test_calibrate_refuses(void **state)
{
    (void)state;
    vblip_error err = stale;
    char file[TEMP_PATH];
    texts t;
    vblip_calibrated calibrated;
    vblip_model *model = api_load("tiny-retrieval", 0);
    vblip_model *captioner = api_load("tiny-caption", 0);
    make_texts(&t, model);
    vblip_dataset *pairs = open_texts(&t, VIDEO, VBLIP_CALIBRATION),
                  *others = open_texts(&t, VIDEO, VBLIP_CAPFILT),
                  *lost = open_texts(&t, "/no/such.mp4", VBLIP_CALIBRATION);
    const vblip_job many_frames = {.frames = 100000};
    const vblip_calibrate_options many = {.job = &many_frames},
                                  nowhere = {.output = "/no/such/folder/c.json"},
                                  there = {.output = temp_path(file, temp_folder,
                                                               "kept.json")};
    temp_write(temp_folder, "kept.json", "kept");
    assert_null(vblip_model_calibration(NULL, 0, false, &err));
    assert_int_equal(err.status, VBLIP_OK);
    api_refused(vblip_calibrate(NULL, pairs, NULL, keep_calibrated, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "model");
    api_refused(vblip_calibrate(model, NULL, NULL, keep_calibrated, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "data set");
    api_refused(vblip_calibrate(model, others, NULL, keep_calibrated, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "opened for protocol 5");
    api_refused(vblip_calibrate(model, pairs, NULL, NULL, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "fn");
    api_refused(vblip_calibrate(model, pairs, &many, keep_calibrated, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "frames: 100000");
    api_refused(vblip_calibrate(captioner, pairs, NULL, keep_calibrated, NULL, &err),
                VBLIP_ERR_UNSUPPORTED, &err, "this checkpoint holds: caption");
    api_refused(
        vblip_calibrate(model, pairs, &nowhere, keep_calibrated, &calibrated, &err),
        VBLIP_ERR_IO, &err, "/no/such/folder/c.json");
    api_refused(
        vblip_calibrate(model, lost, &there, keep_calibrated, &calibrated, &err),
        VBLIP_ERR_IO, &err, "1 of 1 videos or images could not be read");
    memset(t.match, 0, sizeof t.match);
    vblip_dataset_close(&pairs);
    pairs = open_texts(&t, VIDEO, VBLIP_CALIBRATION);
    api_refused(
        vblip_calibrate(model, pairs, &there, keep_calibrated, &calibrated, &err),
        VBLIP_ERR_FORMAT, &err, "0 pairs match, 40 do not");
    size_t size;
    uint8_t *kept = temp_read(&size, file); // whatever failed, what was there stands
    assert_true(size == 4 && memcmp(kept, "kept", 4) == 0);
    free(kept);
    vblip_dataset_close(&lost);
    vblip_dataset_close(&others);
    vblip_dataset_close(&pairs);
    vblip_model_free(&captioner);
    vblip_model_free(&model);
}

static void test_bad_files_are_not_passed_over(void **state)
{
    (void)state;
    char file[TEMP_PATH];
    vblip_error err = stale;
    temp_write(temp_folder, "bad.json", "{\"version\": 7}");
    temp_path(file, temp_folder, "bad.json");
    const char *remedy =
        "vblip calibrate fits another, --calibration none does without";
    assert_null(load_with("tiny-retrieval", file, &err));
    assert_int_equal(err.status, VBLIP_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "bad.json: version: 7, written by a newer"));
    assert_non_null(strstr(err.message, remedy));
    assert_null(load_with("tiny-retrieval", "/no/such.json", &err));
    assert_int_equal(err.status, VBLIP_ERR_IO);
    assert_non_null(strstr(err.message, "/no/such.json: No such file or directory"));
    vblip_model *captioner = load_with("tiny-caption", file, &err); // has no P(match)
    assert_non_null(captioner);
    assert_null(vblip_model_calibration(captioner, 0, false, &err));
    vblip_model_free(&captioner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_p_match_goes_by_it),
        cmocka_unit_test(test_calibrate_refuses),
        cmocka_unit_test(test_bad_files_are_not_passed_over),
    };
    return temp_setup(NULL) || cmocka_run_group_tests(tests, api_setup, api_teardown) ||
           temp_teardown(NULL);
}
