// serving.h - what commands share that answer one question after another.
#ifndef CLI_SERVING_H
#define CLI_SERVING_H

#include "cli/session.h"
#include "serve/jobs.h"

// Opens the engine, and finds out what there are models for; they are loaded later. The
// options point into the session.
VB_CHECKED vblip_status cli_serving_begin(vb_jobs_options *out, cli_session *s,
                                          vblip_error *err);

// Writes a line to standard output at once, interrupted or not; whether nobody reads there.
bool cli_serving_write(void *session, const vb_string *line);

// The only index that there is, where neither inputs nor --index say what to search, for
// free(); else NULL.
VB_CHECKED vblip_status cli_only_index(char **out, cli_session *s, vblip_error *err);

#endif // CLI_SERVING_H
