// serving.h - what commands share that answer one question after another.
#ifndef CLI_SERVING_H
#define CLI_SERVING_H

#include "cli/session.h"
#include "serve/jobs.h"

// Opens the engine, and finds out what there are models for; they are loaded later. The
// options point into the session.
vblip_status cli_serving_begin(vb_jobs_options *out, cli_session *s, vblip_error *err);

#endif // CLI_SERVING_H
