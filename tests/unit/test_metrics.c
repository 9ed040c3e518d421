// test_metrics.c - ranks, recalls and accuracies are those that numpy and the original
// code compute, ties included.
#include "support/json_file.h"
#include "support/tensor_file.h"
#include "video_tasks/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 64 };

static void near(const char *what, double got, double expected)
{
    if (!(fabs(got - expected) < 1e-9))
        fail_msg("%s: %.17g, expected %.17g", what, got, expected);
}

static int size_of(const cJSON *array)
{
    return cJSON_GetArraySize(array);
}

static double number_at(const cJSON *array, int i)
{
    const cJSON *item = cJSON_GetArrayItem(array, i);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

// Visual v has the texts from first[v] to first[v + 1].
static uint32_t text_ranges(uint32_t *first, const cJSON *captions)
{
    const uint32_t visuals = (uint32_t)size_of(captions);
    assert_true(visuals < MOST);
    first[0] = 0;
    for (uint32_t v = 0; v < visuals; v++)
        first[v + 1] = first[v] + (uint32_t)number_at(captions, (int)v);
    assert_true(first[visuals] <= MOST);
    return visuals;
}

static uint32_t rank_in(const cJSON *row, const uint32_t *truths, uint32_t count)
{
    float scores[MOST];
    for (int i = 0; i < size_of(row); i++)
        scores[i] = (float)number_at(row, i);
    return vb_best_rank(scores, (uint32_t)size_of(row), truths, count);
}

static void check_recall(const cJSON *expected, uint32_t *ranks)
{
    const uint32_t count = (uint32_t)size_of(json_member(expected, "ranks"));
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(ranks[i],
                         (int)number_at(json_member(expected, "ranks"), (int)i));
    const vb_recall recall = vb_recall_of(ranks, count);
    near("r1", recall.r1, json_number(expected, "r1"));
    near("r5", recall.r5, json_number(expected, "r5"));
    near("r10", recall.r10, json_number(expected, "r10"));
    near("mean", recall.mean, json_number(expected, "mean"));
    near("median", recall.median, json_number(expected, "median"));
}

static void check_case(const cJSON *c)
{
    uint32_t first[MOST + 1], ranks[MOST], truths[MOST];
    const uint32_t visuals = text_ranges(first, json_member(c, "captions"));
    const cJSON *v2t = json_member(c, "v2t"), *t2v = json_member(c, "t2v");
    assert_int_equal(size_of(json_member(v2t, "scores")), visuals);
    for (uint32_t v = 0; v < visuals; v++) {
        const uint32_t count = first[v + 1] - first[v];
        for (uint32_t i = 0; i < count; i++)
            truths[i] = first[v] + i;
        ranks[v] = rank_in(cJSON_GetArrayItem(json_member(v2t, "scores"), (int)v),
                           truths, count);
    }
    check_recall(v2t, ranks);
    for (uint32_t v = 0; v < visuals; v++)
        for (uint32_t t = first[v]; t < first[v + 1]; t++)
            ranks[t] =
                rank_in(cJSON_GetArrayItem(json_member(t2v, "scores"), (int)t), &v, 1);
    check_recall(t2v, ranks);
}

static void test_recalls_are_numpys(void **state)
{
    (void)state;
    cJSON *json = json_load(VB_GOLDEN "/metrics/metrics.json");
    const cJSON *c = NULL;
    int cases = 0;
    for (c = json_member(json, "retrieval")->child; c; c = c->next, cases++) {
        print_message("%s\n", json_string(c, "name"));
        check_case(c);
    }
    assert_true(cases >= 9);
    cJSON_Delete(json);
}

// The score matrices of the original code, and what it made of them. Ranks beyond K are
// arbitrary there and null in the file; so are the metrics that hang on them.
static void check_direction(const vb_safetensors *st, const cJSON *k, const char *kname,
                            const char *direction, const char *prefix)
{
    char name[32];
    snprintf(name, sizeof name, "%s_K%s", direction, kname);
    const vb_weight *w = vb_weight_find(&st->list, name);
    assert_non_null(w);
    const cJSON *expected = json_member(json_member(k, direction), "ranks");
    const uint32_t n = (uint32_t)size_of(expected);
    assert_int_equal(w->size, n * n * sizeof(float));
    float scores[MOST];
    uint32_t ranks[MOST];
    for (uint32_t i = 0; i < n; i++) {
        memcpy(scores, tensor_bytes(w) + i * n * sizeof *scores, n * sizeof *scores);
        ranks[i] = vb_best_rank(scores, n, &i, 1);
        if (cJSON_IsNull(cJSON_GetArrayItem(expected, (int)i)))
            assert_true(ranks[i] >= strtoul(kname, NULL, 10));
        else
            assert_int_equal(ranks[i], (int)number_at(expected, (int)i));
    }
    const vb_recall recall = vb_recall_of(ranks, n);
    const struct {
        const char *suffix;
        double value;
    } metrics[] = {{"r1", recall.r1},
                   {"r5", recall.r5},
                   {"r10", recall.r10},
                   {"r_mean", recall.mean},
                   {"mdR", recall.median}};
    const cJSON *defined = NULL;
    for (defined = json_member(k, "defined_metrics")->child; defined;
         defined = defined->next)
        for (size_t m = 0; m < sizeof metrics / sizeof *metrics; m++) {
            snprintf(name, sizeof name, "%s_%s", prefix, metrics[m].suffix);
            if (strcmp(defined->valuestring, name) == 0)
                near(name, metrics[m].value,
                     json_number(json_member(k, "metrics"), name));
        }
}

static void check_original(const char *config)
{
    char path[256];
    vblip_error err = {0};
    tensor_file file;
    snprintf(path, sizeof path, VB_GOLDEN "/video/video_%s.json", config);
    cJSON *json = json_load(path);
    snprintf(path, sizeof path, VB_GOLDEN "/video/retrieval_%s.safetensors", config);
    assert_int_equal(tensor_file_open(&file, path, &err), VBLIP_OK);
    const cJSON *k = NULL;
    for (k = json_member(json, "K")->child; k; k = k->next) {
        check_direction(&file.tensors, k, k->string, "v2t", "txt");
        check_direction(&file.tensors, k, k->string, "t2v", "vid");
    }
    tensor_file_close(&file);
    cJSON_Delete(json);
}

static void test_recalls_are_the_original_codes(void **state)
{
    (void)state;
    check_original("tiny");
    check_original("small");
}

static void test_nan_is_worst(void **state)
{
    (void)state;
    const float scores[] = {NAN, -100.0f, NAN, 3.0f, -INFINITY};
    static const uint32_t ranks[] = {4, 1, 3, 0, 2};
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(vb_best_rank(scores, 5, &i, 1), ranks[i]);
    const uint32_t truths[] = {0, 4, 2};
    assert_int_equal(vb_best_rank(scores, 5, truths, 3), 2);
}

static void test_answers_are_counted_by_type(void **state)
{
    (void)state;
    cJSON *json = json_load(VB_GOLDEN "/metrics/metrics.json");
    const cJSON *answers = json_member(json, "answers"), *row = NULL;
    vb_accuracy accuracy = {0};
    for (row = json_member(answers, "rows")->child; row; row = row->next) {
        const char *texts[3];
        for (int i = 0; i < 3; i++)
            texts[i] = cJSON_GetStringValue(cJSON_GetArrayItem(row, i));
        assert_int_equal(vb_accuracy_add(&accuracy, texts[0],
                                         vb_same_answer(texts[1], texts[2]), NULL),
                         VBLIP_OK);
    }
    const cJSON *types = json_member(answers, "types");
    assert_int_equal(accuracy.type_count, size_of(types));
    for (int i = 0; i < size_of(types); i++) {
        const cJSON *type = cJSON_GetArrayItem(types, i);
        const vb_tally *tally = &accuracy.types[i];
        assert_string_equal(tally->type,
                            cJSON_GetStringValue(cJSON_GetArrayItem(type, 0)));
        assert_int_equal(tally->right, (int)number_at(type, 1));
        assert_int_equal(tally->count, (int)number_at(type, 2));
    }
    near("accuracy", vb_tally_percent(&accuracy.all), json_number(answers, "accuracy"));
    const vb_tally none = {0};
    near("none", vb_tally_percent(&none), 0.0);
    vb_accuracy_free(&accuracy);
    cJSON_Delete(json);
}

// More types than the first allocation holds, given in falling order.
static void test_many_types(void **state)
{
    (void)state;
    vb_accuracy accuracy = {0};
    char question[16];
    for (int i = 99; i >= 0; i--) {
        snprintf(question, sizeof question, "q%02d is?", i);
        for (int n = 0; n < 3; n++)
            assert_int_equal(vb_accuracy_add(&accuracy, question, n < 2, NULL),
                             VBLIP_OK);
    }
    assert_int_equal(accuracy.type_count, 100);
    for (int i = 0; i < 100; i++) {
        snprintf(question, sizeof question, "q%02d", i);
        assert_string_equal(accuracy.types[i].type, question);
        assert_int_equal(accuracy.types[i].right, 2);
        assert_int_equal(accuracy.types[i].count, 3);
    }
    assert_int_equal(accuracy.all.count, 300);
    vb_accuracy_free(&accuracy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recalls_are_numpys),
        cmocka_unit_test(test_recalls_are_the_original_codes),
        cmocka_unit_test(test_nan_is_worst),
        cmocka_unit_test(test_answers_are_counted_by_type),
        cmocka_unit_test(test_many_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
