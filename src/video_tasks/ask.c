// ask.c - questions about every input, or each of its segments, answered by generating or
// by ranking (6.2, 6.3).
#include "base/arena.h"
#include "video_tasks/encoded.h"
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
    uint64_t opened;   // inputs, in vain or not
    uint64_t segments; // of these, that were asked about or will be

    vb_arena arena;              // owns the arrays, all [answer_count]
    uint32_t *order;             // answers, best first
    float *scores;               // theirs
    vblip_ranked_answer *ranked; // both together
    vb_generated reply;
} asking;

static vblip_status ask_prepare(asking *a, vblip_error *err)
{
    const uint32_t answers = a->options->answer_count;
    a->order = VB_ARENA_NEW(&a->arena, uint32_t, answers);
    a->scores = VB_ARENA_NEW(&a->arena, float, answers);
    a->ranked = VB_ARENA_NEW(&a->arena, vblip_ranked_answer, answers);
    if (!a->order || !a->scores || !a->ranked)
        return vb_fail_memory(err, "ask");
    return VBLIP_OK;
}

static vblip_status ask_generate(asking *a, vb_visual *visual, const char *question,
                                 vblip_answer *answer, vblip_error *err)
{
    const vb_model_ops *ops = a->task->ops;
    const vb_answer_params params = {
        .beams = a->options->beams,
        .max_length = a->options->max_length,
        .min_length = a->options->min_length,
    };
    vb_generated_free(&a->reply);
    VB_TRY(ops->answer(ops->model, visual, question, &params, &a->reply, err));
    answer->text = a->reply.text.bytes ? a->reply.text.bytes : "";
    answer->score = a->reply.score;
    return VBLIP_OK;
}

// Answers `first` to `first` + `count` - 1, `count` not 0.
static vblip_status ask_rank(asking *a, vb_visual *visual, const char *question,
                             uint32_t first, uint32_t count, vblip_answer *answer,
                             vblip_error *err)
{
    const vb_model_ops *ops = a->task->ops;
    const vblip_ask_options *options = a->options;
    const char *const *answers = options->answers + first;
    const uint32_t k_test = options->k_test ? options->k_test : DEFAULT_K_TEST;
    uint32_t kept = 0;
    VB_TRY(ops->rank(ops->model, visual, question, answers, count, k_test, a->order,
                     a->scores, &kept, err));
    for (uint32_t i = 0; i < kept; i++)
        a->ranked[i] =
            (vblip_ranked_answer){.answer = first + a->order[i], .score = a->scores[i]};
    answer->text = answers[a->order[0]];
    answer->score = a->scores[0];
    answer->ranked = a->ranked;
    answer->ranked_count = kept;
    return VBLIP_OK;
}

// Its answers are `count` from `first` on; 0 = one is generated.
static vblip_status ask_one(asking *a, const vb_encoded *clip, uint32_t question,
                            uint32_t first, uint32_t count, vblip_error *err)
{
    vblip_answer answer = {
        .input = clip->input,
        .path = clip->path,
        .question = question,
        .timed = clip->timed,
        .start_us = clip->start_us,
        .end_us = clip->end_us,
    };
    const char *text = a->questions[question];
    if (count)
        VB_TRY(ask_rank(a, clip->visual, text, first, count, &answer, err));
    else
        VB_TRY(ask_generate(a, clip->visual, text, &answer, err));
    if (a->fn(a->user, &answer))
        return vb_fail_cancelled(err);
    return vb_meter_add(&a->meter, answer.path, 1, err);
}

// Inputs that are not open yet are taken to have as many segments as the others.
static void expect_answers(asking *a, const vb_encoded *clip)
{
    a->opened += clip->part == 0;
    if (clip->failed)
        a->segments -= clip->part ? clip->parts - clip->part : 0;
    else if (clip->part == 0)
        a->segments += clip->parts;
    const uint64_t each = a->segments ? (a->segments - 1) / a->opened + 1 : 1;
    a->meter.total =
        (a->segments + (a->task->input_count - a->opened) * each) * a->count;
}

static vblip_status ask_clip(void *user, const vb_encoded *clip, vblip_error *err)
{
    asking *a = user;
    expect_answers(a, clip);
    if (clip->failed)
        return vb_meter_add(&a->meter, clip->path, 0, err);
    const vblip_ask_options *o = a->options;
    const uint32_t *each = o->answers_each;
    uint32_t first = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        const uint32_t answers = each ? each[i] : o->answers ? o->answer_count : 0;
        VB_TRY(ask_one(a, clip, i, first, answers, err));
        first += each ? answers : 0;
    }
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
        .meter =
            vb_meter_start(vb_job(options->job), "answers",
                           task->segmenting ? 0 : (uint64_t)task->input_count * count),
    };
    vblip_status status = ask_prepare(&a, err);
    if (status == VBLIP_OK && task->segmenting && task->input_count)
        // To find segments may take minutes: what it is at is said before.
        status = vb_meter_add(&a.meter, task->inputs[0].path, 0, err);
    if (status == VBLIP_OK)
        status = vb_encode_each(task, vb_job(options->job), DEFAULT_FRAMES, false,
                                ask_clip, &a, err);
    vb_generated_free(&a.reply);
    vb_arena_free(&a.arena);
    return status;
}
