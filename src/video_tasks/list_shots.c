// list_shots.c - the shots of recordings, one file after the other.
#include "base/cores.h"
#include "video_tasks/cuts.h"
#include "video_tasks/job.h"
#include "video_tasks/shots.h"
#include "video_tasks/tasks.h"

// A file that is open.
typedef struct shot_list {
    const vb_task *task;
    vb_video *video;
    uint32_t input; // index
    vb_cuts cuts;
} shot_list;

static vblip_status tell_shots(const shot_list *l, vblip_shot_fn fn, void *user,
                               vblip_error *err)
{
    const vb_frames *source = l->task->frames;
    const vb_video_info *info = source->describe(l->video);
    for (uint32_t i = 0; i < l->cuts.count; i++) {
        const bool last = i + 1 == l->cuts.count;
        const vblip_shot shot = {
            .input = l->input,
            .path = l->task->inputs[l->input].path,
            .shot = i + 1,
            .timed = !info->still,
            .start_us = source->time(l->video, l->cuts.frames[i]),
            .end_us = last ? info->duration_us
                           : source->time(l->video, l->cuts.frames[i + 1]),
        };
        if (fn(user, &shot))
            return vb_fail_cancelled(err);
    }
    return VBLIP_OK;
}

static vblip_status open_for_shots(shot_list *l, uint32_t threads, vblip_error *err)
{
    const vblip_input *input = &l->task->inputs[l->input];
    if (input->error)
        return vb_fail(err, VBLIP_ERR_IO, "%s", input->error);
    const vb_decode_options options = {
        .side = VB_SHOT_SIDE,
        .threads = threads,
        .hwaccel = l->task->hwaccel,
        .stopped = vb_halt_asked,
        .stopped_user = l->task->halt,
    };
    return l->task->frames->open(l->task->frames->user, &l->video, input->path,
                                 &options, err);
}

// What is wrong with the file goes to the job, what stops the job to `err`. The shots of what
// could be read are told all the same.
static vblip_status list_file(shot_list *l, const vblip_job *job, uint32_t threads,
                              vblip_shot_fn fn, void *user, vblip_error *err)
{
    const char *path = l->task->inputs[l->input].path;
    const vb_frames *source = l->task->frames;
    vblip_error failed = {0};
    vblip_status status = open_for_shots(l, threads, &failed);
    if (status == VBLIP_OK)
        status = vb_cuts_find(&l->cuts, source, l->video, &failed);
    if (status == VBLIP_OK) {
        const vb_video_info *info = source->describe(l->video);
        vb_job_warned(job, l->input, path, info->warning);
        VB_TRY(tell_shots(l, fn, user, err));
        status = vb_check_whole(info, path, &failed);
    }
    return status == VBLIP_OK ? VBLIP_OK
                              : vb_job_failed(job, l->input, path, &failed, err);
}

vblip_status vb_task_shots(const vb_task *task, const vblip_job *job, uint32_t threads,
                           vblip_shot_fn fn, void *user, vblip_error *err)
{
    vb_meter meter = vb_meter_start(job, "files", task->input_count);
    shot_list l = {.task = task};
    vblip_status status = VBLIP_OK;
    for (; l.input < task->input_count && status == VBLIP_OK; l.input++) {
        status = list_file(&l, job, threads ? threads : vb_core_count(), fn, user, err);
        task->frames->close(&l.video);
        if (status == VBLIP_OK)
            status = vb_meter_add(&meter, task->inputs[l.input].path, 1, err);
    }
    vb_cuts_free(&l.cuts);
    return status;
}
