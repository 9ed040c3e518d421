// ask.c - questions about every input, answered by generating or by ranking (6.2, 6.3).
#include "base/arena.h"
#include "video_tasks/clips.h"
#include "video_tasks/job.h"
#include "video_tasks/tasks.h"

enum { DEFAULT_FRAMES = 16, DEFAULT_K_TEST = 128 };

typedef struct asking {
    const vb_task *task;
    const vblip_ask_options *options;
    const char *const *questions;
    uint32_t count; // questions
    vblip_answer_fn fn;
    void *user;
    vb_meter meter;

    vb_arena arena;              // owns the arrays, all [answer_count]
    uint32_t *order;             // answers, best first
    float *scores;               // theirs
    vblip_ranked_answer *ranked; // both together
    vb_visual *visual;           // owned as well; every clip in turn
    vb_generated reply;
} asking;

static vblip_status ask_prepare(asking *a, vblip_error *err)
{
    const vb_model_ops *ops = a->task->ops;
    const uint32_t answers = a->options->answer_count;
    a->order = VB_ARENA_NEW(&a->arena, uint32_t, answers);
    a->scores = VB_ARENA_NEW(&a->arena, float, answers);
    a->ranked = VB_ARENA_NEW(&a->arena, vblip_ranked_answer, answers);
    if (!a->order || !a->scores || !a->ranked)
        return vb_fail_memory(err, "ask");
    return ops->visual_make(&a->visual, ops->model, err);
}

static vblip_status generate(asking *a, const char *question, vblip_answer *answer,
                             vblip_error *err)
{
    const vb_model_ops *ops = a->task->ops;
    VB_TRY(ops->answer(ops->model, a->visual, question, &a->reply, err));
    answer->text = a->reply.text.bytes ? a->reply.text.bytes : "";
    answer->score = a->reply.score;
    return VBLIP_OK;
}

static vblip_status ask_rank(asking *a, const char *question, vblip_answer *answer,
                             vblip_error *err)
{
    const vb_model_ops *ops = a->task->ops;
    const vblip_ask_options *options = a->options;
    const uint32_t k_test = options->k_test ? options->k_test : DEFAULT_K_TEST;
    uint32_t kept = 0;
    VB_TRY(ops->rank(ops->model, a->visual, question, options->answers,
                     options->answer_count, k_test, a->order, a->scores, &kept, err));
    for (uint32_t i = 0; i < kept; i++)
        a->ranked[i] =
            (vblip_ranked_answer){.answer = a->order[i], .score = a->scores[i]};
    answer->text = options->answers[a->order[0]];
    answer->score = a->scores[0];
    answer->ranked = a->ranked;
    answer->ranked_count = kept;
    return VBLIP_OK;
}

static vblip_status ask_one(asking *a, const vb_clip *clip, uint32_t question,
                            vblip_error *err)
{
    vblip_answer answer = {
        .path = a->task->inputs[clip->input].path,
        .question = question,
        .timed = !clip->info.still,
        .end_us = clip->info.still ? 0 : clip->info.duration_us,
    };
    const char *text = a->questions[question];
    if (a->options->answers)
        VB_TRY(ask_rank(a, text, &answer, err));
    else
        VB_TRY(generate(a, text, &answer, err));
    if (a->fn(a->user, &answer))
        return vb_fail_cancelled(err);
    return vb_meter_add(&a->meter, answer.path, 1, err);
}

static vblip_status ask_clip(void *user, const vb_clip *clip, vblip_error *err)
{
    asking *a = user;
    const vblip_job *job = &a->options->job;
    const char *path = a->task->inputs[clip->input].path;
    if (clip->error.status != VBLIP_OK) {
        VB_TRY(vb_job_failed(job, path, &clip->error, err));
        return vb_meter_skip(&a->meter, path, a->count, err);
    }
    VB_TRY(vb_clip_encode(clip, a->task, a->visual, job->batch, NULL, err));
    for (uint32_t i = 0; i < a->count; i++)
        VB_TRY(ask_one(a, clip, i, err));
    return VBLIP_OK;
}

vblip_status vb_task_ask(const vb_task *task, const char *const *questions,
                         uint32_t count, const vblip_ask_options *options,
                         vblip_answer_fn fn, void *user, vblip_error *err)
{
    asking a = {
        .task = task,
        .options = options,
        .questions = questions,
        .count = count,
        .fn = fn,
        .user = user,
        .meter = vb_meter_start(&options->job, "answers",
                                (uint64_t)task->input_count * count),
    };
    vblip_status status = ask_prepare(&a, err);
    if (status == VBLIP_OK)
        status = vb_clips_each(task, &options->job, DEFAULT_FRAMES, ask_clip, &a, err);
    vb_generated_free(&a.reply);
    task->ops->visual_free(&a.visual);
    vb_arena_free(&a.arena);
    return status;
}
