// eval_statements.c - NLVR2: are statements true of two images (blip-spec 6.7). Pictures
// are read in pairs, left then right; statements about one pair that follow each other
// share it.
#include "video_tasks/encoded.h"
#include "video_tasks/eval.h"
#include "video_tasks/job.h"
#include "video_tasks/metrics.h"

#include <string.h>

enum { DEFAULT_FRAMES = 8 };

typedef struct run {
    const vb_eval *eval;
    vb_meter meter;
    vb_arena arena;  // owns the arrays
    uint32_t *order; // [pairs, 2], inputs
    uint32_t *first; // [pairs + 1], the first statement about each
    uint32_t pairs;
    bool *unreadable;    // [inputs]
    vb_visual *sides[2]; // left and right of every pair in turn
    vb_tally tally;
} run;

static vblip_status find_pairs(run *r, vblip_error *err)
{
    const vb_eval_set *set = r->eval->set;
    const uint32_t count = set->annotations.count;
    r->order = VB_ARENA_NEW(&r->arena, uint32_t, (size_t)count * 2);
    r->first = VB_ARENA_NEW(&r->arena, uint32_t, (size_t)count + 1);
    r->unreadable = VB_ARENA_NEW(&r->arena, bool, set->input_count);
    if (!r->order || !r->first || !r->unreadable)
        return vb_fail_memory(err, set->name);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t *pair = set->media[i];
        const uint32_t *last = r->order + 2 * (r->pairs ? r->pairs - 1 : 0);
        if (r->pairs && last[0] == pair[0] && last[1] == pair[1])
            continue;
        r->order[2 * r->pairs] = pair[0];
        r->order[2 * r->pairs + 1] = pair[1];
        r->first[r->pairs++] = i;
    }
    r->first[r->pairs] = count;
    return VBLIP_OK;
}

// Whether the next picture could be read, and then encodes it. A file that fails again,
// in another pair, is reported once.
static vblip_status encode_next_image(run *r, vb_clips *clips, vb_visual *visual,
                                      bool *seen, vblip_error *err)
{
    const vblip_job *job = vb_job(r->eval->options->job);
    const vb_clip *clip = vb_clips_next(clips);
    *seen = clip->error.status == VBLIP_OK;
    if (*seen)
        return vb_clip_encode(clip, r->eval->task, visual, job->batch, NULL, err);
    if (r->unreadable[clip->input])
        return VBLIP_OK;
    r->unreadable[clip->input] = true;
    return vb_job_failed(job, clip->input, r->eval->set->inputs[clip->input].path,
                         &clip->error, err);
}

static vblip_status predict_statement(run *r, uint32_t index, vblip_error *err)
{
    const vb_eval_set *set = r->eval->set;
    const vb_annotation *a = &set->annotations.items[index];
    const vb_model_ops *ops = r->eval->task->ops;
    const vblip_eval_options *options = r->eval->options;
    float logits[1][2];
    VB_TRY(ops->reason(ops->model, r->sides[0], r->sides[1], a->texts, 1, logits, err));
    const vblip_prediction p = {
        .id = (uint64_t)index + 1,
        .input = set->media[index][0],
        .path = set->inputs[set->media[index][0]].path,
        .question = a->texts[0],
        .text = logits[0][1] > logits[0][0] ? "True" : "False",
        .expected = a->expected,
        .right = (logits[0][1] > logits[0][0]) == (strcmp(a->expected, "True") == 0),
    };
    r->tally.count++;
    r->tally.right += p.right;
    if (options->predicted && options->predicted(options->user, &p))
        return vb_fail_cancelled(err);
    return vb_meter_add(&r->meter, p.path, 1, err);
}

static vblip_status predict_pair(run *r, vb_clips *clips, uint32_t pair,
                                 vblip_error *err)
{
    bool left, right;
    VB_TRY(encode_next_image(r, clips, r->sides[0], &left, err));
    VB_TRY(encode_next_image(r, clips, r->sides[1], &right, err));
    const uint32_t first = r->first[pair], next = r->first[pair + 1];
    if (!left || !right)
        return vb_meter_skip(&r->meter, r->eval->set->name, next - first, err);
    for (uint32_t i = first; i < next; i++)
        VB_TRY(predict_statement(r, i, err));
    return VBLIP_OK;
}

static vblip_status predict_pairs(run *r, vblip_error *err)
{
    const vb_eval *eval = r->eval;
    const vblip_job *job = vb_job(eval->options->job);
    vb_clips *clips = NULL;
    const vb_clips_plan plan = {
        .order = r->order,
        .count = 2 * r->pairs,
        .frames = job->frames ? job->frames : DEFAULT_FRAMES,
    };
    VB_TRY(vb_clips_open(&clips, eval->task, job, &plan, err));
    vblip_status status = VBLIP_OK;
    for (uint32_t pair = 0; status == VBLIP_OK && pair < r->pairs; pair++)
        status = predict_pair(r, clips, pair, err);
    vb_clips_close(&clips);
    return status;
}

static vblip_status evaluate_statements(run *r, vblip_error *err)
{
    const vb_model_ops *ops = r->eval->task->ops;
    const vb_eval_set *set = r->eval->set;
    VB_TRY(find_pairs(r, err));
    r->meter = vb_meter_start(vb_job(r->eval->options->job), "statements",
                              set->annotations.count);
    VB_TRY(ops->visual_make(&r->sides[0], ops->model, err));
    VB_TRY(ops->visual_make(&r->sides[1], ops->model, err));
    VB_TRY(predict_pairs(r, err));
    uint32_t unreadable = 0;
    for (uint32_t i = 0; i < set->input_count; i++)
        unreadable += r->unreadable[i];
    VB_TRY(vb_eval_set_check(set, unreadable, err));
    return vb_eval_metric(r->eval, "accuracy", vb_tally_percent(&r->tally), err);
}

vblip_status vb_eval_statements(const vb_eval *eval, vblip_error *err)
{
    run r = {.eval = eval};
    vblip_status status = evaluate_statements(&r, err);
    eval->task->ops->visual_free(&r.sides[0]);
    eval->task->ops->visual_free(&r.sides[1]);
    vb_arena_free(&r.arena);
    return status;
}
