// judge.c - pairs of which is known whether they match, for ITM to look at.
#include "base/arena.h"
#include "video_tasks/calibration.h"
#include "video_tasks/encoded.h"
#include "video_tasks/job.h"

#include <string.h>

enum { DEFAULT_FRAMES = 8 };

typedef struct judging {
    const vb_task *task;
    const vb_eval_set *set;
    bool itm_cls;
    vb_judged *out;
    uint32_t unreadable; // inputs
    const char **texts;  // [annotations], of one input at a time
    float (*logits)[2];  // [annotations], likewise
    vb_meter meter;
} judging;

static vblip_status judge_input(void *user, const vb_encoded *clip, vblip_error *err)
{
    judging *j = user;
    const vb_model_ops *ops = j->task->ops;
    const uint32_t count = vb_eval_set_count(j->set, clip->input);
    const uint32_t *order = j->set->order + j->set->first[clip->input];
    if (clip->failed) {
        j->unreadable++;
        return vb_meter_skip(&j->meter, clip->path, count, err);
    }
    for (uint32_t i = 0; i < count; i++)
        j->texts[i] = j->set->annotations.items[order[i]].texts[0];
    VB_TRY(ops->itm(ops->model, clip->visual, j->texts, count, j->itm_cls, j->logits,
                    err));
    for (uint32_t i = 0; i < count; i++) {
        vb_judged *judged = &j->out[order[i]];
        memcpy(judged->logits, j->logits[i], sizeof judged->logits);
        judged->match =
            strcmp(j->set->annotations.items[order[i]].expected, "True") == 0;
    }
    return vb_meter_add(&j->meter, clip->path, count, err);
}

vblip_status vb_task_judge(vb_judged *out, const vb_task *task, const vb_eval_set *set,
                           const vblip_calibrate_options *options, vblip_error *err)
{
    const vblip_job *job = vb_job(options->job);
    const uint32_t count = set->annotations.count;
    vb_arena arena = {0};
    judging j = {
        .task = task,
        .set = set,
        .itm_cls = options->itm_cls,
        .out = out,
        .texts = VB_ARENA_NEW(&arena, const char *, count),
        .logits = vb_arena_alloc(&arena, count, sizeof *j.logits),
        .meter = vb_meter_start(job, "pairs", count),
    };
    vblip_status status =
        j.texts && j.logits
            ? vb_encode_each(task, job, DEFAULT_FRAMES, false, judge_input, &j, err)
            : vb_fail_memory(err, set->name);
    if (status == VBLIP_OK)
        status = vb_eval_set_check(set, j.unreadable, err);
    vb_arena_free(&arena);
    return status;
}
