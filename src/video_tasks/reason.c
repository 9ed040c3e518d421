// reason.c - statements about pairs of inputs (NLVR2, blip-spec 6.7).
#include "base/arena.h"
#include "video_tasks/encoded.h"
#include "video_tasks/job.h"
#include "video_tasks/ranking.h"
#include "video_tasks/tasks.h"

#include <string.h>

enum { DEFAULT_FRAMES = 8 };

typedef struct reasoning {
    const vb_task *task;
    const vblip_reason_options *options;
    const char *const *statements;
    uint32_t count; // statements of one pair
    vblip_reason_fn fn;
    void *user;
    vb_meter meter;

    vb_arena arena;
    float (*logits)[2];   // [count], in the arena
    vb_visual *images[2]; // left and right of every pair in turn
    bool encoded[2];      // left and right
} reasoning;

static vblip_status reason_prepare(reasoning *r, vblip_error *err)
{
    const vb_model_ops *ops = r->task->ops;
    r->logits = vb_arena_alloc(&r->arena, r->count, sizeof *r->logits);
    if (!r->logits)
        return vb_fail_memory(err, "reason");
    VB_TRY(ops->visual_make(&r->images[0], ops->model, err));
    return ops->visual_make(&r->images[1], ops->model, err);
}

// Puts a clip where it belongs in its pair. A right image is not needed, but its failure
// is reported, when the left one failed.
static vblip_status encode_side(reasoning *r, const vb_clip *clip, vblip_error *err)
{
    const vblip_job *job = vb_job(r->options->job);
    const uint32_t side = clip->input % 2;
    r->encoded[side] = clip->error.status == VBLIP_OK;
    if (!r->encoded[side])
        return vb_job_failed(job, clip->input, r->task->inputs[clip->input].path,
                             &clip->error, err);
    if (side == 1 && !r->encoded[0])
        return VBLIP_OK;
    return vb_clip_encode(clip, r->task, r->images[side], job->batch, NULL, err);
}

static vblip_status report_pair(reasoning *r, uint32_t pair, vblip_error *err)
{
    const vb_model_ops *ops = r->task->ops;
    const char *left = r->task->inputs[2 * pair].path;
    const char *right = r->task->inputs[2 * pair + 1].path;
    if (!r->encoded[0] || !r->encoded[1])
        return vb_meter_skip(&r->meter, left, r->count, err);
    const uint32_t first = r->options->each ? pair : 0;
    VB_TRY(ops->reason(ops->model, r->images[0], r->images[1], r->statements + first,
                       r->count, r->logits, err));
    for (uint32_t i = 0; i < r->count; i++) {
        vblip_reason_row row = {
            .pair = pair,
            .left = left,
            .right = right,
            .statement = first + i,
            .answer = r->logits[i][1] > r->logits[i][0],
            .p_true = vb_match_probability(NULL, r->logits[i]),
        };
        memcpy(row.logits, r->logits[i], sizeof row.logits);
        if (r->fn(r->user, &row))
            return vb_fail_cancelled(err);
    }
    return vb_meter_add(&r->meter, left, r->count, err);
}

static vblip_status take_clip(void *user, const vb_clip *clip, vblip_error *err)
{
    reasoning *r = user;
    VB_TRY(encode_side(r, clip, err));
    return clip->input % 2 == 1 ? report_pair(r, clip->input / 2, err) : VBLIP_OK;
}

vblip_status vb_task_reason(const vb_task *task, const char *const *statements,
                            uint32_t count, const vblip_reason_options *options,
                            vblip_reason_fn fn, void *user, vblip_error *err)
{
    const uint32_t each = options->each ? 1 : count;
    reasoning r = {
        .task = task,
        .options = options,
        .statements = statements,
        .count = each,
        .fn = fn,
        .user = user,
        .meter = vb_meter_start(vb_job(options->job), "statements",
                                (uint64_t)task->input_count / 2 * each),
    };
    vblip_status status = reason_prepare(&r, err);
    if (status == VBLIP_OK)
        status = vb_clips_each(task, vb_job(options->job), DEFAULT_FRAMES, take_clip,
                               &r, err);
    task->ops->visual_free(&r.images[0]);
    task->ops->visual_free(&r.images[1]);
    vb_arena_free(&r.arena);
    return status;
}
