// match.c - ITC and ITM for every pair of input and text (blip-spec 6.6).
#include "base/arena.h"
#include "video_tasks/encoded.h"
#include "video_tasks/job.h"
#include "video_tasks/ranking.h"
#include "video_tasks/tasks.h"

#include <string.h>

enum { DEFAULT_FRAMES = 8 };

typedef struct matching {
    const vb_task *task;
    const vblip_match_options *options;
    const char *const *texts;
    uint32_t count; // texts
    vblip_match_fn fn;
    void *user;
    vb_meter meter;

    vb_arena arena;     // owns the arrays
    float *text_itc;    // [count, projection]
    float (*logits)[2]; // [count]
} matching;

static vblip_status match_prepare(matching *m, vblip_error *err)
{
    const vb_model_ops *ops = m->task->ops;
    const size_t width = ops->projection;
    m->text_itc = VB_ARENA_NEW(&m->arena, float, m->count *width);
    m->logits = vb_arena_alloc(&m->arena, m->count, sizeof *m->logits);
    if (!m->text_itc || !m->logits)
        return vb_fail_memory(err, "match");
    return ops->text_itc(ops->model, m->texts, m->count, m->text_itc, err);
}

static vblip_status report_match(matching *m, const vb_encoded *clip, vblip_error *err)
{
    const uint32_t width = m->task->ops->projection;
    for (uint32_t i = 0; i < m->count; i++) {
        vblip_match_row row = {
            .input = clip->input,
            .path = clip->path,
            .text = i,
            .itc = vb_dot(m->text_itc + (size_t)i * width, clip->itc, width),
            .p_match = vb_match_probability(m->task->calibration, m->logits[i]),
        };
        memcpy(row.itm_logits, m->logits[i], sizeof row.itm_logits);
        if (m->fn(m->user, &row))
            return vb_fail_cancelled(err);
    }
    return VBLIP_OK;
}

static vblip_status match_clip(void *user, const vb_encoded *clip, vblip_error *err)
{
    matching *m = user;
    const vb_model_ops *ops = m->task->ops;
    if (clip->failed)
        return vb_meter_skip(&m->meter, clip->path, m->count, err);
    VB_TRY(ops->itm(ops->model, clip->visual, m->texts, m->count, m->options->itm_cls,
                    m->logits, err));
    VB_TRY(report_match(m, clip, err));
    return vb_meter_add(&m->meter, clip->path, m->count, err);
}

vblip_status vb_task_match(const vb_task *task, const char *const *texts,
                           uint32_t count, const vblip_match_options *options,
                           vblip_match_fn fn, void *user, vblip_error *err)
{
    matching m = {
        .task = task,
        .options = options,
        .texts = texts,
        .count = count,
        .fn = fn,
        .user = user,
        .meter = vb_meter_start(vb_job(options->job), "pairs",
                                (uint64_t)task->input_count * count),
    };
    vblip_status status = match_prepare(&m, err);
    if (status == VBLIP_OK)
        status = vb_encode_each(task, vb_job(options->job), DEFAULT_FRAMES, true,
                                match_clip, &m, err);
    vb_arena_free(&m.arena);
    return status;
}
