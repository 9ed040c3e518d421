// job.h - what a job tells its caller: inputs that failed, and how far it is.
#ifndef VB_VIDEO_TASKS_JOB_H
#define VB_VIDEO_TASKS_JOB_H

#include "base/error.h"

// `job`, or for NULL one that asks for nothing.
const vblip_job *vb_job(const vblip_job *job);

// Reports that input number `input`, `path`, failed because of `why`. The path is not said twice: a
// message of `why` that begins with it loses it. Not OK only when the caller stops, or has
// stopped the reading of the input.
VB_CHECKED vblip_status vb_job_failed(const vblip_job *job, uint32_t input,
                                      const char *path, const vblip_error *why,
                                      vblip_error *err);

// `message` without "PATH: " at its start.
const char *vb_without_path(const char *message, const char *path);

// Reports what is wrong with an input that is read all the same.
void vb_job_warned(const vblip_job *job, uint32_t input, const char *path,
                   const char *what);

// Counts one phase of a job and tells the progress callback.
typedef struct vb_meter {
    const vblip_job *job;
    const char *unit;
    uint64_t done, total; // total 0 = not known
    double started_s;     // monotonic clock
    // Work that the units do not count: seconds of it since the start, and still to come.
    double aside_s, aside_left_s;
} vb_meter;

vb_meter vb_meter_start(const vblip_job *job, const char *unit, uint64_t total);

// As if it were started now.
void vb_meter_restart(vb_meter *meter);

// Adds `done` units of work on `path` and reports. Not OK only when the caller stops.
VB_CHECKED vblip_status vb_meter_add(vb_meter *meter, const char *path, uint64_t done,
                                     vblip_error *err);

// Takes `units` that will not be done off the total, where it is known, and reports.
VB_CHECKED vblip_status vb_meter_skip(vb_meter *meter, const char *path, uint64_t units,
                                      vblip_error *err);

// Time left at the speed so far; < 0 = not known.
double vb_seconds_left(uint64_t done, uint64_t total, double elapsed_s);

// A callback said stop.
vblip_status vb_fail_cancelled(vblip_error *err);

#endif // VB_VIDEO_TASKS_JOB_H
