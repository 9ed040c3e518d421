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
    vb_setup s;
    VB_TRY(vb_set_up_files(&s, inputs, o.hwaccel, err));
    vb_halt_start(&s.halt, o.stopped, o.stopped_user);
    const vblip_status status = vb_task_shots(&s.task, &job, o.threads, fn, user, err);
    vb_hwaccel_close(&s.task.hwaccel);
    return status;
}
