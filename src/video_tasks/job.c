#include "video_tasks/job.h"

#include "base/timing.h"

#include <string.h>

const vblip_job *vb_job(const vblip_job *job)
{
    static const vblip_job none;
    return job ? job : &none;
}

const char *vb_without_path(const char *message, const char *path)
{
    size_t size = strlen(path);
    if (strncmp(message, path, size) != 0 || strncmp(message + size, ": ", 2) != 0)
        return message;
    return message + size + 2;
}

vblip_status vb_job_failed(const vblip_job *job, uint32_t input, const char *path,
                           const vblip_error *why, vblip_error *err)
{
    if (why->status == VBLIP_ERR_CANCELLED) // the job, not the input
        return vb_fail_cancelled(err);
    if (!job->failed)
        return VBLIP_OK;
    vblip_failure failure = {
        .input = input,
        .path = path,
        .message = vb_without_path(why->message, path),
    };
    return job->failed(job->user, &failure) ? vb_fail_cancelled(err) : VBLIP_OK;
}

void vb_job_warned(const vblip_job *job, uint32_t input, const char *path,
                   const char *what)
{
    const vblip_failure warning = {.input = input, .path = path, .message = what};
    if (job->warned && what[0])
        job->warned(job->user, &warning);
}

double vb_seconds_left(uint64_t done, uint64_t total, double elapsed_s)
{
    if (done == 0 || total == 0)
        return -1.0;
    if (done >= total)
        return 0.0;
    return elapsed_s / (double)done * (double)(total - done);
}

vb_meter vb_meter_start(const vblip_job *job, const char *unit, uint64_t total)
{
    return (vb_meter){
        .job = job, .unit = unit, .total = total, .started_s = vb_now_s()};
}

void vb_meter_restart(vb_meter *meter)
{
    meter->started_s = vb_now_s();
    meter->aside_s = 0;
}

// Not known before `least_s` of work: the first frames find caches cold and clocks low.
static double meter_seconds_left(const vb_meter *meter)
{
    static const double least_s = 0.5;
    const double elapsed_s = vb_now_s() - meter->started_s - meter->aside_s;
    if (elapsed_s < least_s && meter->done < meter->total)
        return -1.0;
    const double left_s = vb_seconds_left(meter->done, meter->total, elapsed_s);
    return left_s < 0 ? left_s : left_s + meter->aside_left_s;
}

vblip_status vb_meter_add(vb_meter *meter, const char *path, uint64_t done,
                          vblip_error *err)
{
    meter->done += done;
    if (!meter->job->progress)
        return VBLIP_OK;
    vblip_progress progress = {
        .path = path,
        .unit = meter->unit,
        .done = meter->done,
        .total = meter->total,
        .seconds_left = meter_seconds_left(meter),
    };
    return meter->job->progress(meter->job->user, &progress) ? vb_fail_cancelled(err)
                                                             : VBLIP_OK;
}

vblip_status vb_meter_skip(vb_meter *meter, const char *path, uint64_t units,
                           vblip_error *err)
{
    if (meter->total)
        meter->total -= units;
    return vb_meter_add(meter, path, 0, err);
}

vblip_status vb_fail_cancelled(vblip_error *err)
{
    return vb_fail(err, VBLIP_ERR_CANCELLED, "stopped by the caller");
}
