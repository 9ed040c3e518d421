// shots.c - the exported function about shots, which needs no model.
#include "vblip_lab.h"

#include "api/objects.h"

vblip_status vblip_shots(const vblip_inputs *inputs, const vblip_shots_options *options,
                         vblip_shot_fn fn, void *user, vblip_error *err)
{
    vblip_shots_options o;
    vblip_job job;
    vb_error_reset(err);
    VB_TRY(vb_take_options(&o, sizeof o, options, "shots", err));
    VB_TRY(vb_take_job(&job, &o.job, err));
    VB_TRY(vb_need(inputs != NULL, "inputs", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    const vb_frames frames = vb_frames_from_files();
    vb_halt halt;
    vb_halt_start(&halt, o.stopped, o.stopped_user);
    vb_hwaccel *hwaccel;
    VB_TRY(vb_hwaccel_open(&hwaccel, o.hwaccel, err));
    const vb_task task = {
        .frames = &frames,
        .hwaccel = hwaccel,
        .inputs = inputs->list.items,
        .input_count = inputs->list.count,
        .halt = &halt,
    };
    const vblip_status status = vb_task_shots(&task, &job, o.threads, fn, user, err);
    vb_hwaccel_close(&hwaccel);
    return status;
}
