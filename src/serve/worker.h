// worker.h - jobs on a stream, one a line, and an answer to each: docs/cli.md, 16.
#ifndef VB_SERVE_WORKER_H
#define VB_SERVE_WORKER_H

#include "serve/jobs.h"
#include "serve/line_reader.h"

typedef struct vb_worker_options {
    vb_jobs_options jobs;
    vb_line_stream lines; // of jobs; what is in work when it is stopped is answered
} vb_worker_options;

// Answers jobs until there are no more. VBLIP_ERR_CANCELLED: it was stopped, or nobody reads.
VB_CHECKED vblip_status vb_worker(const vb_worker_options *options, vblip_error *err);

#endif // VB_SERVE_WORKER_H
