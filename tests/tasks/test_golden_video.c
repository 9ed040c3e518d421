// test_golden_video.c - retrieval and video QA of the original code, through everything:
// files decoded, frames sampled, the model run on a device, results ranked.
#include "gpu/gpu.h"
#include "support/json_file.h"
#include "support/ref_device.h"
#include "support/tensor_file.h"
#include "video_tasks/metrics.h"
#include "video_tasks/ranking.h"
#include "video_tasks/tasks.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CLIPS = 12, ANSWERS = 40, QUESTIONS = 7 };

// Float tolerances: ITC as the model manifests' (2e-5); ITM scores as the margin below
// which the vectors call a rank unsafe for fp32.
static const double itc_atol = 2e-5, score_atol = 1e-4;

// One configuration on one device.
typedef struct run {
    const char *config;  // "tiny"
    const char *kernels; // family of the Vulkan device; NULL = the plain C device
} run;

typedef struct stack {
    vb_device *device;
    vb_checkpoint *checkpoint;
    vb_model *model;
    vb_model_ops ops;
    vb_frames frames;
    vblip_input inputs[CLIPS];
    char paths[CLIPS][256];
    vb_task task;
} stack;

static void ok(vblip_status status, const vblip_error *err)
{
    if (status != VBLIP_OK)
        fail_msg("%s", err->message);
}

static void stack_open(stack *s, const run *r, const char *task)
{
    *s = (stack){0};
    vblip_error err = {0};
    char path[256];
    snprintf(path, sizeof path, VB_CHECKPOINTS "/%s-%s", r->config, task);
    const vblip_model_options options = {.path = path};
    ok(vb_checkpoint_open(&s->checkpoint, &options, &err), &err);
    if (r->kernels) {
        const vb_gpu_options gpu = {.kernels = r->kernels,
                                    .validate = getenv("VBLIP_TEST_VALIDATE") != NULL};
        ok(vb_gpu_open(&s->device, &gpu, &err), &err);
    } else {
        ok(ref_device_open(&s->device, NULL, &err), &err);
    }
    ok(vb_model_load(&s->model, s->device, s->checkpoint, &(vb_model_options){0}, &err),
       &err);
    s->ops = vb_model_ops_of(s->model);
    s->frames = vb_frames_from_files();
}

// The stack's inputs are the clips that `videos` names.
static void use_clips(stack *s, const char *const *files, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        snprintf(s->paths[i], sizeof s->paths[i], VB_GOLDEN "/video/%s", files[i]);
        s->inputs[i] = (vblip_input){.path = s->paths[i]};
    }
    s->task = (vb_task){.ops = &s->ops,
                        .frames = &s->frames,
                        .inputs = s->inputs,
                        .input_count = count};
}

static void stack_close(stack *s, const run *r)
{
    if (r->kernels)
        assert_int_equal(vb_gpu_validation_messages(s->device), 0);
    vb_model_free(&s->model);
    vb_checkpoint_close(&s->checkpoint);
    vb_device_close(&s->device);
}

static int no_failure(void *user, const vblip_failure *failure)
{
    (void)user;
    fail_msg("%s: %s", failure->path, failure->message);
    return 1;
}

static const vblip_job job = {.failed = no_failure};

static cJSON *load_json(const char *config)
{
    char path[256];
    snprintf(path, sizeof path, VB_GOLDEN "/video/video_%s.json", config);
    return json_load(path);
}

// -------------------------------------------------------------------------- retrieval

typedef struct scores {
    float values[CLIPS][CLIPS]; // -100 where not scored
    float itc[CLIPS][CLIPS];
    const char *paths[CLIPS]; // to find a clip by
    uint32_t hits;
} scores;

static void clear(scores *s, const stack *from)
{
    *s = (scores){0};
    for (int i = 0; i < CLIPS; i++) {
        s->paths[i] = from->paths[i];
        for (int j = 0; j < CLIPS; j++)
            s->values[i][j] = -100.0f;
    }
}

static uint32_t clip_of(const scores *s, const char *path)
{
    for (uint32_t i = 0; i < CLIPS; i++)
        if (strcmp(s->paths[i], path) == 0)
            return i;
    fail_msg("%s: not a clip", path);
    return 0;
}

static int add_hit(void *user, const vblip_hit *hit)
{
    scores *s = user;
    uint32_t clip = clip_of(s, hit->path);
    s->itc[hit->query][clip] = hit->itc;
    if (hit->reranked)
        s->values[hit->query][clip] = hit->score;
    assert_int_equal(hit->rank, s->hits++ % CLIPS + 1);
    return 0;
}

static int add_match(void *user, const vblip_match_row *row)
{
    scores *s = user;
    uint32_t clip = clip_of(s, row->path);
    s->itc[clip][row->text] = row->itc;
    s->values[clip][row->text] = row->itm_logits[1] + row->itc;
    s->hits++;
    return 0;
}

// Keeps the `k` texts of each clip with the largest ITC.
static void keep_top(scores *s, uint32_t k)
{
    for (int i = 0; i < CLIPS; i++) {
        vb_scored order[CLIPS];
        for (uint32_t j = 0; j < CLIPS; j++)
            order[j] = (vb_scored){.score = s->itc[i][j], .index = j};
        vb_rank(order, CLIPS);
        for (uint32_t j = k; j < CLIPS; j++)
            s->values[i][order[j].index] = -100.0f;
    }
}

static const float *golden(const vb_safetensors *st, const char *name)
{
    const vb_weight *w = vb_weight_find(&st->list, name);
    assert_non_null(w);
    assert_int_equal(w->dtype, VB_F32);
    assert_int_equal(w->size, CLIPS * CLIPS * sizeof(float));
    return (const float *)(const void *)tensor_bytes(w);
}

// A row whose margin is small may come out in another order in fp32.
static bool is_safe(const cJSON *direction, const char *margins, int row)
{
    const cJSON *margin = cJSON_GetArrayItem(json_member(direction, margins), row);
    return cJSON_IsNull(margin) || cJSON_GetNumberValue(margin) > 1e-4;
}

// `direction` may be NULL: all rows are safe.
static void compare(const char *what, const float *got, const float *expected,
                    double atol, const cJSON *direction)
{
    for (int i = 0; i < CLIPS * CLIPS; i++) {
        if (direction && !is_safe(direction, "topk_margin", i / CLIPS))
            continue;
        if (!(fabs((double)got[i] - (double)expected[i]) <= atol))
            fail_msg("%s[%d][%d]: %.9g, expected %.9g", what, i / CLIPS, i % CLIPS,
                     (double)got[i], (double)expected[i]);
    }
}

static bool is_defined(const cJSON *k, const char *metric)
{
    const cJSON *name = NULL;
    cJSON_ArrayForEach(
        name, json_member(k, "defined_metrics")) if (strcmp(cJSON_GetStringValue(name),
                                                            metric) == 0) return true;
    return false;
}

static void check_metric(const cJSON *k, const char *name, double got)
{
    if (!is_defined(k, name))
        return;
    double expected = json_number(json_member(k, "metrics"), name);
    if (!(fabs(got - expected) < 1e-9))
        fail_msg("%s: %.9g, expected %.9g", name, got, expected);
}

// Ranks of the true pairs, and what follows from them. `prefix` of the metrics' names.
static void check_ranks(const scores *s, const cJSON *k, const char *direction,
                        const char *prefix)
{
    const cJSON *expected = json_member(k, direction);
    uint32_t ranks[CLIPS];
    for (int i = 0; i < CLIPS; i++) {
        const uint32_t truth = (uint32_t)i;
        ranks[i] = vb_best_rank(s->values[i], CLIPS, &truth, 1);
        const cJSON *rank = cJSON_GetArrayItem(json_member(expected, "ranks"), i);
        if (cJSON_IsNull(rank) || !is_safe(expected, "rank_margin", i) ||
            !is_safe(expected, "topk_margin", i))
            continue;
        assert_int_equal(ranks[i], (int)cJSON_GetNumberValue(rank));
    }
    const vb_recall recall = vb_recall_of(ranks, CLIPS);
    const struct {
        const char *suffix;
        double value;
    } metrics[] = {{"r1", recall.r1},
                   {"r5", recall.r5},
                   {"r10", recall.r10},
                   {"r_mean", recall.mean},
                   {"mdR", recall.median}};
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s_%s", prefix, metrics[i].suffix);
        check_metric(k, name, metrics[i].value); // no txt_mdR is defined
    }
}

static void check_k(stack *s, const cJSON *json, const vb_safetensors *st,
                    const char *const *texts, const scores *matched, int k)
{
    char name[32];
    snprintf(name, sizeof name, "%d", k);
    const cJSON *expected = json_member(json_member(json, "K"), name);
    vblip_error err = {0};
    scores found;
    clear(&found, s);
    const vblip_retrieve_options options = {.job = &job, .top = CLIPS, .rerank = k};
    ok(vb_task_retrieve(&s->task, texts, CLIPS, &options, add_hit, &found, &err), &err);
    assert_int_equal(found.hits, CLIPS * CLIPS);
    snprintf(name, sizeof name, "t2v_K%d", k);
    compare(name, found.values[0], golden(st, name), score_atol,
            json_member(expected, "t2v"));
    check_ranks(&found, expected, "t2v", "vid");

    scores rows = *matched;
    keep_top(&rows, (uint32_t)k);
    snprintf(name, sizeof name, "v2t_K%d", k);
    compare(name, rows.values[0], golden(st, name), score_atol,
            json_member(expected, "v2t"));
    check_ranks(&rows, expected, "v2t", "txt");
}

static void test_retrieval(void **state)
{
    const run *r = *state;
    stack s;
    stack_open(&s, r, "retrieval");
    cJSON *json = load_json(r->config);
    const char *texts[CLIPS], *files[CLIPS];
    for (int i = 0; i < CLIPS; i++) {
        texts[i] =
            cJSON_GetStringValue(cJSON_GetArrayItem(json_member(json, "texts"), i));
        files[i] =
            json_string(cJSON_GetArrayItem(json_member(json, "videos"), i), "file");
    }
    use_clips(&s, files, CLIPS);

    char path[256];
    vblip_error err = {0};
    tensor_file matrices;
    snprintf(path, sizeof path, VB_GOLDEN "/video/retrieval_%s.safetensors", r->config);
    ok(tensor_file_open(&matrices, path, &err), &err);
    const vb_safetensors *st = &matrices.tensors;

    scores matched;
    clear(&matched, &s);
    const vblip_match_options options = {.job = &job};
    ok(vb_task_match(&s.task, texts, CLIPS, &options, add_match, &matched, &err), &err);
    assert_int_equal(matched.hits, CLIPS * CLIPS);
    compare("sims", matched.itc[0], golden(st, "sims"), itc_atol, NULL);

    check_k(&s, json, st, texts, &matched, 12);
    check_k(&s, json, st, texts, &matched, 4);
    s.ops.cache_bytes = 0; // everything is encoded twice: nothing may change
    check_k(&s, json, st, texts, &matched, 4);

    tensor_file_close(&matrices);
    cJSON_Delete(json);
    stack_close(&s, r);
}

// -------------------------------------------------------------------------- questions

typedef struct replies {
    const cJSON *cases; // of one file, by question
    bool ranked;
    uint32_t count, compared;
} replies;

static int check_answer(void *user, const vblip_answer *answer)
{
    replies *r = user;
    const cJSON *c = cJSON_GetArrayItem(r->cases, (int)answer->question);
    r->count++;
    assert_true(answer->timed);
    if (r->ranked) {
        assert_int_equal(answer->ranked_count, ANSWERS);
        if (json_number(c, "rank_margin") < 1e-3)
            return 0;
        assert_int_equal(answer->ranked[0].answer, (int)json_number(c, "rank40"));
    } else {
        if (cJSON_IsTrue(cJSON_GetObjectItem(c, "fragile")))
            return 0;
        assert_string_equal(answer->text, json_string(c, "answer"));
        double expected = json_number(c, "score");
        if (!(fabs((double)answer->score - expected) <= score_atol))
            fail_msg("%s: score %.9g, expected %.9g", answer->text,
                     (double)answer->score, expected);
    }
    r->compared++;
    return 0;
}

// The cases of the file that case `first` is about, detached into an array.
static cJSON *cases_of_file(const cJSON *qa, int first)
{
    const char *file = json_string(cJSON_GetArrayItem(qa, first), "file");
    cJSON *cases = cJSON_CreateArray();
    const cJSON *c = NULL;
    cJSON_ArrayForEach(c, qa) if (strcmp(json_string(c, "file"), file) == 0)
        cJSON_AddItemToArray(cases, cJSON_Duplicate(c, true));
    assert_int_equal(cJSON_GetArraySize(cases), QUESTIONS);
    return cases;
}

static void ask_file(stack *s, const cJSON *cases, const char *const *answers,
                     uint32_t *compared)
{
    const char *questions[QUESTIONS];
    for (int i = 0; i < QUESTIONS; i++)
        questions[i] = json_string(cJSON_GetArrayItem(cases, i), "question");
    const char *file = json_string(cJSON_GetArrayItem(cases, 0), "file");
    use_clips(s, &file, 1);
    vblip_error err = {0};
    for (int ranked = 0; ranked <= 1; ranked++) {
        replies r = {.cases = cases, .ranked = ranked};
        vblip_ask_options options = {.job = &job};
        if (ranked) {
            options.answers = answers;
            options.answer_count = ANSWERS;
        }
        ok(vb_task_ask(&s->task, questions, QUESTIONS, &options, check_answer, &r,
                       &err),
           &err);
        assert_int_equal(r.count, QUESTIONS);
        *compared += r.compared;
    }
}

static void test_questions(void **state)
{
    const run *r = *state;
    stack s;
    stack_open(&s, r, "vqa");
    cJSON *json = load_json(r->config);
    cJSON *parameters = json_load(VB_GOLDEN "/tools/public.json");
    const char *answers[ANSWERS];
    for (int i = 0; i < ANSWERS; i++)
        answers[i] = cJSON_GetStringValue(
            cJSON_GetArrayItem(json_member(parameters, "answers"), i));
    const cJSON *qa = json_member(json, "qa");
    uint32_t compared = 0;
    for (int i = 0; i < cJSON_GetArraySize(qa); i += QUESTIONS) {
        cJSON *cases = cases_of_file(qa, i);
        ask_file(&s, cases, answers, &compared);
        cJSON_Delete(cases);
    }
    print_message("%u of %d answers are firm enough to compare\n", compared,
                  2 * cJSON_GetArraySize(qa));
    assert_true(compared > (uint32_t)cJSON_GetArraySize(qa));
    cJSON_Delete(parameters);
    cJSON_Delete(json);
    stack_close(&s, r);
}

// test_golden_video CONFIG DEVICE TEST: retrieval or questions, on the plain-C device
// (ref) or a kernel family of Vulkan.
int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    bool plain = strcmp(argv[2], "ref") == 0;
    run r = {.config = argv[1], .kernels = plain ? NULL : argv[2]};
    bool retrieval = strcmp(argv[3], "retrieval") == 0;
    const struct CMUnitTest tests[] = {
        {argv[3], retrieval ? test_retrieval : test_questions, NULL, NULL, &r},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
