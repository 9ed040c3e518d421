// worker.h - jobs on a stream, one a line, and an answer to each: docs/cli.md, 16.
#ifndef VB_SERVE_WORKER_H
#define VB_SERVE_WORKER_H

#include "serve/jobs.h"

typedef struct vb_worker_options {
    vb_jobs_options jobs;
    int fd; // jobs are read from
    bool (*stopped)(
        void); // asked some times a second; true: after the job in work, no other
    // Writes a line, and says whether nobody reads any more, which ends it.
    bool (*write)(void *user, const vb_string *line);
    void *user;
} vb_worker_options;

// Answers jobs until there are no more. VBLIP_ERR_CANCELLED: it was stopped, or nobody reads.
VB_CHECKED vblip_status vb_worker(const vb_worker_options *options, vblip_error *err);

#endif // VB_SERVE_WORKER_H
