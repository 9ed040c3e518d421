// test_sample.c - what may be drawn is what transformers 4.15 keeps (golden support sets),
// draws follow its probabilities, and random numbers are the same everywhere.
#include "base/random.h"
#include "blip/logits.h"
#include "blip/sample.h"
#include "support/json_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { VOCABULARY = 30524, SEP = 102 };

static uint64_t fnv1a64(const char *text, size_t size, uint64_t hash)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)text[i]) * UINT64_C(0x100000001B3);
    return hash;
}

static const uint64_t fnv_start = UINT64_C(0xCBF29CE484222325);

// ---------------------------------------------------------------------- support sets

// golden/tools/SEEDED.md, steps 1 to 3, for NAME "logits".
static void formula_logits(float *logits, uint64_t seed, float scale)
{
    uint64_t state =
        fnv1a64("logits", 6, fnv_start) ^ (seed * UINT64_C(0x9E3779B97F4A7C15));
    for (int i = 0; i < VOCABULARY; i++) {
        const int64_t k = (int64_t)(vb_random_next(&state) >> 40);
        const float u = (float)(2 * k - (1 << 24)) * 0x1p-24f;
        logits[i] = u * u * u * scale;
    }
}

static int by_value(const void *left, const void *right)
{
    const int32_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

// Of the kept ids in rising order, with commas between them.
static uint64_t hash_kept(const vb_sampler *s)
{
    static int32_t ids[VOCABULARY];
    uint64_t hash = fnv_start;
    for (uint32_t i = 0; i < s->count; i++)
        ids[i] = s->kept[i].token;
    qsort(ids, s->count, sizeof *ids, by_value);
    for (uint32_t i = 0; i < s->count; i++) {
        char text[16];
        int size = snprintf(text, sizeof text, "%s%d", i ? "," : "", (int)ids[i]);
        hash = fnv1a64(text, (size_t)size, hash);
    }
    return hash;
}

static void expect_support(const cJSON *row, const vb_sampler *s, unsigned index)
{
    const cJSON *ids = json_member(row, "ids"), *probs = json_member(row, "probs");
    const cJSON *count = cJSON_GetObjectItemCaseSensitive(row, "count");
    const int listed = cJSON_GetArraySize(ids);
    assert_int_equal(s->count, count ? count->valueint : listed);
    for (int i = 0; i < listed; i++) {
        const double want = cJSON_GetArrayItem(probs, i)->valuedouble;
        assert_int_equal(s->kept[i].token, cJSON_GetArrayItem(ids, i)->valueint);
        if (!(fabs(s->kept[i].probability - want) <= 1e-6 * want))
            fail_msg("case %u, choice %d: probability %.9g, expected %.9g", index, i,
                     s->kept[i].probability, want);
    }
    if (!count)
        return;
    char hash[17];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)hash_kept(s));
    assert_string_equal(hash, json_string(row, "ids_sorted_fnv1a64"));
}

static void test_support_sets(void **state)
{
    (void)state;
    static float logits[VOCABULARY];
    cJSON *json = json_load(VB_GOLDEN "/generate/support_sets.json");
    vb_sampler sampler = {0};
    unsigned done = 0;
    for (const cJSON *row = json_member(json, "cases")->child; row; row = row->next) {
        const cJSON *prompt = json_member(row, "prompt");
        const uint32_t length = (uint32_t)cJSON_GetArraySize(prompt);
        int32_t ids[16];
        assert_true(length <= 16);
        for (uint32_t i = 0; i < length; i++)
            ids[i] = cJSON_GetArrayItem(prompt, (int)i)->valueint;
        const vb_sample_params params = {
            .temperature = 1.0f,
            .top_p = (float)json_number(row, "top_p"),
            .top_k = (uint32_t)json_number(row, "top_k"),
        };
        formula_logits(logits, (uint64_t)json_number(row, "seed"),
                       (float)json_number(row, "scale"));
        vb_penalise_repetition(logits, ids, length,
                               (float)json_number(row, "repetition_penalty"));
        if (length < (uint32_t)json_number(row, "min_length"))
            logits[SEP] = -INFINITY;
        assert_int_equal(vb_sampler_start(&sampler, &params, VOCABULARY, NULL),
                         VBLIP_OK);
        vb_sampler_keep(&sampler, logits);
        expect_support(row, &sampler, done++);
    }
    assert_int_equal(done, 24);
    vb_sampler_free(&sampler);
    cJSON_Delete(json);
}

// Few tokens, by hand.
static void test_what_is_kept(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        float probabilities[6]; // 0 = a logit of -INFINITY
        float temperature, top_p;
        uint32_t top_k;
        const char *kept; // tokens, in order
    } cases[] = {
        {"all", {.1f, .2f, .3f, .4f}, 1, 1, 0, "3210"},
        {"two", {.1f, .2f, .3f, .4f}, 1, 1, 2, "32"},
        {"as many as there are", {.1f, .2f, .3f, .4f}, 1, 1, 6, "3210"},
        {"more than there are", {.1f, .2f, .3f, .4f}, 1, 1, UINT32_MAX, "3210"},
        {"equals at the cut stay", {.2f, .2f, .2f, .4f}, 1, 1, 2, "3012"},
        {"the one that crosses stays", {.1f, .2f, .3f, .4f}, 1, .5f, 0, "32"},
        {"one at least", {.1f, .2f, .3f, .4f}, 1, .001f, 0, "3"},
        {"p of what k left", {.1f, .2f, .3f, .4f}, 1, .5f, 2, "3"},
        {"cooler is sharper", {.1f, .2f, .3f, .4f}, .1f, .9f, 0, "3"},
        {"hotter is flatter", {.1f, .2f, .3f, .4f}, 100, .9f, 0, "3210"},
        {"impossible ones never", {.5f, 0, 0, .5f}, 1, 1, 0, "03"},
        {"nor among k", {.5f, 0, 0, .5f}, 1, 1, 4, "03"},
        {"nothing possible", {0}, 1, .9f, 3, "0"},
    };
    vb_sampler s = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const vb_sample_params params = {.temperature = cases[i].temperature,
                                         .top_p = cases[i].top_p,
                                         .top_k = cases[i].top_k};
        float logits[6];
        char kept[8] = "";
        double sum = 0.0;
        for (int v = 0; v < 6; v++)
            logits[v] = logf(cases[i].probabilities[v]) - 7.0f;
        assert_int_equal(vb_sampler_start(&s, &params, 6, NULL), VBLIP_OK);
        vb_sampler_keep(&s, logits);
        for (uint32_t k = 0; k < s.count; k++) {
            kept[k] = (char)('0' + s.kept[k].token);
            sum += s.kept[k].probability;
        }
        if (strcmp(kept, cases[i].kept) != 0)
            fail_msg("%s: kept %s, expected %s", cases[i].name, kept, cases[i].kept);
        assert_true(fabs(sum - 1.0) < 1e-12);
    }
    vb_sampler_free(&s);
}

// Logits that are not numbers give a token of the vocabulary, whatever is asked.
static void test_not_a_number(void **state)
{
    (void)state;
    float logits[] = {NAN, NAN, NAN, NAN};
    vb_sampler s = {0};
    for (uint32_t k = 0; k < 5; k++) {
        const vb_sample_params params = {.temperature = 1, .top_p = .5f, .top_k = k};
        assert_int_equal(vb_sampler_start(&s, &params, 4, NULL), VBLIP_OK);
        const int32_t token = vb_sampler_draw(&s, logits);
        assert_true(token >= 0 && token < 4);
    }
    vb_sampler_free(&s);
}

static void test_refuses_parameters_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        vb_sample_params params;
        const char *message;
    } cases[] = {
        {{.temperature = 0, .top_p = 1}, "temperature: 0, expected more than 0"},
        {{.temperature = -1, .top_p = 1}, "temperature: -1, expected more than 0"},
        {{.temperature = NAN, .top_p = 1}, "temperature: nan, expected more than 0"},
        {{.temperature = INFINITY, .top_p = 1},
         "temperature: inf, expected more than 0"},
        {{.temperature = 1, .top_p = 0}, "top_p: 0, expected more than 0, at most 1"},
        {{.temperature = 1, .top_p = -.5f},
         "top_p: -0.5, expected more than 0, at most 1"},
        {{.temperature = 1, .top_p = 1.5f},
         "top_p: 1.5, expected more than 0, at most 1"},
        {{.temperature = 1, .top_p = NAN},
         "top_p: nan, expected more than 0, at most 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vb_sampler s = {0};
        vblip_error err = {0};
        assert_int_equal(vb_sampler_start(&s, &cases[i].params, 4, &err),
                         VBLIP_ERR_ARGUMENT);
        assert_string_equal(err.message, cases[i].message);
        assert_null(s.kept);
    }
}

// ----------------------------------------------------------------------------- draws

enum { CHOICES = 20, DRAWS = 200000 };

// Probabilities that differ by more than a hundred: harmonic, and squared.
static void chi_logits(float *logits)
{
    for (int i = 0; i < CHOICES; i++)
        logits[i] = -2.0f * logf((float)(i + 1));
}

// Fails when the counts are further from the probabilities of `s` than chance would have
// them once in a thousand times: 19 degrees of freedom. The seed is fixed, so chance has
// no say in when.
static void expect_fit(const vb_sampler *s, const uint32_t counts[CHOICES])
{
    double chi = 0.0;
    assert_int_equal(s->count, CHOICES);
    for (int i = 0; i < CHOICES; i++) {
        const double want = s->kept[i].probability * (int)DRAWS;
        const double off = counts[s->kept[i].token] - want;
        assert_true(want > 100.0);
        chi += off * off / want;
    }
    if (!(chi < 43.82))
        fail_msg("chi square %.2f, expected less than 43.82", chi);
}

static void test_draws_of_one_stream(void **state)
{
    (void)state;
    const vb_sample_params params = {.temperature = 1, .top_p = 1, .random = 7};
    float logits[CHOICES];
    uint32_t counts[CHOICES] = {0};
    vb_sampler s = {0};
    chi_logits(logits);
    assert_int_equal(vb_sampler_start(&s, &params, CHOICES, NULL), VBLIP_OK);
    for (int i = 0; i < DRAWS; i++)
        counts[vb_sampler_draw(&s, logits)]++;
    expect_fit(&s, counts);
    vb_sampler_free(&s);
}

// The first draws of neighbouring frames, of neighbouring samples and under neighbouring
// seeds are as good as those of one stream.
static void test_first_draws_of_streams(void **state)
{
    (void)state;
    float logits[CHOICES];
    vb_sampler s = {0};
    chi_logits(logits);
    for (int which = 0; which < 3; which++) {
        uint32_t counts[CHOICES] = {0};
        for (uint64_t i = 0; i < DRAWS; i++) {
            const vb_sample_params params = {
                .temperature = 1,
                .top_p = 1,
                .random = vb_random_stream(which == 0 ? i : 5, which == 1 ? i : 5,
                                           which == 2 ? i : 5),
            };
            assert_int_equal(vb_sampler_start(&s, &params, CHOICES, NULL), VBLIP_OK);
            counts[vb_sampler_draw(&s, logits)]++;
        }
        expect_fit(&s, counts);
    }
    vb_sampler_free(&s);
}

// --------------------------------------------------------------------- random numbers

static void test_random_numbers_are_splitmix64(void **state)
{
    (void)state;
    static const uint64_t want[] = {
        UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
        UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
        UINT64_C(16408922859458223821)};
    uint64_t random = 1234567;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_true(vb_random_next(&random) == want[i]);
    random = 1234567;
    assert_true(vb_random_unit(&random) ==
                (double)(want[0] >> 11) / 9007199254740992.0);
}

// What is drawn for a frame must never change between versions.
static void test_streams_are_pinned(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed, frame, sample, state;
    } want[] = {
        {0, 0, 0, UINT64_C(2558736989570252433)},
        {0, 0, 1, UINT64_C(4764156602392020899)},
        {0, 1, 0, UINT64_C(10705738211186751225)},
        {1, 0, 0, UINT64_C(12793040940332582595)},
        {UINT64_MAX, 1000000, 3, UINT64_C(12776606369321916393)},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const uint64_t got =
            vb_random_stream(want[i].seed, want[i].frame, want[i].sample);
        if (got != want[i].state)
            fail_msg("row %zu: %llu, expected %llu", i, (unsigned long long)got,
                     (unsigned long long)want[i].state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_support_sets),
        cmocka_unit_test(test_what_is_kept),
        cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_refuses_parameters_that_cannot_be),
        cmocka_unit_test(test_draws_of_one_stream),
        cmocka_unit_test(test_first_draws_of_streams),
        cmocka_unit_test(test_random_numbers_are_splitmix64),
        cmocka_unit_test(test_streams_are_pinned),
    };
    return cmocka_run_group_tests_name("sample", tests, NULL, NULL);
}
