// eval_answers.c - answers for every annotation (blip-spec 6.2, 6.3). Visual tokens are
// made once for all the questions about a video or image.
#include "video_tasks/encoded.h"
#include "video_tasks/eval.h"
#include "video_tasks/job.h"
#include "video_tasks/metrics.h"

#include <stdio.h>

enum { DEFAULT_FRAMES = 16, DEFAULT_K = 128 };

typedef struct run {
    const vb_eval *eval;
    vb_meter meter;
    uint32_t unreadable; // inputs
    vb_accuracy accuracy;
    vb_visual *visual; // of the clip in work
    vb_generated reply;
    vb_arena arena;  // owns the arrays, both [answer_count]
    uint32_t *order; // answers, best first
    float *scores;
} run;

vblip_status vb_eval_metric(const vb_eval *eval, const char *name, double value,
                            vblip_error *err)
{
    const vblip_eval_options *options = eval->options;
    if (options->measured && options->measured(options->user, name, value))
        return vb_fail_cancelled(err);
    return VBLIP_OK;
}

// ------------------------------------------------------------------------ predictions

static vblip_status predict_ranked(run *r, const char *question, const char **out,
                                   vblip_error *err)
{
    const vb_model_ops *ops = r->eval->task->ops;
    const uint32_t k = r->eval->options->k_test;
    uint32_t kept = 0;
    VB_TRY(ops->rank(ops->model, r->visual, question, r->eval->answers,
                     r->eval->answer_count, k ? k : DEFAULT_K, r->order, r->scores,
                     &kept, err));
    *out = r->eval->answers[r->order[0]];
    return VBLIP_OK;
}

static vblip_status predict_answer(run *r, const char *question, const char **out,
                                   vblip_error *err)
{
    const vb_model_ops *ops = r->eval->task->ops;
    if (r->eval->answers)
        return predict_ranked(r, question, out, err);
    vb_generated_free(&r->reply);
    VB_TRY(ops->answer(ops->model, r->visual, question, NULL, &r->reply, err));
    *out = r->reply.text.bytes ? r->reply.text.bytes : "";
    return VBLIP_OK;
}

static vblip_status predict_one(run *r, const vb_encoded *clip, uint32_t index,
                                vblip_error *err)
{
    const vb_annotation *a = &r->eval->set->annotations.items[index];
    const vblip_eval_options *options = r->eval->options;
    vblip_prediction p = {
        .id = a->has_id ? a->id : (uint64_t)index + 1,
        .input = clip->input,
        .path = clip->path,
        .question = a->texts[0],
        .expected = a->expected,
    };
    VB_TRY(predict_answer(r, p.question, &p.text, err));
    if (p.expected) {
        p.right = vb_same_answer(p.text, p.expected);
        VB_TRY(vb_accuracy_add(&r->accuracy, p.question, p.right, err));
    }
    if (options->predicted && options->predicted(options->user, &p))
        return vb_fail_cancelled(err);
    return vb_meter_add(&r->meter, clip->path, 1, err);
}

static vblip_status predict_clip(void *user, const vb_encoded *clip, vblip_error *err)
{
    run *r = user;
    const vb_eval_set *set = r->eval->set;
    const uint32_t input = clip->input;
    r->unreadable += clip->failed;
    if (clip->failed)
        return vb_meter_skip(&r->meter, clip->path, vb_eval_set_count(set, input), err);
    r->visual = clip->visual;
    for (uint32_t i = set->first[input]; i < set->first[input + 1]; i++)
        VB_TRY(predict_one(r, clip, set->order[i], err));
    return VBLIP_OK;
}

// ---------------------------------------------------------------------------- metrics

static vblip_status report_accuracy(const run *r, vblip_error *err)
{
    const vb_accuracy *accuracy = &r->accuracy;
    if (!accuracy->all.count)
        return VBLIP_OK;
    VB_TRY(vb_eval_metric(r->eval, "accuracy", vb_tally_percent(&accuracy->all), err));
    for (uint32_t i = 0; i < accuracy->type_count; i++) {
        char name[64];
        snprintf(name, sizeof name, "accuracy_%.48s", accuracy->types[i].type);
        VB_TRY(
            vb_eval_metric(r->eval, name, vb_tally_percent(&accuracy->types[i]), err));
    }
    return VBLIP_OK;
}

static vblip_status eval_answers_prepare(run *r, vblip_error *err)
{
    r->order = VB_ARENA_NEW(&r->arena, uint32_t, r->eval->answer_count);
    r->scores = VB_ARENA_NEW(&r->arena, float, r->eval->answer_count);
    if (!r->order || !r->scores)
        return vb_fail_memory(err, r->eval->set->name);
    r->meter = vb_meter_start(vb_job(r->eval->options->job), "answers",
                              r->eval->set->annotations.count);
    return VBLIP_OK;
}

static vblip_status evaluate_answers(run *r, vblip_error *err)
{
    VB_TRY(eval_answers_prepare(r, err));
    VB_TRY(vb_encode_each(r->eval->task, vb_job(r->eval->options->job), DEFAULT_FRAMES,
                          false, predict_clip, r, err));
    VB_TRY(vb_eval_set_check(r->eval->set, r->unreadable, err));
    return report_accuracy(r, err);
}

vblip_status vb_eval_answers(const vb_eval *eval, vblip_error *err)
{
    run r = {.eval = eval};
    const vblip_status status = evaluate_answers(&r, err);
    vb_accuracy_free(&r.accuracy);
    vb_generated_free(&r.reply);
    vb_arena_free(&r.arena);
    return status;
}
