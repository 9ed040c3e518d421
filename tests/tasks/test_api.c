// test_api.c - vblip.h keeps its conventions: errors reset and filled, outputs zeroed,
// bad arguments refused, and a search answers through nothing but the public header.
#include "support/api_fixture.h"
#include "support/temp.h"
#include "vblip_lab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CLIP     VB_GOLDEN "/video/clip00.mp4"
#define CAPTIONS VB_GOLDEN "/../../examples/clips/captions.jsonl"

static vblip_inputs *inputs_of(const char *path)
{
    vblip_inputs *inputs = NULL;
    assert_int_equal(vblip_inputs_open(&inputs, &path, 1, NULL, NULL), VBLIP_OK);
    return inputs;
}

static const vblip_error stale = {VBLIP_ERR_IO, "an old message"};

static void test_version(void **state)
{
    (void)state;
    int major = -1, minor = -1, patch = -1;
    assert_int_equal(sscanf(vblip_version(), "%d.%d.%d", &major, &minor, &patch), 3);
}

static void test_engine_refuses(void **state)
{
    (void)state;
    static const struct {
        vblip_engine_options options;
        vblip_status status;
        const char *about;
    } cases[] = {
        {{.precision = "f64"}, VBLIP_ERR_ARGUMENT, "f64"},
        {{.precision = ""}, VBLIP_ERR_ARGUMENT, "precision"},
        {{.device = "no such device"}, VBLIP_ERR_DEVICE, "no such device"},
        {{.kernels = "no such family"}, VBLIP_ERR_ARGUMENT, "no such family"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vblip_error err = stale;
        vblip_engine *none = (vblip_engine *)&err;
        api_refused(vblip_engine_open(&none, &cases[i].options, &err), cases[i].status,
                    &err, cases[i].about);
        assert_null(none);
    }
    vblip_error err = stale;
    api_refused(vblip_engine_open(NULL, NULL, &err), VBLIP_ERR_ARGUMENT, &err, "out");
    api_refused(vblip_devices(NULL, NULL, &err), VBLIP_ERR_ARGUMENT, &err, "fn");
    api_refused(vblip_engine_profile(NULL, NULL, NULL, &err), VBLIP_ERR_ARGUMENT, &err,
                "engine");
    api_refused(vblip_engine_selftest(api_engine, NULL, NULL, &err), VBLIP_ERR_ARGUMENT,
                &err, "fn");
    vblip_engine *none = NULL;
    vblip_engine_close(&none);
    vblip_engine_close(NULL);
    assert_null(vblip_engine_device(NULL));
}

static int count_device(void *user, const vblip_device_info *device)
{
    assert_non_null(device->name);
    ++*(int *)user;
    return 0;
}

static int stop_at_once(void *user, const vblip_device_info *device)
{
    (void)device;
    ++*(int *)user;
    return 1;
}

static void test_devices(void **state)
{
    (void)state;
    vblip_error err = stale;
    int count = 0;
    assert_int_equal(vblip_devices(count_device, &count, &err), VBLIP_OK);
    assert_int_equal(vblip_vulkan(&err), VBLIP_OK);
    assert_int_equal(err.status, VBLIP_OK);
    assert_true(count >= 1);
    count = 0;
    api_refused(vblip_devices(stop_at_once, &count, &err), VBLIP_ERR_CANCELLED, &err,
                "");
    assert_int_equal(count, 1);
    assert_non_null(vblip_engine_device(api_engine)->kernels);
}

static void test_model_refuses(void **state)
{
    (void)state;
    static const struct {
        vblip_model_options options;
        vblip_status status;
        const char *about;
    } cases[] = {
        {{.path = "x", .tasks = 64}, VBLIP_ERR_ARGUMENT, "tasks"},
        {{.path = "/nonexistent/model"}, VBLIP_ERR_IO, "/nonexistent/model"},
        {{.path = VB_CHECKPOINTS "/tiny-caption", .compat = (vblip_compat)2},
         VBLIP_ERR_ARGUMENT,
         "compat: 2, known are 0 and 1"},
        {{.path = VB_CHECKPOINTS "/tiny-caption", .tasks = VBLIP_TASK_VQA},
         VBLIP_ERR_UNSUPPORTED,
         "holds: caption"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        vblip_error err = stale;
        vblip_model *none = (vblip_model *)&err;
        api_refused(vblip_model_load(&none, api_engine, &cases[i].options, &err),
                    cases[i].status, &err, cases[i].about);
        assert_null(none);
    }
    vblip_error err = stale;
    vblip_model *none = NULL;
    const vblip_model_options options = {.path = "x"};
    api_refused(vblip_model_load(&none, NULL, &options, &err), VBLIP_ERR_ARGUMENT, &err,
                "engine");
    api_refused(vblip_model_load(NULL, api_engine, &options, &err), VBLIP_ERR_ARGUMENT,
                &err, "out");
    api_refused(vblip_model_inspect(&options, NULL, NULL, &err), VBLIP_ERR_ARGUMENT,
                &err, "fn");
    vblip_model_free(&none);
    assert_null(vblip_model_describe(NULL));
}

static int count_info(void *user, const vblip_model_info *info)
{
    assert_int_equal(info->tasks, VBLIP_TASK_CAPTION);
    ++*(int *)user;
    return 0;
}

static void test_inspect(void **state)
{
    (void)state;
    vblip_error err = stale;
    int count = 0;
    const vblip_model_options options = {.path = VB_CHECKPOINTS "/tiny-caption"};
    assert_int_equal(vblip_model_inspect(&options, count_info, &count, &err), VBLIP_OK);
    assert_int_equal(count, 1);
    assert_int_equal(err.status, VBLIP_OK);
}

static int is_demo(void *user, const vblip_model_info *info)
{
    assert_true(info->demo);
    ++*(int *)user;
    return 0;
}

// No model named: the bundled one, which a checkout may not have made yet.
static void test_demo_model(void **state)
{
    (void)state;
    vblip_error err = stale;
    int members = 0;
    vblip_status status = vblip_model_inspect(NULL, is_demo, &members, &err);
    if (vblip_bundled_model()) {
        assert_int_equal(status, VBLIP_OK);
        assert_true(members > 0);
    } else
        api_refused(status, VBLIP_ERR_IO, &err,
                    "the bundled demo model is not installed");
}

static void test_tokenizer(void **state)
{
    (void)state;
    vblip_error err = stale;
    vblip_tokenizer *t = NULL;
    api_refused(vblip_tokenizer_open(NULL, NULL, &err), VBLIP_ERR_ARGUMENT, &err,
                "out");
    const vblip_model_options wrong[] = {{.vocab = "/nonexistent/vocab"},
                                         {.path = "/nonexistent/model"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        api_refused(vblip_tokenizer_open(&t, &wrong[i], &err), VBLIP_ERR_IO, &err,
                    "/nonexistent");
    assert_null(t);
    assert_int_equal(vblip_tokenizer_open(&t, NULL, &err), VBLIP_OK);
    vblip_tokenizer_close(&t);
    const vblip_model_options bundled = {.vocab = vblip_bundled_vocab()};
    const vblip_model_options own = {.path = VB_CHECKPOINTS "/tiny-caption"};
    assert_int_equal(vblip_tokenizer_open(&t, &own, &err), VBLIP_OK);
    vblip_tokenizer_close(&t);
    assert_int_equal(vblip_tokenizer_open(&t, &bundled, &err), VBLIP_OK);
    vblip_tokens tokens;
    assert_int_equal(vblip_tokenize(&tokens, t, "a dog\n", 6, &err), VBLIP_OK);
    assert_int_equal(tokens.count, 4);
    static const int32_t ids[] = {101, 1037, 3899, 102};
    assert_memory_equal(tokens.ids, ids, sizeof ids);
    assert_string_equal(tokens.pieces[0], "[CLS]");
    assert_string_equal(tokens.pieces[2], "dog");
    api_refused(vblip_tokenize(&tokens, t, "\xff", 1, &err), VBLIP_ERR_ARGUMENT, &err,
                "UTF-8");
    assert_int_equal(tokens.count, 0);
    assert_null(tokens.ids);
    assert_int_equal(vblip_tokenize(&tokens, t, "", 0, &err), VBLIP_OK);
    assert_int_equal(tokens.count, 2);
    vblip_tokenizer_close(&t);
    assert_null(t);
    vblip_tokenizer_close(&t);
}

static void test_inputs(void **state)
{
    (void)state;
    vblip_error err = stale;
    vblip_inputs *inputs = NULL;
    api_refused(vblip_inputs_open(&inputs, NULL, 1, NULL, &err), VBLIP_ERR_ARGUMENT,
                &err, "paths");
    const char *const paths[] = {CLIP, "/nonexistent/clip.mp4"};
    assert_int_equal(vblip_inputs_open(&inputs, paths, 2, NULL, &err), VBLIP_OK);
    assert_int_equal(vblip_inputs_count(inputs), 2);
    assert_string_equal(vblip_inputs_at(inputs, 0)->path, CLIP);
    assert_null(vblip_inputs_at(inputs, 0)->error);
    assert_string_equal(vblip_inputs_at(inputs, 1)->path, paths[1]);
    assert_null(vblip_inputs_at(inputs, 2));
    uint32_t skipped = 1;
    assert_string_equal(vblip_inputs_skipped(inputs, &skipped), "");
    assert_int_equal(skipped, 0);
    assert_string_equal(vblip_inputs_skipped(NULL, NULL), "");
    vblip_inputs_keep(NULL, NULL);
    vblip_inputs_keep(inputs, NULL); // all
    vblip_inputs_keep(inputs, (const bool[]){false, true});
    assert_int_equal(vblip_inputs_count(inputs), 1);
    assert_string_equal(vblip_inputs_at(inputs, 0)->path, paths[1]);
    vblip_inputs_close(&inputs);
    assert_null(inputs);
    assert_int_equal(vblip_inputs_count(NULL), 0);
}

static int keep_hit(void *user, const vblip_hit *hit)
{
    *(vblip_hit *)user = *hit;
    ((vblip_hit *)user)->path = NULL; // dies with this call
    return 0;
}

static int ignore_answer(void *user, const vblip_answer *answer)
{
    (void)user;
    (void)answer;
    return 0;
}

static int ignore_caption(void *user, const vblip_caption *caption)
{
    (void)user;
    (void)caption;
    return 0;
}

static int ignore_reason(void *user, const vblip_reason_row *row)
{
    (void)user;
    (void)row;
    return 0;
}

static int ignore_features(void *user, const vblip_features *features)
{
    (void)user;
    (void)features;
    return 0;
}

static int ignore_dialog(void *user, const vblip_dialog_row *row)
{
    (void)user;
    (void)row;
    return 0;
}

static int stop_match(void *user, const vblip_match_row *row)
{
    *(vblip_match_row *)user = *row;
    return 1;
}

static void test_a_search_answers(void **state)
{
    (void)state;
    vblip_error err = stale;
    vblip_model *model = api_load("tiny-retrieval", 0);
    vblip_inputs *inputs = inputs_of(CLIP);
    const char *const queries[] = {"a dog runs on the beach"};
    vblip_hit hit = {0};
    assert_int_equal(
        vblip_retrieve(model, inputs, queries, 1, NULL, keep_hit, &hit, &err),
        VBLIP_OK);
    assert_int_equal(err.status, VBLIP_OK);
    assert_int_equal(hit.rank, 1);
    assert_true(hit.reranked && hit.timed && hit.end_us > 0);

    vblip_match_row row = {0};
    api_refused(vblip_match(model, inputs, queries, 1, NULL, stop_match, &row, &err),
                VBLIP_ERR_CANCELLED, &err, "");
    assert_true(fabsf(row.itc - hit.itc) < 1e-4f); // kept in f16 where it is searched
    assert_true(row.itm_logits[1] == hit.itm_logits[1]);
    vblip_inputs_close(&inputs);
    vblip_model_free(&model);
    assert_null(model);
}

static void test_tasks_refuse(void **state)
{
    (void)state;
    vblip_error err = stale;
    vblip_model *model = api_load("tiny-retrieval", 0);
    vblip_inputs *inputs = inputs_of(CLIP);
    const vblip_job many_frames = {.frames = 100000};
    const char *const good[] = {"a dog"}, *const bad[] = {"a", "\xff"},
                      *const none[] = {NULL};
    vblip_hit hit;
    const struct {
        vblip_model *model;
        const vblip_inputs *inputs;
        const char *const *queries;
        uint32_t count;
        vblip_retrieve_options options;
        const char *about;
    } cases[] = {
        {NULL, inputs, good, 1, {.top = 0}, "model"},
        {model, NULL, good, 1, {.top = 0}, "inputs"},
        {model, inputs, NULL, 1, {.top = 0}, "queries"},
        {model, inputs, good, 0, {.top = 0}, "queries"},
        {model, inputs, bad, 2, {.top = 0}, "number 2"},
        {model, inputs, none, 1, {.top = 0}, "number 1"},
        {model, inputs, good, 1, {.min_p = 1.5f}, "min_p"},
        {model, inputs, good, 1, {.min_p = -0.5f}, "min_p"},
        {model, inputs, good, 1, {.min_p = 0.5f, .rerank = -1}, "min_p"},
        {model, inputs, good, 1, {.job = &many_frames}, "frames"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        api_refused(vblip_retrieve(cases[i].model, cases[i].inputs, cases[i].queries,
                                   cases[i].count, &cases[i].options, keep_hit, &hit,
                                   &err),
                    VBLIP_ERR_ARGUMENT, &err, cases[i].about);
    api_refused(vblip_retrieve(model, inputs, good, 1, NULL, NULL, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "fn");

    const char *holds = "this checkpoint holds: retrieval";
    api_refused(vblip_ask(model, inputs, good, 1, NULL, ignore_answer, NULL, &err),
                VBLIP_ERR_UNSUPPORTED, &err, holds);
    api_refused(vblip_caption_inputs(model, inputs, NULL, ignore_caption, NULL, &err),
                VBLIP_ERR_UNSUPPORTED, &err, holds);
    api_refused(vblip_reason(model, inputs, good, 1, NULL, ignore_reason, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "inputs: 1, expected pairs");
    const char *const two[] = {CLIP, CLIP};
    const vblip_reason_options each = {.each = true};
    vblip_inputs *pair;
    assert_int_equal(vblip_inputs_open(&pair, two, 2, NULL, &err), VBLIP_OK);
    api_refused(vblip_reason(model, pair, good, 1, NULL, ignore_reason, NULL, &err),
                VBLIP_ERR_UNSUPPORTED, &err, holds);
    api_refused(vblip_reason(model, pair, two, 2, &each, ignore_reason, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err,
                "statements: 2, expected one for each of 1 pairs");
    vblip_inputs_close(&pair);
    api_refused(vblip_embed(model, (vblip_feature)5, inputs, good, 1, NULL,
                            ignore_features, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "feature: 5");
    api_refused(vblip_embed(model, VBLIP_FEATURE_VISION, NULL, NULL, 0, NULL,
                            ignore_features, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "inputs");
    api_refused(vblip_embed(model, VBLIP_FEATURE_MULTIMODAL, inputs, bad, 2, NULL,
                            ignore_features, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "number 2");
    assert_int_equal(vblip_embed(model, VBLIP_FEATURE_ITC_TEXT, NULL, good, 1, NULL,
                                 ignore_features, NULL, &err),
                     VBLIP_OK);
    api_refused(vblip_dialog(model, inputs, NULL, NULL, ignore_dialog, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "dialogs");
    const vblip_ask_options no_answers = {.answers = good};
    api_refused(
        vblip_ask(model, inputs, good, 1, &no_answers, ignore_answer, NULL, &err),
        VBLIP_ERR_ARGUMENT, &err, "answers");
    const uint32_t share = 2;
    const vblip_ask_options shares = {
        .answers = good, .answer_count = 1, .answers_each = &share};
    api_refused(vblip_ask(model, inputs, good, 1, &shares, ignore_answer, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err,
                "answers_each: 2 in all, expected answer_count, 1");
    const vblip_ask_options short_answers = {.max_length = 3, .min_length = 4};
    api_refused(
        vblip_ask(model, inputs, good, 1, &short_answers, ignore_answer, NULL, &err),
        VBLIP_ERR_ARGUMENT, &err, "min_length: 4, at most max_length 3");
    const vblip_ask_options often = {.segment = "often"};
    api_refused(vblip_ask(model, inputs, good, 1, &often, ignore_answer, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "segment often: auto, whole, shots");
    const struct {
        vblip_caption_options options;
        const char *about;
    } captions[] = {
        {{.max_length = 8, .min_length = 9}, "min_length: 9, at most max_length 8"},
        {{.every_us = -1}, "every"},
        {{.repetition_penalty = -1.0f}, "repetition penalty"},
        {{.top_p = -0.5f}, "top_p"},
        {{.top_p = 1.5f}, "top_p"},
        {{.top_p = NAN}, "top_p"},
        {{.temperature = -1.0f}, "temperature"},
        {{.temperature = INFINITY}, "temperature"},
        {{.samples = 2}, "samples: 2, one without sample"},
        {{.shots = true, .every_us = 1}, "shots: not together with every_us"},
        {{.shots = true, .every_frames = 1}, "shots: not together with every_us"},
        {{.shots = true, .count = 1}, "shots: not together with every_us"},
        {{.samples = 2, .sample = true, .merge = true}, "samples: 2, one with merge"},
        {{.same_picture = 1.5f, .merge = true}, "same picture: 1.5, expected 0 to 1"},
        {{.same_picture = 0.5f}, "same picture: only with merge"},
    };
    for (size_t i = 0; i < sizeof captions / sizeof *captions; i++)
        api_refused(vblip_caption_inputs(model, inputs, &captions[i].options,
                                         ignore_caption, NULL, &err),
                    VBLIP_ERR_ARGUMENT, &err, captions[i].about);
    vblip_inputs_close(&inputs);
    vblip_model_free(&model);
}

static int ignore_filtered(void *user, const vblip_filtered *filtered)
{
    (void)user;
    (void)filtered;
    return 0;
}

static void test_dialogs_refuse(void **state)
{
    (void)state;
    vblip_error err = stale;
    vblip_dialogs *dialogs = (vblip_dialogs *)&err;
    api_refused(vblip_dialogs_open(NULL, CLIP, &err), VBLIP_ERR_ARGUMENT, &err, "out");
    api_refused(vblip_dialogs_open(&dialogs, NULL, &err), VBLIP_ERR_ARGUMENT, &err,
                "path");
    assert_null(dialogs);
    api_refused(vblip_dialogs_open(&dialogs, "/nonexistent/d.json", &err), VBLIP_ERR_IO,
                &err, "/nonexistent/d.json");
    api_refused(vblip_dialogs_open(&dialogs, CLIP, &err), VBLIP_ERR_FORMAT, &err, CLIP);
    assert_null(dialogs);
    vblip_dialogs_close(&dialogs);
}

static void test_data_sets_refuse(void **state)
{
    (void)state;
    const char *none = "no/such.jsonl";
    const vblip_dataset_options no_answers = {.answers = "no/answers.txt"};
    const struct {
        int protocol;
        const char *annotations;
        const vblip_dataset_options *options;
        vblip_status status;
        const char *about;
    } cases[] = {
        {7, none, NULL, VBLIP_ERR_ARGUMENT, "protocol: 7, known are 0 to 6"},
        {VBLIP_EVAL_RETRIEVAL, NULL, NULL, VBLIP_ERR_ARGUMENT, "annotations"},
        {VBLIP_EVAL_CAPTION, NULL, NULL, VBLIP_ERR_ARGUMENT, "annotations"},
        {VBLIP_EVAL_RETRIEVAL, none, NULL, VBLIP_ERR_IO, none},
        {VBLIP_CAPFILT, CLIP, NULL, VBLIP_ERR_FORMAT, CLIP},
        {VBLIP_EVAL_RETRIEVAL, CAPTIONS, &no_answers, VBLIP_ERR_IO, "no/answers.txt"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vblip_error err = stale;
        vblip_dataset *dataset = (vblip_dataset *)&err;
        api_refused(vblip_dataset_open(&dataset, (vblip_protocol)cases[i].protocol,
                                       cases[i].annotations, cases[i].options, &err),
                    cases[i].status, &err, cases[i].about);
        assert_null(dataset);
    }
    vblip_error err = stale;
    api_refused(vblip_dataset_open(NULL, VBLIP_CAPFILT, none, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "out");
    vblip_dataset_close(NULL);
}

// Of one line, which has what every protocol asks for.
static vblip_dataset *open_dataset(vblip_protocol protocol)
{
    char folder[TEMP_FOLDER], path[TEMP_PATH];
    vblip_dataset *dataset;
    temp_make(folder);
    temp_write(folder, "one.jsonl",
               "{\"video\": \"a\", \"caption\": \"a dog\", \"question\": \"what?\", "
               "\"answer\": \"a dog\"}\n");
    temp_path(path, folder, "one.jsonl");
    assert_int_equal(vblip_dataset_open(&dataset, protocol, path, NULL, NULL),
                     VBLIP_OK);
    temp_remove(folder);
    return dataset;
}

static void test_eval_and_filter_refuse(void **state)
{
    (void)state;
    vblip_error err = stale;
    vblip_model *model = api_load("tiny-retrieval", 0);
    vblip_dataset *captions = open_dataset(VBLIP_EVAL_RETRIEVAL),
                  *questions = open_dataset(VBLIP_EVAL_QA),
                  *pairs = open_dataset(VBLIP_CAPFILT);
    const char *holds = "this checkpoint holds: retrieval";
    const vblip_job many_frames = {.frames = 100000};
    const vblip_eval_options many = {.job = &many_frames};
    api_refused(vblip_eval(NULL, captions, NULL, &err), VBLIP_ERR_ARGUMENT, &err,
                "model");
    api_refused(vblip_eval(model, NULL, NULL, &err), VBLIP_ERR_ARGUMENT, &err,
                "data set");
    api_refused(vblip_eval(model, pairs, NULL, &err), VBLIP_ERR_ARGUMENT, &err,
                "opened for protocol 5");
    api_refused(vblip_eval(model, captions, &many, &err), VBLIP_ERR_ARGUMENT, &err,
                "frames");
    api_refused(vblip_eval(model, questions, NULL, &err), VBLIP_ERR_UNSUPPORTED, &err,
                holds);

    const vblip_filter_options high = {.min_p = 1.5f}, odd = {.min_p = NAN};
    api_refused(vblip_filter(NULL, NULL, pairs, NULL, ignore_filtered, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "model");
    api_refused(vblip_filter(model, NULL, NULL, NULL, ignore_filtered, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "data set");
    api_refused(vblip_filter(model, NULL, captions, NULL, ignore_filtered, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "opened for protocol 0");
    api_refused(vblip_filter(model, NULL, pairs, NULL, NULL, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "fn");
    api_refused(vblip_filter(model, NULL, pairs, &high, ignore_filtered, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "min_p: 1.5");
    api_refused(vblip_filter(model, NULL, pairs, &odd, ignore_filtered, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "min_p");
    api_refused(vblip_filter(model, NULL, pairs, NULL, ignore_filtered, NULL, &err),
                VBLIP_ERR_UNSUPPORTED, &err, holds); // and nobody writes captions
    vblip_dataset_close(&pairs);
    vblip_dataset_close(&questions);
    vblip_dataset_close(&captions);
    assert_null(captions);
    vblip_model_free(&model);
}

// What a later version's header would have: one field more.
typedef struct later_options {
    vblip_match_options known;
    uint32_t more;
} later_options;

// A caller that knows fewer fields sets fewer; one that knows more may not use them here.
static void test_options_may_grow(void **state)
{
    (void)state;
    vblip_error err = stale;
    vblip_model *model = api_load("tiny-retrieval", 0);
    vblip_inputs *inputs = inputs_of(CLIP);
    const char *const texts[] = {"a dog"};
    vblip_match_row plain = {0}, cls = {0}, row = {0};
    const vblip_match_options options = {.itm_cls = true};
    api_refused(vblip_match(model, inputs, texts, 1, NULL, stop_match, &plain, &err),
                VBLIP_ERR_CANCELLED, &err, "");
    api_refused(vblip_match(model, inputs, texts, 1, &options, stop_match, &cls, &err),
                VBLIP_ERR_CANCELLED, &err, "");
    assert_true(cls.itm_logits[1] != plain.itm_logits[1]);

    vblip_match_options older = options; // from before itm_cls
    older.size = (uint32_t)offsetof(vblip_match_options, itm_cls);
    api_refused(vblip_match(model, inputs, texts, 1, &older, stop_match, &row, &err),
                VBLIP_ERR_CANCELLED, &err, "");
    assert_true(row.itm_logits[1] == plain.itm_logits[1]);

    later_options later = {.known = options};
    later.known.size = sizeof later;
    api_refused(
        vblip_match(model, inputs, texts, 1, &later.known, stop_match, &row, &err),
        VBLIP_ERR_CANCELLED, &err, "");
    assert_true(row.itm_logits[1] == cls.itm_logits[1]);
    later.more = 1;
    api_refused(
        vblip_match(model, inputs, texts, 1, &later.known, stop_match, &row, &err),
        VBLIP_ERR_ARGUMENT, &err, "this library knows");
    const vblip_job job = {.size = 2}, many = {.frames = 5000};
    api_refused(vblip_match(model, inputs, texts, 1,
                            &(vblip_match_options){.job = &job}, stop_match, &row,
                            &err),
                VBLIP_ERR_ARGUMENT, &err, "job options: size 2");
    api_refused(vblip_match(model, inputs, texts, 1,
                            &(vblip_match_options){.job = &many}, stop_match, &row,
                            &err),
                VBLIP_ERR_ARGUMENT, &err, "frames: 5000");
    vblip_inputs_close(&inputs);
    vblip_model_free(&model);
}

static int count_result(void *user, const vblip_bench_result *result)
{
    assert_true(result->runs > 0 && result->min_s > 0.0);
    ++*(int *)user;
    return 1;
}

static void test_benchmarks_refuse(void **state)
{
    (void)state;
    vblip_error err = stale;
    vblip_model *model = api_load("tiny-caption", 0);
    int count = 0;
    assert_non_null(vblip_bench_names()[0]);
    assert_non_null(vblip_model_bench_names()[0]);
    api_refused(vblip_bench(NULL, NULL, count_result, &count, &err), VBLIP_ERR_ARGUMENT,
                &err, "engine");
    api_refused(vblip_bench(api_engine, NULL, NULL, NULL, &err), VBLIP_ERR_ARGUMENT,
                &err, "fn");
    api_refused(vblip_bench(api_engine, "nothing", count_result, &count, &err),
                VBLIP_ERR_ARGUMENT, &err, "nothing");
    api_refused(vblip_model_bench(NULL, NULL, NULL, count_result, &count, &err),
                VBLIP_ERR_ARGUMENT, &err, "model");
    api_refused(vblip_model_bench(model, NULL, NULL, NULL, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "fn");
    api_refused(vblip_model_bench(model, "nothing", NULL, count_result, &count, &err),
                VBLIP_ERR_ARGUMENT, &err, "nothing");
    const uint32_t many[] = {2, 65, 0};
    api_refused(vblip_model_bench(model, "caption", many, count_result, &count, &err),
                VBLIP_ERR_ARGUMENT, &err, "65 at a time: at most 64");
    assert_int_equal(count, 0);
    api_refused(vblip_model_bench(model, "caption", NULL, count_result, &count, &err),
                VBLIP_ERR_CANCELLED, &err, "");
    assert_int_equal(count, 1);
    vblip_model_free(&model);
    vblip_model *none = (vblip_model *)&err;
    const char *size = vblip_bench_sizes()[0];
    assert_int_equal(vblip_model_bench_task("nothing"), 0);
    assert_int_equal(vblip_model_bench_task(NULL), 0);
    api_refused(vblip_bench_model(NULL, api_engine, size, VBLIP_TASK_VQA, &err),
                VBLIP_ERR_ARGUMENT, &err, "out");
    api_refused(vblip_bench_model(&none, NULL, size, VBLIP_TASK_VQA, &err),
                VBLIP_ERR_ARGUMENT, &err, "engine");
    assert_null(none);
    api_refused(vblip_bench_model(&none, api_engine, NULL, VBLIP_TASK_VQA, &err),
                VBLIP_ERR_ARGUMENT, &err, "size");
    api_refused(vblip_bench_model(&none, api_engine, "huge", VBLIP_TASK_VQA, &err),
                VBLIP_ERR_ARGUMENT, &err, "huge");
    api_refused(vblip_bench_model(&none, api_engine, size, 0, &err), VBLIP_ERR_ARGUMENT,
                &err, "task");
    api_refused(vblip_bench_model(&none, api_engine, size, 6, &err), VBLIP_ERR_ARGUMENT,
                &err, "task");
}

static void test_decode_benchmarks(void **state)
{
    (void)state;
    vblip_error err = stale;
    int count = 0;
    const char *const name = vblip_decode_bench_names()[0];
    const char *const paths[] = {CLIP}, *const gone[] = {"no/such/file"};
    vblip_inputs *inputs, *missing;
    const vblip_decode_bench_options huge = {.image_size = 1 << 20};
    assert_int_equal(vblip_inputs_open(&inputs, paths, 1, NULL, &err), VBLIP_OK);
    assert_int_equal(vblip_inputs_open(&missing, gone, 1, NULL, &err), VBLIP_OK);
    api_refused(vblip_decode_bench(NULL, name, NULL, count_result, &count, &err),
                VBLIP_ERR_ARGUMENT, &err, "inputs");
    api_refused(vblip_decode_bench(inputs, NULL, NULL, count_result, &count, &err),
                VBLIP_ERR_ARGUMENT, &err, "name");
    api_refused(vblip_decode_bench(inputs, name, NULL, NULL, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "fn");
    api_refused(vblip_decode_bench(inputs, "nothing", NULL, count_result, &count, &err),
                VBLIP_ERR_ARGUMENT, &err, "nothing");
    api_refused(vblip_decode_bench(inputs, name, &huge, count_result, &count, &err),
                VBLIP_ERR_ARGUMENT, &err, "image_size: 1048576");
    api_refused(vblip_decode_bench(missing, name, NULL, count_result, &count, &err),
                VBLIP_ERR_IO, &err, "no/such/file: No such file");
    assert_int_equal(count, 0);
    const vblip_decode_bench_options warp = {.hwaccel = "warp"};
    api_refused(vblip_decode_bench(inputs, name, &warp, count_result, &count, &err),
                VBLIP_ERR_ARGUMENT, &err, "hwaccel warp: unknown");
    vblip_engine *engine = (vblip_engine *)&err;
    const vblip_engine_options none = {.hwaccel = "warp"};
    api_refused(vblip_engine_open(&engine, &none, &err), VBLIP_ERR_ARGUMENT, &err,
                "hwaccel warp: unknown");
    assert_null(engine);
    api_refused(vblip_hwaccels(NULL, NULL, &err), VBLIP_ERR_ARGUMENT, &err, "fn");
    for (const char *const *each = vblip_decode_bench_names(); *each; each++)
        api_refused(vblip_decode_bench(inputs, *each, NULL, count_result, &count, &err),
                    VBLIP_ERR_CANCELLED, &err, "");
    assert_int_equal(count, 2);
    vblip_inputs_close(&inputs);
    vblip_inputs_close(&missing);
}

static int count_shot(void *user, const vblip_shot *shot)
{
    int *count = user;
    assert_int_equal(shot->shot, 1);
    assert_int_equal(shot->start_us, 0);
    ++*count;
    return shot->timed && shot->end_us > 0;
}

static int fail_fast(void *user, const vblip_failure *failure)
{
    (void)user;
    assert_string_equal(failure->path, "no/such/file");
    return 1;
}

static int stop_reading(void *user)
{
    (void)user;
    return 1;
}

static void test_shots(void **state)
{
    (void)state;
    vblip_error err = stale;
    int count = 0;
    const char *const paths[] = {CLIP}, *const gone[] = {"no/such/file"};
    const vblip_job job = {.failed = fail_fast};
    const vblip_shots_options warp = {.hwaccel = "warp"}, strict = {.job = &job},
                              stopped = {.stopped = stop_reading};
    vblip_inputs *inputs, *missing;
    assert_int_equal(vblip_inputs_open(&inputs, paths, 1, NULL, &err), VBLIP_OK);
    assert_int_equal(vblip_inputs_open(&missing, gone, 1, NULL, &err), VBLIP_OK);
    api_refused(vblip_shots(NULL, NULL, count_shot, &count, &err), VBLIP_ERR_ARGUMENT,
                &err, "inputs");
    api_refused(vblip_shots(inputs, NULL, NULL, NULL, &err), VBLIP_ERR_ARGUMENT, &err,
                "fn");
    api_refused(vblip_shots(inputs, &warp, count_shot, &count, &err),
                VBLIP_ERR_ARGUMENT, &err, "hwaccel warp: unknown");
    api_refused(vblip_shots(missing, &strict, count_shot, &count, &err),
                VBLIP_ERR_CANCELLED, &err, "");
    api_refused(vblip_shots(inputs, &stopped, count_shot, &count, &err),
                VBLIP_ERR_CANCELLED, &err, "");
    assert_int_equal(vblip_shots(missing, NULL, count_shot, &count, &err), VBLIP_OK);
    assert_int_equal(count, 0);
    api_refused(vblip_shots(inputs, NULL, count_shot, &count, &err),
                VBLIP_ERR_CANCELLED, &err, "");
    assert_int_equal(count, 1);
    vblip_inputs_close(&inputs);
    vblip_inputs_close(&missing);
}

// Whoever calls it, and as often as they like.
static void test_ffmpeg_is_silenced_twice(void **state)
{
    (void)state;
    vblip_silence_ffmpeg();
    vblip_silence_ffmpeg();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_engine_refuses),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_model_refuses),
        cmocka_unit_test(test_inspect),
        cmocka_unit_test(test_demo_model),
        cmocka_unit_test(test_tokenizer),
        cmocka_unit_test(test_inputs),
        cmocka_unit_test(test_a_search_answers),
        cmocka_unit_test(test_tasks_refuse),
        cmocka_unit_test(test_dialogs_refuse),
        cmocka_unit_test(test_data_sets_refuse),
        cmocka_unit_test(test_eval_and_filter_refuse),
        cmocka_unit_test(test_options_may_grow),
        cmocka_unit_test(test_benchmarks_refuse),
        cmocka_unit_test(test_decode_benchmarks),
        cmocka_unit_test(test_shots),
        cmocka_unit_test(test_ffmpeg_is_silenced_twice),
    };
    return cmocka_run_group_tests(tests, api_setup, api_teardown);
}
