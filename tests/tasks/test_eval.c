// test_eval.c - protocols over made-up data sets: what is scored, predicted, measured.
#include "support/fakes.h"
#include "support/tensor_file.h"
#include "video_tasks/eval.h"
#include "video_tasks/metrics.h"
#include "video_tasks/ranking.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct log {
    char metrics[1024], predictions[1024], failures[512];
    uint32_t measured, predicted, stop_measured, stop_predicted, stop_progress,
        progress;
    uint64_t done, total; // of the last unit
} log_of;

static int on_metric(void *user, const char *name, double value)
{
    log_of *log = user;
    size_t at = strlen(log->metrics);
    snprintf(log->metrics + at, sizeof log->metrics - at, "%s %.2f;", name, value);
    return ++log->measured == log->stop_measured;
}

static int on_prediction(void *user, const vblip_prediction *p)
{
    log_of *log = user;
    size_t at = strlen(log->predictions);
    snprintf(log->predictions + at, sizeof log->predictions - at,
             "%llu %s %s: %s%s%s%s;", (unsigned long long)p->id, p->path,
             p->question ? p->question : "-", p->text, p->expected ? " = " : "",
             p->expected ? p->expected : "", p->right ? " right" : "");
    return ++log->predicted == log->stop_predicted;
}

static int on_failed(void *user, const vblip_failure *failure)
{
    log_of *log = user;
    fake_add_failure(log->failures, sizeof log->failures, failure);
    return 0;
}

static int on_progress(void *user, const vblip_progress *progress)
{
    log_of *log = user;
    log->done = progress->done;
    log->total = progress->total;
    return ++log->progress == log->stop_progress;
}

typedef vblip_status (*protocol)(const vb_eval *eval, vblip_error *err);

// Runs `run` over the annotations `text`, whose names are those of the clips of `world`.
static vblip_status evaluate(fake_world *world, vb_task task, protocol run,
                             vb_annotation_kind kind, const char *text,
                             vblip_eval_options options, const char *const *answers,
                             uint32_t answer_count, log_of *log, vblip_error *err)
{
    vb_eval_set set;
    assert_int_equal(vb_eval_set_parse(&set, text, strlen(text), kind, "set", err),
                     VBLIP_OK);
    task.inputs = set.inputs;
    task.input_count = set.input_count;
    const vblip_job job = {.failed = on_failed, .progress = on_progress, .user = log};
    options.job = &job;
    options.measured = on_metric;
    options.predicted = on_prediction;
    options.user = log;
    const vb_eval eval = {.task = &task,
                          .set = &set,
                          .answers = answers,
                          .answer_count = answer_count,
                          .options = &options};
    vblip_status status = run(&eval, err);
    vb_eval_set_free(&set);
    assert_int_equal(world->model.live, 0); // nothing leaks, whatever happened
    return status;
}

// -------------------------------------------------------------------------- retrieval

// Clips a to d; clip a has captions 0 and 4, the others one each.
static const char videos[] = "{\"clip_name\":\"a\",\"caption\":\"0\"}\n"
                             "{\"clip_name\":\"b\",\"caption\":\"1\"}\n"
                             "{\"clip_name\":\"c\",\"caption\":\"2\"}\n"
                             "{\"clip_name\":\"a\",\"caption\":\"4\"}\n"
                             "{\"clip_name\":\"d\",\"caption\":\"3\"}\n";
static const char images[] =
    "[{\"image\":\"a\",\"caption\":[\"0\",\"4\"]},{\"image\":\"b\",\"caption\":[\"1\"]}"
    ","
    "{\"image\":\"c\",\"caption\":\"2\"},{\"image\":\"d\",\"caption\":\"3\"}]";

enum { VISUALS = 4, TEXTS = 5 };
static const uint32_t text_order[TEXTS] = {0, 4, 1, 2, 3}; // clip by clip
static const uint32_t owners[TEXTS] = {0, 0, 1, 2, 3};

static void make_small(fake_world *world)
{
    static const float itc[TEXTS][VISUALS] = {{0.5f, 0.25f, 0.125f, 0.0f},
                                              {0.5f, 0.25f, 0.375f, 0.125f},
                                              {0.0f, 0.25f, 0.5f, 0.125f},
                                              {0.5f, 0.25f, 0.375f, 0.125f},
                                              {0.0f, 0.5f, 0.25f, 0.375f}};
    static const float logit[TEXTS][VISUALS] = {
        {1, 2, 0, 0}, {0, 3, 1, 0}, {2, 0, 2, 1}, {1, 0, 0, 4}, {0, 2, 1, 0}};
    fake_world_make(world, VISUALS, 100);
    for (int q = 0; q < TEXTS; q++)
        for (int c = 0; c < VISUALS; c++) {
            world->model.itc[q][c] = itc[q][c];
            world->model.logit[q][c] = logit[q][c];
        }
}

// The matrices as the reference fills them, one entry at a time, and which pairs that
// takes.
typedef struct matrices {
    float v2t[VISUALS][TEXTS], t2v[TEXTS][VISUALS];
    bool needed[VISUALS][TEXTS];
} matrices;

static void fill_row(float *row, bool *needed, size_t stride, const float *itc,
                     const float *logit, uint32_t count, uint32_t k)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t better = 0; // ties to the earlier
        for (uint32_t j = 0; j < count; j++)
            better += itc[j] > itc[i] || (itc[j] == itc[i] && j < i);
        row[i] = better < k ? logit[i] + itc[i] : -100.0f;
        if (better < k)
            needed[i * stride] = true;
    }
}

static matrices by_hand(const fake_world *world, uint32_t k)
{
    matrices m = {0};
    float itc[TEXTS], logit[TEXTS];
    for (int v = 0; v < VISUALS; v++) {
        for (int t = 0; t < TEXTS; t++) {
            itc[t] = world->model.itc[text_order[t]][v];
            logit[t] = world->model.logit[text_order[t]][v];
        }
        fill_row(m.v2t[v], m.needed[v], 1, itc, logit, TEXTS, k);
    }
    for (int t = 0; t < TEXTS; t++)
        fill_row(m.t2v[t], &m.needed[0][t], TEXTS, world->model.itc[text_order[t]],
                 world->model.logit[text_order[t]], VISUALS, k);
    return m;
}

static void compare_matrix(const char *path, const char *name, uint64_t rows,
                           uint64_t cols, const void *expected)
{
    tensor_file file;
    assert_int_equal(tensor_file_open(&file, path, NULL), VBLIP_OK);
    assert_int_equal(file.tensors.list.count, 2);
    const vb_weight *w = vb_weight_find(&file.tensors.list, name);
    assert_non_null(w);
    assert_int_equal(w->dtype, VB_F32);
    assert_int_equal(w->rank, 2);
    assert_int_equal(w->shape[0], rows);
    assert_int_equal(w->shape[1], cols);
    assert_int_equal(w->size, rows * cols * sizeof(float));
    assert_memory_equal(tensor_bytes(w), expected, w->size);
    tensor_file_close(&file);
}

// The metrics of the matrices, as the reference names them.
static void expect_metrics(char *out, size_t size, const matrices *m, bool of_images)
{
    static const uint32_t all[TEXTS] = {0, 1, 2, 3, 4};
    uint32_t ranks[TEXTS];
    for (uint32_t v = 0, t = 0; v < VISUALS; v++) {
        uint32_t count = 0;
        while (t + count < TEXTS && owners[t + count] == v)
            count++;
        ranks[v] = vb_best_rank(m->v2t[v], TEXTS, all + t, count);
        t += count;
    }
    const vb_recall a = vb_recall_of(ranks, VISUALS);
    for (uint32_t t = 0; t < TEXTS; t++)
        ranks[t] = vb_best_rank(m->t2v[t], VISUALS, &owners[t], 1);
    const vb_recall b = vb_recall_of(ranks, TEXTS);
    const char *p = of_images ? "img" : "vid";
    char median[32] = "";
    if (!of_images)
        snprintf(median, sizeof median, "vid_mdR %.2f;", b.median);
    snprintf(out, size,
             "txt_r1 %.2f;txt_r5 %.2f;txt_r10 %.2f;txt_r_mean %.2f;"
             "%s_r1 %.2f;%s_r5 %.2f;%s_r10 %.2f;%s_r_mean %.2f;%sr_mean %.2f;",
             a.r1, a.r5, a.r10, a.mean, p, b.r1, p, b.r5, p, b.r10, p, b.mean, median,
             (a.mean + b.mean) / 2);
}

static void test_both_directions(void **state)
{
    (void)state;
    const char *path = "test_eval_scores.safetensors";
    for (uint32_t k = 1; k <= 6; k++)
        for (int variant = 0; variant < 8; variant++) {
            const bool threads = variant & 1, kept = variant & 2, image = variant & 4;
            fake_world world;
            make_small(&world);
            vb_task task = fake_task(&world, threads);
            world.ops.cache_bytes = kept ? 1000000 : 0;
            log_of log = {0};
            vblip_error err = {0};
            const vblip_eval_options options = {.k_test = k, .scores = path};
            if (evaluate(&world, task, vb_eval_retrieval, VB_ANNOTATED_CAPTIONS,
                         image ? images : videos, options, NULL, 0, &log, &err))
                fail_msg("%s", err.message);
            const matrices m = by_hand(&world, k);
            compare_matrix(path, "score_v2t", VISUALS, TEXTS, m.v2t);
            compare_matrix(path, "score_t2v", TEXTS, VISUALS, m.t2v);
            char expected[1024];
            expect_metrics(expected, sizeof expected, &m, image);
            assert_string_equal(log.metrics, expected);
            uint32_t pairs = 0;
            for (int v = 0; v < VISUALS; v++)
                for (int t = 0; t < TEXTS; t++)
                    pairs += m.needed[v][t];
            assert_int_equal(world.model.itm_texts, pairs); // each once, for both
            assert_int_equal(log.done, pairs);
            assert_int_equal(log.total, pairs);
            assert_int_equal(world.model.encode_calls,
                             kept ? VISUALS : 2 * VISUALS - 1);
            assert_int_equal(world.model.text_calls, TEXTS);
            assert_int_equal(world.model.frames, 8);
            remove(path);
        }
}

static void test_ties_are_the_later_ones(void **state)
{
    (void)state;
    fake_world world;
    fake_world_make(&world, VISUALS, 20); // all scores are 0
    log_of log = {0};
    assert_int_equal(evaluate(&world, fake_task(&world, false), vb_eval_retrieval,
                              VB_ANNOTATED_CAPTIONS, videos, (vblip_eval_options){0},
                              NULL, 0, &log, NULL),
                     VBLIP_OK);
    // Texts rank 4 3 2 1 0: the best of the visuals' are 3, 2, 1, 0. Visuals rank
    // 3 2 1 0: those of the texts are at 3, 3, 2, 1, 0.
    assert_string_equal(log.metrics, "txt_r1 25.00;txt_r5 100.00;txt_r10 100.00;"
                                     "txt_r_mean 75.00;vid_r1 20.00;vid_r5 100.00;"
                                     "vid_r10 100.00;vid_r_mean 73.33;vid_mdR 3.00;"
                                     "r_mean 74.17;");
}

static void test_no_metrics_without_every_file(void **state)
{
    (void)state;
    for (int pass = 1; pass <= 2; pass++) {
        fake_world world;
        make_small(&world);
        if (pass == 1)
            world.clips[1].error = "not a video";
        world.clips[3].fail_from = (uint32_t)pass;
        vb_task task = fake_task(&world, false);
        world.ops.cache_bytes = 0;
        log_of log = {0};
        vblip_error err = {0};
        assert_int_equal(evaluate(&world, task, vb_eval_retrieval,
                                  VB_ANNOTATED_CAPTIONS, videos,
                                  (vblip_eval_options){0}, NULL, 0, &log, &err),
                         pass == 1 ? VBLIP_ERR_IO : VBLIP_OK);
        if (pass == 2) // the last one was kept
            continue;
        assert_string_equal(err.message, "set: 2 of 4 videos or images could not be "
                                         "read: no metrics");
        assert_string_equal(log.failures, "b|not a video;d|gone;");
        assert_string_equal(log.metrics, "");
        assert_int_equal(world.model.itm_texts, 0); // nothing that is of no use
    }
    fake_world world; // gone between the passes
    make_small(&world);
    world.clips[0].fail_from = 2;
    vb_task task = fake_task(&world, false);
    world.ops.cache_bytes = 0;
    log_of log = {0};
    assert_int_equal(evaluate(&world, task, vb_eval_retrieval, VB_ANNOTATED_CAPTIONS,
                              videos, (vblip_eval_options){0}, NULL, 0, &log, NULL),
                     VBLIP_ERR_IO);
    assert_string_equal(log.failures, "a|gone;");
    assert_string_equal(log.metrics, "");
}

// ------------------------------------------------------------------- questions, captions

static const char questions[] =
    "{\"video\":\"b\",\"question\":\"what is it?\",\"answer\":\"x\"}\n"
    "{\"video\":\"a\",\"question\":\"who\",\"answer\":\"WHO of clip 0 \"}\n"
    "{\"video\":\"b\",\"question\":\"What\",\"answer\":\"What of clip 1\"}\n";

static void test_answers_are_predicted_and_counted(void **state)
{
    (void)state;
    for (int threads = 0; threads <= 1; threads++) {
        fake_world world;
        make_small(&world);
        log_of log = {0};
        assert_int_equal(evaluate(&world, fake_task(&world, threads), vb_eval_answers,
                                  VB_ANNOTATED_ANSWERS, questions,
                                  (vblip_eval_options){0}, NULL, 0, &log, NULL),
                         VBLIP_OK);
        // Video by video, as they first appear; each is encoded once.
        assert_string_equal(log.predictions,
                            "1 b what is it?: what is it? of clip 1 = x;"
                            "3 b What: What of clip 1 = What of clip 1 right;"
                            "2 a who: who of clip 0 = WHO of clip 0  right;");
        assert_string_equal(log.metrics,
                            "accuracy 66.67;accuracy_what 50.00;accuracy_who 100.00;");
        assert_int_equal(world.model.encode_calls, 2);
        assert_int_equal(world.model.frames, 16);
        assert_int_equal(log.done, 3);
        assert_int_equal(log.total, 3);
    }
}

static void test_answers_are_ranked(void **state)
{
    (void)state;
    static const char *const answers[] = {"yes", "no", "x"};
    fake_world world;
    make_small(&world);
    log_of log = {0};
    assert_int_equal(evaluate(&world, fake_task(&world, false), vb_eval_answers,
                              VB_ANNOTATED_ANSWERS, questions, (vblip_eval_options){0},
                              answers, 3, &log, NULL),
                     VBLIP_OK);
    assert_string_equal(log.predictions, "1 b what is it?: x = x right;"
                                         "3 b What: x = What of clip 1;"
                                         "2 a who: x = WHO of clip 0 ;");
    assert_string_equal(log.metrics,
                        "accuracy 33.33;accuracy_what 50.00;accuracy_who 0.00;");
}

static void test_vqa_predicts_alone(void **state)
{
    (void)state;
    fake_world world;
    make_small(&world);
    log_of log = {0};
    assert_int_equal(
        evaluate(&world, fake_task(&world, false), vb_eval_answers,
                 VB_ANNOTATED_QUESTIONS,
                 "[{\"image\":\"c\",\"question\":\"why\",\"question_id\":262144000}]",
                 (vblip_eval_options){0}, NULL, 0, &log, NULL),
        VBLIP_OK);
    assert_string_equal(log.predictions, "262144000 c why: why of clip 2;");
    assert_string_equal(log.metrics, "");
}

static void test_captions_carry_the_numbers_of_images(void **state)
{
    (void)state;
    fake_world world;
    make_small(&world);
    world.clips[0].still = world.clips[1].still = true;
    world.clips[0].frames = world.clips[1].frames = 1;
    world.clips[1].path = "x/COCO_val2014_000000000042.jpg";
    world.model.may_mix = true;
    log_of log = {0};
    assert_int_equal(evaluate(&world, fake_task(&world, false), vb_eval_captions,
                              VB_ANNOTATED_IMAGES,
                              "[{\"image\":\"x/COCO_val2014_000000000042.jpg\"},"
                              "{\"image\":\"a\",\"img_id\":7}]",
                              (vblip_eval_options){0}, NULL, 0, &log, NULL),
                     VBLIP_OK);
    assert_string_equal(log.predictions,
                        "42 x/COCO_val2014_000000000042.jpg -: frame 0;"
                        "7 a -: frame 0;");
    assert_int_equal(world.model.frames, 2);
}

// Side by side are those of as many frames, up to eight frames, and none across a file
// that cannot be read.
static void test_captions_of_several_images(void **state)
{
    (void)state;
    fake_world world;
    fake_world_make(&world, 14, 1);
    for (uint32_t i = 0; i < 14; i++)
        world.clips[i].still = true;
    world.clips[10].still = world.clips[13].still = false;
    world.clips[10].frames = world.clips[13].frames = 16;
    world.clips[12].error = "torn";
    world.model.may_mix = true;
    char text[1024] = "[", want[1024] = "";
    for (uint32_t i = 0; i < 14; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "%s{\"image\":\"%s\",\"image_id\":%u}", i ? "," : "",
                 world.clips[i].path, i + 1);
        if (i != 12)
            snprintf(want + strlen(want), sizeof want - strlen(want),
                     "%u %s -: frame 0;", i + 1, world.clips[i].path);
    }
    strcat(text, "]");
    log_of log = {0};
    assert_int_equal(evaluate(&world, fake_task(&world, false), vb_eval_captions,
                              VB_ANNOTATED_IMAGES, text, (vblip_eval_options){0}, NULL,
                              0, &log, NULL),
                     VBLIP_ERR_IO);
    assert_string_equal(log.predictions, want);
    assert_int_equal(world.model.encode_calls, 5); // 8, 2, the video, 1, the video
}

static void test_one_bad_file_does_not_stop_the_predictions(void **state)
{
    (void)state;
    fake_world world;
    make_small(&world);
    world.clips[1].error = "bad";
    log_of log = {0};
    vblip_error err = {0};
    assert_int_equal(evaluate(&world, fake_task(&world, false), vb_eval_answers,
                              VB_ANNOTATED_ANSWERS, questions, (vblip_eval_options){0},
                              NULL, 0, &log, &err),
                     VBLIP_ERR_IO);
    assert_string_equal(err.message,
                        "set: 1 of 2 videos or images could not be read: no metrics");
    assert_string_equal(log.failures, "b|bad;");
    assert_string_equal(log.predictions,
                        "2 a who: who of clip 0 = WHO of clip 0  right;");
    assert_string_equal(log.metrics, "");
    assert_int_equal(log.total, 1);
}

// The fake says True where right + statement > left.
static const char statements[] =
    "[{\"images\":[\"a\",\"b\"],\"sentence\":\"0\",\"label\":\"True\"},"
    "{\"images\":[\"a\",\"b\"],\"sentence\":\"5\",\"label\":\"False\"},"
    "{\"images\":[\"c\",\"b\"],\"sentence\":\"0\",\"label\":\"False\"},"
    "{\"images\":[\"a\",\"b\"],\"sentence\":\"1\",\"label\":\"True\"}]";

static void test_statements_about_pairs(void **state)
{
    (void)state;
    for (int threads = 0; threads <= 1; threads++) {
        fake_world world;
        make_small(&world);
        log_of log = {0};
        assert_int_equal(evaluate(&world, fake_task(&world, threads),
                                  vb_eval_statements, VB_ANNOTATED_STATEMENTS,
                                  statements, (vblip_eval_options){0}, NULL, 0, &log,
                                  NULL),
                         VBLIP_OK);
        assert_string_equal(log.predictions,
                            "1 a 0: True = True right;2 a 5: True = False;"
                            "3 c 0: False = False right;4 a 1: True = True right;");
        assert_string_equal(log.metrics, "accuracy 75.00;");
        assert_int_equal(world.model.encode_calls, 6); // neighbours share a pair
        assert_int_equal(log.done, 4);
        assert_int_equal(log.total, 4);

        make_small(&world);
        world.clips[1].error = "bad";
        log = (log_of){0};
        vblip_error err = {0};
        assert_int_equal(evaluate(&world, fake_task(&world, threads),
                                  vb_eval_statements, VB_ANNOTATED_STATEMENTS,
                                  statements, (vblip_eval_options){0}, NULL, 0, &log,
                                  &err),
                         VBLIP_ERR_IO);
        assert_string_equal(log.failures, "b|bad;"); // once, whatever needs it
        assert_string_equal(log.predictions, "");
        assert_string_equal(err.message, "set: 1 of 3 videos or images could not be "
                                         "read: no metrics");
    }
    for (uint32_t stop = 1; stop <= 2; stop++) {
        fake_world world;
        make_small(&world);
        log_of log = {.stop_predicted = stop};
        assert_int_equal(evaluate(&world, fake_task(&world, true), vb_eval_statements,
                                  VB_ANNOTATED_STATEMENTS, statements,
                                  (vblip_eval_options){0}, NULL, 0, &log, NULL),
                         VBLIP_ERR_CANCELLED);
        assert_int_equal(log.predicted, stop);
    }
}

static void test_callbacks_stop_a_protocol(void **state)
{
    (void)state;
    for (uint32_t stop = 1; stop <= 3; stop++)
        for (int which = 0; which < 3; which++) {
            fake_world world;
            make_small(&world);
            log_of log = {.stop_measured = which == 0 ? stop : 0,
                          .stop_predicted = which == 1 ? stop : 0,
                          .stop_progress = which == 2 ? stop : 0};
            assert_int_equal(evaluate(&world, fake_task(&world, true), vb_eval_answers,
                                      VB_ANNOTATED_ANSWERS, questions,
                                      (vblip_eval_options){0}, NULL, 0, &log, NULL),
                             VBLIP_ERR_CANCELLED);
            make_small(&world);
            if (which == 1)
                continue;
            log = (log_of){.stop_measured = which == 0 ? stop : 0,
                           .stop_progress = which == 2 ? stop : 0};
            assert_int_equal(evaluate(&world, fake_task(&world, true),
                                      vb_eval_retrieval, VB_ANNOTATED_CAPTIONS, videos,
                                      (vblip_eval_options){0}, NULL, 0, &log, NULL),
                             VBLIP_ERR_CANCELLED);
        }
}

// ---------------------------------------------------------------------------- the set

static void test_files_are_numbered_as_they_appear(void **state)
{
    (void)state;
    static const char text[] = "{\"video\":\"b\",\"question\":\"0\",\"answer\":\"\"}\n"
                               "{\"video\":\"a\",\"question\":\"1\",\"answer\":\"\"}\n"
                               "{\"video\":\"b\",\"question\":\"2\",\"answer\":\"\"}\n"
                               "{\"video\":\"c\",\"question\":\"3\",\"answer\":\"\"}\n"
                               "{\"video\":\"a\",\"question\":\"4\",\"answer\":\"\"}\n";
    vb_eval_set set;
    assert_int_equal(
        vb_eval_set_parse(&set, text, strlen(text), VB_ANNOTATED_ANSWERS, "x", NULL),
        VBLIP_OK);
    static const char *const names[] = {"b", "a", "c"};
    static const uint32_t order[] = {0, 2, 1, 4, 3}, first[] = {0, 2, 4, 5};
    assert_int_equal(set.input_count, 3);
    for (int i = 0; i < 3; i++)
        assert_string_equal(set.inputs[i].path, names[i]);
    assert_memory_equal(set.order, order, sizeof order);
    assert_memory_equal(set.first, first, sizeof first);
    vb_eval_set_free(&set);

    static const char pairs[] =
        "[{\"images\":[\"p\",\"q\"],\"sentence\":\"\",\"label\":\"True\"},"
        "{\"images\":[\"q\",\"r\"],\"sentence\":\"\",\"label\":\"True\"},"
        "{\"images\":[\"p\",\"p\"],\"sentence\":\"\",\"label\":\"True\"}]";
    static const uint32_t media[][2] = {{0, 1}, {1, 2}, {0, 0}};
    assert_int_equal(vb_eval_set_parse(&set, pairs, strlen(pairs),
                                       VB_ANNOTATED_STATEMENTS, "x", NULL),
                     VBLIP_OK);
    assert_int_equal(set.input_count, 3);
    assert_memory_equal(set.media, media, sizeof media);
    assert_int_equal(vb_eval_set_locate(&set, "dir", NULL), VBLIP_OK);
    assert_string_equal(set.inputs[2].path, "dir/r.mp4");
    vb_eval_set_free(&set);
}

static void touch(const char *folder, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static void test_names_become_files(void **state)
{
    (void)state;
    static const struct {
        const char *name; // as JSON
        const char *path; // below the folder
    } cases[] = {
        {"\"one\"", "one.mp4"},
        {"\"two\"", "two.avi"},
        {"\"both\"", "both.mp4"},
        {"\"none\"", "none.mp4"},
        {"\"three.webm\"", "three.webm"},
        {"\"gone.JPG\"", "gone.JPG"},
        {"\"v1.0\"", "v1.0.mkv"},
        {"\"bare\"", "bare"},
        {"7010", "video7010.mp4"},
        {"1201", "vid1201.avi"},
        {"55", "55.mp4"},
        {"56", "video56.mp4"},
        {"\"loop\"", "loop.avi"}, // a link to itself: no file, but not absent
    };
    char folder[] = "test_eval_XXXXXX";
    assert_non_null(mkdtemp(folder));
    static const char *const files[] = {"one.mp4",       "two.avi",     "both.avi",
                                        "both.mp4",      "v1.0.mkv",    "bare",
                                        "video7010.mp4", "vid1201.avi", "55.mp4"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        touch(folder, files[i]);
    char loop[64];
    snprintf(loop, sizeof loop, "%s/loop.avi", folder);
    assert_int_equal(symlink("loop.avi", loop), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int slash = 0; slash <= 1; slash++) {
            char text[128], path[128], given[64];
            vb_eval_set set;
            snprintf(text, sizeof text, "{\"video\":%s,\"caption\":\"\"}",
                     cases[i].name);
            snprintf(given, sizeof given, "%s%s", folder, slash ? "/" : "");
            snprintf(path, sizeof path, "%s/%s", folder, cases[i].path);
            assert_int_equal(vb_eval_set_parse(&set, text, strlen(text),
                                               VB_ANNOTATED_CAPTIONS, "x", NULL),
                             VBLIP_OK);
            assert_int_equal(vb_eval_set_locate(&set, given, NULL), VBLIP_OK);
            assert_string_equal(set.inputs[0].path, path);
            vb_eval_set_free(&set);
        }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        remove(path);
    }
    remove(loop);
    assert_int_equal(rmdir(folder), 0);
}

static void test_absolute_names_stay(void **state)
{
    (void)state;
    static const char text[] = "{\"video\":\"/x/y.mp4\",\"caption\":\"\"}";
    vb_eval_set set;
    assert_int_equal(
        vb_eval_set_parse(&set, text, strlen(text), VB_ANNOTATED_CAPTIONS, "x", NULL),
        VBLIP_OK);
    assert_int_equal(vb_eval_set_locate(&set, "dir", NULL), VBLIP_OK);
    assert_string_equal(set.inputs[0].path, "/x/y.mp4");
    vb_eval_set_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_directions),
        cmocka_unit_test(test_ties_are_the_later_ones),
        cmocka_unit_test(test_no_metrics_without_every_file),
        cmocka_unit_test(test_answers_are_predicted_and_counted),
        cmocka_unit_test(test_answers_are_ranked),
        cmocka_unit_test(test_vqa_predicts_alone),
        cmocka_unit_test(test_captions_carry_the_numbers_of_images),
        cmocka_unit_test(test_captions_of_several_images),
        cmocka_unit_test(test_one_bad_file_does_not_stop_the_predictions),
        cmocka_unit_test(test_statements_about_pairs),
        cmocka_unit_test(test_callbacks_stop_a_protocol),
        cmocka_unit_test(test_files_are_numbered_as_they_appear),
        cmocka_unit_test(test_names_become_files),
        cmocka_unit_test(test_absolute_names_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
