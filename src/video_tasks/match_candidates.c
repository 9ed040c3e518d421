#include "video_tasks/match_candidates.h"

#include "video_tasks/encoded.h"
#include "video_tasks/job.h"

enum { DEFAULT_FRAMES = 8 };

typedef struct candidates_run {
    const vb_task *task;
    const vblip_candidate *candidates;
    const vblip_match_options *options;
    vblip_match_fn fn;
    void *user;
    vb_meter meter;
} candidates_run;

static vblip_status match_candidate(void *user, const vb_encoded *clip,
                                    vblip_error *err)
{
    candidates_run *r = user;
    const vblip_candidate *candidate = &r->candidates[clip->input];
    if (clip->failed)
        return vb_meter_skip(&r->meter, clip->path, candidate->text_count, err);
    vb_task about = *r->task;
    vblip_match_options silent = *r->options;
    about.encoded = clip;
    silent.job = NULL;
    VB_TRY(vb_task_match(&about, candidate->texts, candidate->text_count, &silent,
                         r->fn, r->user, err));
    return vb_meter_add(&r->meter, clip->path, candidate->text_count, err);
}

vblip_status vb_task_match_candidates(const vb_task *task,
                                      const vblip_candidate *candidates,
                                      const vblip_match_options *options,
                                      vblip_match_fn fn, void *user, vblip_error *err)
{
    const vblip_job *job = vb_job(options->job);
    uint64_t pairs = 0;
    for (uint32_t i = 0; i < task->input_count; i++)
        pairs += candidates[i].text_count;
    candidates_run r = {
        .task = task,
        .candidates = candidates,
        .options = options,
        .fn = fn,
        .user = user,
        .meter = vb_meter_start(job, "pairs", pairs),
    };
    return vb_encode_each(task, job, DEFAULT_FRAMES, true, match_candidate, &r, err);
}
