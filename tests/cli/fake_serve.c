// fake_serve.c - a server that says what it was to serve, and ends.
#include "serve/mcp.h"
#include "serve/serve.h"

#include "serve/worker.h"

#include <stdio.h>

#include "cli/fake_vblip.h"

vblip_status vb_serve(const vb_serve_options *options, vblip_error *err)
{
    const vb_serve_options *o = options;
    char line[512];
    (void)err;
    snprintf(line, sizeof line,
             "%s port %u%s, token %s, %u inputs, index %s%s%s%s, of %s on %s",
             o->address, (unsigned)o->port, o->loopback ? "" : ", for others",
             o->token ? o->token : "none",
             o->inputs ? (unsigned)vblip_inputs_count(o->inputs) : 0,
             o->indexing.index ? o->indexing.index : "by directory",
             o->matches ? ", matches" : "", o->asks ? ", asks" : "",
             o->captions ? ", captions" : "", o->name, o->device);
    o->ready(o->user, line);
    return VBLIP_OK;
}

vblip_status vb_worker(const vb_worker_options *options, vblip_error *err)
{
    const vb_worker_options *o = options;
    vb_string line = {0};
    (void)err;
    vb_string_appendf(&line, "{\"model\":\"%s\",\"tasks\":%u,\"calibration\":\"%s\"}\n",
                      o->jobs.model_options.path, (unsigned)o->jobs.tasks,
                      o->jobs.model_options.calibration
                          ? o->jobs.model_options.calibration
                          : "its own");
    const bool closed = o->lines.write(o->lines.user, &line);
    vb_string_free(&line);
    return closed ? VBLIP_ERR_CANCELLED : VBLIP_OK;
}

vblip_status vb_mcp(const vb_mcp_options *options, vblip_error *err)
{
    const vb_jobs_options *o = &options->jobs;
    vb_string line = {0};
    (void)err;
    vb_string_appendf(&line, "%u paths, index %s, segment %s, frames %u, include %s\n",
                      (unsigned)o->path_count, o->index ? o->index : "by directory",
                      o->segment ? o->segment : "auto", (unsigned)o->frames,
                      o->include ? o->include[0] : "all");
    (void)options->lines.write(options->lines.user, &line);
    vb_string_free(&line);
    return VBLIP_OK;
}
