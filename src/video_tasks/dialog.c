// dialog.c - candidates for the next answer of dialogs about every input (docs/dialog.md).
#include "base/arena.h"
#include "video_tasks/encoded.h"
#include "video_tasks/job.h"
#include "video_tasks/tasks.h"

#include <stdlib.h>

enum { DEFAULT_FRAMES = 16 }; // as for questions

typedef struct candidate {
    uint32_t index;
    float score;
} candidate;

typedef struct talking {
    const vb_task *task;
    const vb_dialog *dialogs;
    uint32_t count; // dialogs
    vblip_dialog_fn fn;
    void *user;
    vb_meter meter;

    vb_arena arena; // owns the arrays, all as long as the longest list of candidates
    float (*logits)[2];
    candidate *order;
    const char **answers;
    float *scores;
} talking;

static vblip_status dialog_prepare(talking *t, vblip_error *err)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < t->count; i++)
        if (t->dialogs[i].candidate_count > most)
            most = t->dialogs[i].candidate_count;
    t->logits = vb_arena_alloc(&t->arena, most, sizeof *t->logits);
    t->order = VB_ARENA_NEW(&t->arena, candidate, most);
    t->answers = VB_ARENA_NEW(&t->arena, const char *, most);
    t->scores = VB_ARENA_NEW(&t->arena, float, most);
    if (!t->logits || !t->order || !t->answers || !t->scores)
        return vb_fail_memory(err, "dialog");
    return VBLIP_OK;
}

static int by_match_score(const void *left, const void *right)
{
    const candidate *a = left, *b = right;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

// t->answers and t->scores of a dialog, best first.
static vblip_status dialog_rank(talking *t, vb_visual *visual, const vb_dialog *dialog,
                                vblip_error *err)
{
    const vb_model_ops *ops = t->task->ops;
    VB_TRY(ops->dialog(ops->model, visual, dialog, t->logits, err));
    for (uint32_t i = 0; i < dialog->candidate_count; i++)
        t->order[i] = (candidate){i, t->logits[i][1] - t->logits[i][0]};
    qsort(t->order, dialog->candidate_count, sizeof *t->order, by_match_score);
    for (uint32_t i = 0; i < dialog->candidate_count; i++) {
        t->answers[i] = dialog->candidates[t->order[i].index];
        t->scores[i] = t->order[i].score;
    }
    return VBLIP_OK;
}

static vblip_status dialog_one(talking *t, const vb_encoded *clip, uint32_t number,
                               vblip_error *err)
{
    const vb_dialog *dialog = &t->dialogs[number];
    VB_TRY(dialog_rank(t, clip->visual, dialog, err));
    const vblip_dialog_row row = {
        .input = clip->input,
        .path = clip->path,
        .dialog = number,
        .dialogs = t->count,
        .question = dialog->question,
        .answers = t->answers,
        .scores = t->scores,
        .count = dialog->candidate_count,
        .timed = clip->timed,
        .start_us = clip->start_us,
        .end_us = clip->end_us,
    };
    if (t->fn(t->user, &row))
        return vb_fail_cancelled(err);
    return vb_meter_add(&t->meter, row.path, 1, err);
}

static vblip_status dialog_clip(void *user, const vb_encoded *clip, vblip_error *err)
{
    talking *t = user;
    if (clip->failed)
        return vb_meter_skip(&t->meter, clip->path, t->count, err);
    for (uint32_t i = 0; i < t->count; i++)
        VB_TRY(dialog_one(t, clip, i, err));
    return VBLIP_OK;
}

vblip_status vb_task_dialog(const vb_task *task, const vb_dialog *dialogs,
                            uint32_t count, const vblip_job *job, vblip_dialog_fn fn,
                            void *user, vblip_error *err)
{
    talking t = {
        .task = task,
        .dialogs = dialogs,
        .count = count,
        .fn = fn,
        .user = user,
        .meter =
            vb_meter_start(vb_job(job), "dialogs", (uint64_t)task->input_count * count),
    };
    vblip_status status = dialog_prepare(&t, err);
    if (status == VBLIP_OK)
        status = vb_encode_each(task, vb_job(job), DEFAULT_FRAMES, false, dialog_clip,
                                &t, err);
    vb_arena_free(&t.arena);
    return status;
}
