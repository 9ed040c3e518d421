// test_calibration.c - what is fitted is the maximum of the likelihood, what nothing can be
// fitted to is refused, and the file says again what was fitted.
#include "support/fakes.h"
#include "video_tasks/calibration.h"
#include "video_tasks/calibration_file.h"
#include "video_tasks/ranking.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_PAIRS = 512 };

typedef struct pair_list {
    vb_judged items[MOST_PAIRS];
    uint32_t count;
} pair_list;

// `matches` pairs that match and `others` that do not, whose logits are `margin` apart.
static void add_judged(pair_list *list, float margin, uint32_t matches, uint32_t others)
{
    for (uint32_t i = 0; i < matches + others; i++) {
        assert_true(list->count < MOST_PAIRS);
        list->items[list->count++] = (vb_judged){{0.25f, 0.25f + margin}, i < matches};
    }
}

static void near(double value, double expected, double error)
{
    if (!(fabs(value - expected) <= error))
        fail_msg("%.9g, expected %.9g", value, expected);
}

// With two margins the fit goes through both shares: log(3) at `scale`, -log(4) at -`scale`.
static void test_two_margins_are_met_exactly(void **state)
{
    (void)state;
    static const float scales[] = {0.01f, 0.5f, 1, 8, 1000};
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        pair_list list = {0};
        add_judged(&list, scales[i], 30, 10);
        add_judged(&list, -scales[i], 8, 32);
        vblip_calibration c = {0};
        vblip_error err = {0};
        if (vb_calibration_fit(&c, list.items, list.count, "p", &err) != VBLIP_OK)
            fail_msg("scale %g: %s", (double)scales[i], err.message);
        const double slope = (log(3) + log(4)) / 2, bias = (log(3) - log(4)) / 2;
        near((double)c.temperature, (double)scales[i] / slope,
             1e-4 * (double)scales[i]);
        near((double)c.bias, bias, 1e-5);
        assert_int_equal(c.pairs, 80);
        assert_int_equal(c.matches, 38);
        // Both shares are met: no error is left, and the Brier score is their variance.
        near((double)c.ece_after, 0, 1e-6);
        near((double)c.brier_after, (0.75 * 0.25 + 0.2 * 0.8) / 2, 1e-6);
        assert_true(c.brier_before > c.brier_after);
    }
}

// Pairs that are as they say: nothing is to be done. P(match) of -log(3), 0 and log(3) is 1/4,
// 1/2 and 3/4.
static void test_what_is_calibrated_stays(void **state)
{
    (void)state;
    pair_list list = {0};
    add_judged(&list, -logf(3), 10, 30);
    add_judged(&list, 0, 20, 20);
    add_judged(&list, logf(3), 30, 10);
    vblip_calibration c = {0};
    assert_int_equal(vb_calibration_fit(&c, list.items, list.count, "p", NULL),
                     VBLIP_OK);
    near((double)c.temperature, 1, 1e-5);
    near((double)c.bias, 0, 1e-6);
    near((double)c.ece_before, 0, 1e-6);
    near((double)c.ece_after, 0, 1e-6);
}

// The gradient of the loss is zero, whatever the pairs: no other fit is as likely.
static void test_the_likelihood_is_at_its_maximum(void **state)
{
    (void)state;
    pair_list list = {0};
    uint32_t draw = 1;
    for (int i = 0; i < 400; i++) {
        draw = draw * 1664525u + 1013904223u;
        const float margin = (float)(draw >> 16) / 65536 * 12 - 6;
        draw = draw * 1664525u + 1013904223u;
        const double p = 1 / (1 + exp(-((double)margin / 2.5 + 0.75)));
        add_judged(&list, margin, (double)(draw >> 8) / (1 << 24) < p,
                   (double)(draw >> 8) / (1 << 24) >= p);
    }
    vblip_calibration c = {0};
    assert_int_equal(vb_calibration_fit(&c, list.items, list.count, "p", NULL),
                     VBLIP_OK);
    double along_slope = 0, along_bias = 0;
    for (uint32_t i = 0; i < list.count; i++) {
        const vb_judged *pair = &list.items[i];
        const double off =
            (double)vb_match_probability(&c, pair->logits) - (pair->match ? 1 : 0);
        along_slope += off * (double)(pair->logits[1] - pair->logits[0]);
        along_bias += off;
    }
    near(along_slope / list.count, 0, 1e-5);
    near(along_bias / list.count, 0, 1e-5);
    near((double)c.temperature, 2.5, 0.4); // that of the draws
    near((double)c.bias, 0.75, 0.3);
    assert_true(c.brier_after < c.brier_before && c.ece_after < c.ece_before);
}

static void test_reliability_by_hand(void **state)
{
    (void)state;
    pair_list list = {0};
    vblip_reliability r;
    add_judged(&list, 0, 1, 3);    // P 0.5, of which a quarter matches
    add_judged(&list, 200, 1, 0);  // P 1
    add_judged(&list, -200, 0, 3); // P 0
    vb_reliability_measure(&r, list.items, list.count, NULL);
    assert_int_equal(r.bins[0].pairs, 3);
    assert_int_equal(r.bins[5].pairs, 4);
    assert_int_equal(r.bins[9].pairs, 1);
    near(r.bins[5].mean_p, 0.5, 1e-9);
    near(r.bins[5].observed, 0.25, 1e-9);
    near(r.bins[9].mean_p, 1, 1e-9);
    near(r.bins[9].observed, 1, 1e-9);
    near(r.bins[0].observed, 0, 1e-9);
    assert_true(r.bins[3].mean_p == 0 && r.bins[3].observed == 0);
    near(r.ece, 0.25 * 4 / 8, 1e-9);
    near(r.brier, 0.25 * 4 / 8, 1e-9);
    vb_reliability_measure(&r, NULL, 0, NULL);
    assert_true(r.ece == 0 && r.brier == 0);
}

static void test_what_nothing_can_be_fitted_to(void **state)
{
    (void)state;
    static const struct {
        uint32_t low[2], high[2]; // matches and others at margin -1 and at margin 1
        const char *message;
    } cases[] = {
        {{0, 0}, {0, 0}, "p: 0 pairs match, 0 do not: nothing is fitted to fewer than"},
        {{0, 0}, {9, 50}, "p: 9 pairs match, 50 do not: nothing is fitted to fewer"},
        {{20, 0}, {30, 0}, "p: 50 pairs match, 0 do not: nothing is fitted to fewer"},
        {{0, 20}, {0, 30}, "p: 0 pairs match, 50 do not: nothing is fitted to fewer"},
        {{0, 20}, {20, 0}, "p: ITM is right about all 40 pairs, by any temperature"},
        {{20, 0}, {0, 20}, "p: of 40 pairs, those that match have no larger logits"},
        {{20, 10}, {10, 20}, "p: of 60 pairs, those that match have no larger logits"},
        {{10, 10}, {10, 10}, "p: of 40 pairs, those that match have no larger logits"},
        {{20, 20}, {0, 0}, "p: of 40 pairs, those that match have no larger logits"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pair_list list = {0};
        add_judged(&list, -1, cases[i].low[0], cases[i].low[1]);
        add_judged(&list, 1, cases[i].high[0], cases[i].high[1]);
        vblip_calibration c = {0};
        vblip_error err = {0};
        const vblip_status status =
            vb_calibration_fit(&c, list.items, list.count, "p", &err);
        if (status != VBLIP_ERR_FORMAT ||
            strncmp(err.message, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("%zu: %d, \"%s\"", i, status, err.message);
        assert_true(c.temperature == 0);
    }
}

// ------------------------------------------------------------------------------ judging

// Texts are numbers: see fakes.h.
static const char known[] = "{\"video\":\"a\",\"caption\":\"0\",\"match\":true}\n"
                            "{\"video\":\"b\",\"caption\":\"0\",\"match\":false}\n"
                            "{\"path\":\"a\",\"caption\":\"1\",\"match\":false}\n";

static vblip_status judge_known(fake_world *world, vb_judged out[3], vblip_error *err)
{
    vb_eval_set set;
    assert_int_equal(
        vb_eval_set_parse(&set, known, strlen(known), VB_ANNOTATED_MATCHES, "set", err),
        VBLIP_OK);
    vb_task task = fake_task(world, false);
    task.inputs = set.inputs;
    task.input_count = set.input_count;
    const vblip_calibrate_options options = {0};
    const vblip_status status = vb_task_judge(out, &task, &set, &options, err);
    vb_eval_set_free(&set);
    assert_int_equal(world->model.live, 0);
    return status;
}

static void test_each_clip_is_encoded_once(void **state)
{
    (void)state;
    fake_world world;
    fake_world_make(&world, 2, 1);
    world.model.logit[0][0] = 3;
    world.model.logit[0][1] = -1;
    world.model.logit[1][0] = 0.5f;
    vb_judged judged[3];
    assert_int_equal(judge_known(&world, judged, NULL), VBLIP_OK);
    assert_true(judged[0].match && !judged[1].match && !judged[2].match);
    assert_true(judged[0].logits[0] == -3 && judged[0].logits[1] == 3);
    assert_true(judged[1].logits[1] == -1 && judged[2].logits[1] == 0.5f);
    assert_int_equal(world.model.encode_calls, 2);

    vblip_error err = {0};
    fake_world_make(&world, 2, 1);
    world.clips[1].error = "bad";
    assert_int_equal(judge_known(&world, judged, &err), VBLIP_ERR_IO);
    assert_string_equal(err.message, "set: 1 of 2 videos or images could not be read: "
                                     "no metrics");
}

// --------------------------------------------------------------------------------- the file

static const vblip_calibration written = {
    .temperature = 1.5f,
    .bias = -0.25f,
    .model = UINT64_C(0x0123456789abcdef),
    .image_size = 96,
    .frames = 8,
    .compat = VBLIP_COMPAT_HF,
    .itm_cls = true,
    .pairs = 40,
    .matches = 20,
    .ece_before = 0.5f,
    .brier_after = 0.125f,
};

// Replaces what stands at `from` in the file by `to`, and parses an exact copy, so that ASan
// sees a read one byte past the end.
static vblip_status parse_changed(vblip_calibration *out, const char *from,
                                  const char *to, vblip_error *err)
{
    vb_string text = {0}, changed = {0};
    vb_calibration_write(&text, &written);
    const char *at = strstr(text.bytes, from);
    if (!at)
        fail_msg("%s: not in %s", from, text.bytes);
    vb_string_append(&changed, text.bytes, (size_t)(at - text.bytes));
    vb_string_puts(&changed, to);
    vb_string_puts(&changed, at + strlen(from));
    char *copy = malloc(changed.size);
    assert_non_null(copy);
    memcpy(copy, changed.bytes, changed.size);
    *err = (vblip_error){0};
    const vblip_status status = vb_calibration_parse(out, copy, changed.size, "f", err);
    free(copy);
    vb_string_free(&text);
    vb_string_free(&changed);
    return status;
}

static void test_the_file_says_the_same(void **state)
{
    (void)state;
    vblip_calibration c;
    vblip_error err;
    assert_int_equal(parse_changed(&c, "{", "{", &err), VBLIP_OK);
    assert_true(c.temperature == 1.5f && c.bias == -0.25f);
    assert_true(c.model == written.model && c.compat == VBLIP_COMPAT_HF && c.itm_cls);
    assert_int_equal(c.image_size, 96);
    assert_int_equal(c.frames, 8);
    assert_int_equal(c.pairs, 40);
    assert_int_equal(c.matches, 20);
    assert_true(c.ece_before == 0.5f && c.ece_after == 0 && c.brier_after == 0.125f);
    assert_null(c.path);
    // What a later version adds without being another one.
    assert_int_equal(parse_changed(&c, "{", "{\"more\": [1],", &err), VBLIP_OK);
}

static const struct bad_file {
    const char *from, *to;
    vblip_status status;
    const char *message;
} bad_files[] = {
    {"{", "", VBLIP_ERR_FORMAT, "f: "},
    {"}", "", VBLIP_ERR_FORMAT, "f: not JSON"},
    {"}", "} {}", VBLIP_ERR_FORMAT, "f: more after the JSON"},
    {"\"version\": 1", "\"version\": 2", VBLIP_ERR_UNSUPPORTED,
     "f: version: 2, written by a newer vblip: this one reads 1"},
    {"\"version\": 1", "\"version\": 0", VBLIP_ERR_FORMAT, "f: version: 0, expected"},
    {"\"version\": 1", "\"version\": \"1\"", VBLIP_ERR_FORMAT,
     "f: version: not a whole number"},
    {"\"version\": 1", "\"camera\": 1", VBLIP_ERR_FORMAT, "f: version: missing"},
    {"\"temperature\": 1.5", "\"temperature\": 0", VBLIP_ERR_FORMAT,
     "f: temperature: 0, expected 0.001 to 1000"},
    {"\"temperature\": 1.5", "\"temperature\": -1.5", VBLIP_ERR_FORMAT,
     "f: temperature: -1.5, expected 0.001 to 1000"},
    {"\"temperature\": 1.5", "\"temperature\": NaN", VBLIP_ERR_FORMAT, "f: not JSON"},
    {"\"temperature\": 1.5", "\"temperature\": 1e999", VBLIP_ERR_FORMAT, "f: "},
    {"\"temperature\": 1.5", "\"temperature\": \"1.5\"", VBLIP_ERR_FORMAT,
     "f: temperature: not a number"},
    {"\"temperature\": 1.5", "\"t\": 1.5", VBLIP_ERR_FORMAT, "f: temperature: missing"},
    {"\"temperature\": 1.5", "\"temperature\": null", VBLIP_ERR_FORMAT,
     "f: temperature: missing"},
    {"\"bias\": -0.25", "\"bias\": 1e7", VBLIP_ERR_FORMAT, "f: bias: 1e+07, expected"},
    {"\"bias\": -0.25", "\"bias\": false", VBLIP_ERR_FORMAT, "f: bias: not a number"},
    {"\"bias\": -0.25", "\"bias\": 1, \"bias\": 2", VBLIP_ERR_FORMAT,
     "f: \"bias\" is given twice"},
    {"\"ece_before\": 0.5", "\"ece_before\": 1.5", VBLIP_ERR_FORMAT, "f: ece_before: "},
    {"\"frames\": 8", "\"frames\": 0", VBLIP_ERR_FORMAT, "f: frames: 0, expected 1 to"},
    {"\"frames\": 8", "\"frames\": 8.5", VBLIP_ERR_FORMAT,
     "f: frames: not a whole number"},
    {"\"image_size\": 96", "\"image_size\": []", VBLIP_ERR_FORMAT, "f: image_size: "},
    {"\"pairs\": 40", "\"pairs\": 10", VBLIP_ERR_FORMAT, "f: matches: 20, of 10 pairs"},
    {"0123456789abcdef", "0123456789abcde", VBLIP_ERR_FORMAT,
     "f: model: \"0123456789abcde\", expected 16 hexadecimal digits"},
    {"0123456789abcdef", "0123456789ABCDEF", VBLIP_ERR_FORMAT, "f: model: "},
    {"\"0123456789abcdef\"", "12", VBLIP_ERR_FORMAT, "f: model: not a string"},
    {"\"hf\"", "\"tf\"", VBLIP_ERR_FORMAT,
     "f: compat: \"tf\", expected salesforce or hf"},
    {"\"cls\"", "true", VBLIP_ERR_FORMAT, "f: itm_token: not a string"},
};

static void test_bad_files_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        const struct bad_file *row = &bad_files[i];
        vblip_calibration c;
        vblip_error err;
        const vblip_status status = parse_changed(&c, row->from, row->to, &err);
        if (status != row->status ||
            strncmp(err.message, row->message, strlen(row->message)) != 0)
            fail_msg("%s: %d, \"%s\", expected \"%s\"", row->to, status, err.message,
                     row->message);
        assert_true(c.temperature == 0);
    }
    static const char *const others[] = {"", "[]", "7", "null", "\xFF"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(vb_calibration_parse(&(vblip_calibration){0}, others[i],
                                              strlen(others[i]), "f", NULL),
                         VBLIP_ERR_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_margins_are_met_exactly),
        cmocka_unit_test(test_what_is_calibrated_stays),
        cmocka_unit_test(test_the_likelihood_is_at_its_maximum),
        cmocka_unit_test(test_reliability_by_hand),
        cmocka_unit_test(test_what_nothing_can_be_fitted_to),
        cmocka_unit_test(test_each_clip_is_encoded_once),
        cmocka_unit_test(test_the_file_says_the_same),
        cmocka_unit_test(test_bad_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
