// test_out_of_memory.c - a task whose n-th allocation fails says so and leaks nothing.
#include "support/fail_alloc.h"
#include "support/fakes.h"
#include "video_tasks/eval.h"
#include "video_tasks/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const texts[] = {"0", "1"};

// The last failed input. Memory that runs out while a clip is decoded is its failure:
// the others may be smaller.
static int on_failed(void *user, const vblip_failure *failure)
{
    vb_fail(user, VBLIP_ERR_MEMORY, "%s: %s", failure->path, failure->message);
    return 0;
}

static int on_hit(void *user, const vblip_hit *hit)
{
    (void)user;
    return hit->rank == 0;
}

static int on_match(void *user, const vblip_match_row *row)
{
    (void)user;
    return row->path == NULL;
}

static int on_answer(void *user, const vblip_answer *answer)
{
    (void)user;
    return answer->path == NULL;
}

static int on_caption(void *user, const vblip_caption *caption)
{
    (void)user;
    return caption->path == NULL;
}

static vblip_status retrieve(const vb_task *task, const vblip_job *job,
                             vblip_error *err)
{
    const vblip_retrieve_options options = {.job = job};
    return vb_task_retrieve(task, texts, 2, &options, on_hit, NULL, err);
}

static vblip_status match(const vb_task *task, const vblip_job *job, vblip_error *err)
{
    const vblip_match_options options = {.job = job};
    return vb_task_match(task, texts, 2, &options, on_match, NULL, err);
}

static vblip_status ask(const vb_task *task, const vblip_job *job, vblip_error *err)
{
    const vblip_ask_options options = {.job = job};
    return vb_task_ask(task, texts, 2, &options, on_answer, NULL, err);
}

static vblip_status rank(const vb_task *task, const vblip_job *job, vblip_error *err)
{
    const vblip_ask_options options = {.job = job, .answers = texts, .answer_count = 2};
    return vb_task_ask(task, texts, 2, &options, on_answer, NULL, err);
}

static vblip_status caption(const vb_task *task, const vblip_job *job, vblip_error *err)
{
    const vblip_caption_options options = {.job = job, .merge = true};
    return vb_task_caption(task, &options, on_caption, NULL, err);
}

static vblip_status caption_shots(const vb_task *task, const vblip_job *job,
                                  vblip_error *err)
{
    const vblip_caption_options options = {.job = job, .shots = true};
    return vb_task_caption(task, &options, on_caption, NULL, err);
}

static vblip_status ask_about_segments(const vb_task *task, const vblip_job *job,
                                       vblip_error *err)
{
    const vb_segmenting shots = {.rule = VB_SEGMENTS_SHOTS};
    const vblip_ask_options options = {.job = job};
    vb_task segmented = *task;
    segmented.segmenting = &shots;
    return vb_task_ask(&segmented, texts, 2, &options, on_answer, NULL, err);
}

// Also the parsing of the data set, with names of the clips.
static vblip_status evaluate(const vb_task *task, const vblip_job *job,
                             vb_annotation_kind kind, const char *text,
                             vblip_status (*run)(const vb_eval *, vblip_error *),
                             vblip_error *err)
{
    const vblip_eval_options options = {.job = job};
    vb_eval_set set;
    VB_TRY(vb_eval_set_parse(&set, text, strlen(text), kind, "set", err));
    const vb_task own = {
        .ops = task->ops,
        .frames = task->frames,
        .inputs = set.inputs,
        .input_count = set.input_count,
    };
    const vb_eval eval = {.task = &own, .set = &set, .options = &options};
    vblip_status status = run(&eval, err);
    const vblip_error *failed = job->user;
    if (status == VBLIP_ERR_IO && failed->status) { // a clip that could not be read
        vb_error_reset(err);
        status = VBLIP_OK;
    }
    vb_eval_set_free(&set);
    return status;
}

static vblip_status eval_retrieval(const vb_task *task, const vblip_job *job,
                                   vblip_error *err)
{
    return evaluate(task, job, VB_ANNOTATED_CAPTIONS,
                    "{\"video\":\"a\",\"caption\":[\"0\",\"1\"]}\n"
                    "{\"video\":\"b\",\"caption\":\"2\"}\n"
                    "{\"video\":\"c\",\"caption\":\"3\"}\n",
                    vb_eval_retrieval, err);
}

static vblip_status eval_answers(const vb_task *task, const vblip_job *job,
                                 vblip_error *err)
{
    return evaluate(task, job, VB_ANNOTATED_ANSWERS,
                    "[{\"video\":\"a\",\"question\":\"0\",\"answer\":\"x\"},"
                    "{\"video\":\"b\",\"question\":\"1\",\"answer\":\"y\"}]",
                    vb_eval_answers, err);
}

static vblip_status eval_captions(const vb_task *task, const vblip_job *job,
                                  vblip_error *err)
{
    return evaluate(task, job, VB_ANNOTATED_IMAGES,
                    "[{\"image\":\"a\",\"image_id\":1},"
                    "{\"image\":\"b\",\"image_id\":2}]",
                    vb_eval_captions, err);
}

static vblip_status eval_statements(const vb_task *task, const vblip_job *job,
                                    vblip_error *err)
{
    return evaluate(
        task, job, VB_ANNOTATED_STATEMENTS,
        "[{\"images\":[\"a\",\"b\"],\"sentence\":\"0\",\"label\":\"True\"}]",
        vb_eval_statements, err);
}

static int on_filtered(void *user, const vblip_filtered *filtered)
{
    (void)user;
    return filtered->path == NULL;
}

static vblip_status filter(const vb_task *task, const vblip_job *job, vblip_error *err)
{
    static const char text[] = "{\"path\":\"a\",\"caption\":\"0\"}\n"
                               "{\"path\":\"b\",\"caption\":\"1\"}\n";
    const vblip_filter_options options = {.job = job};
    vb_eval_set set;
    VB_TRY(vb_eval_set_parse(&set, text, strlen(text), VB_ANNOTATED_PAIRS, "set", err));
    const vb_task own = {
        .ops = task->ops,
        .frames = task->frames,
        .inputs = set.inputs,
        .input_count = set.input_count,
    };
    const vb_filter f = {.task = &own,
                         .captioner = &own,
                         .set = &set,
                         .options = &options,
                         .fn = on_filtered};
    vblip_status status = vb_task_filter(&f, err);
    vb_eval_set_free(&set);
    return status;
}

typedef struct task_case {
    const char *name;
    vblip_status (*run)(const vb_task *task, const vblip_job *job, vblip_error *err);
} task_case;

// `user` is the case. The cache has room for two of the three clips.
static vblip_status run_task(void *user, vblip_error *err)
{
    const task_case *c = user;
    fake_world world;
    fake_world_make(&world, 3, 50);
    for (uint32_t i = 0; i < 3; i++)
        world.clips[i].shot = 25;
    world.model.may_mix = true;
    vb_task task = fake_task(&world, false);
    world.ops.cache_bytes = 200;
    vblip_error failed = {0};
    const vblip_job job = {.failed = on_failed, .user = &failed};
    vblip_status status = c->run(&task, &job, err);
    assert_int_equal(world.model.live, 0);
    if (status == VBLIP_OK && failed.status != VBLIP_OK)
        status = vb_fail(err, failed.status, "%s", failed.message);
    return status;
}

static void test_tasks(void **state)
{
    (void)state;
    static task_case cases[] = {
        {"retrieve", retrieve},
        {"match", match},
        {"ask", ask},
        {"rank", rank},
        {"ask about segments", ask_about_segments},
        {"caption", caption},
        {"caption shots", caption_shots},
        {"eval retrieval", eval_retrieval},
        {"eval answers", eval_answers},
        {"eval captions", eval_captions},
        {"eval statements", eval_statements},
        {"filter", filter},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(fail_alloc_each(cases[i].name, run_task, &cases[i]) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tasks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
