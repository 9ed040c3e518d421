// tools.h - what agents can do with the recordings that are searched, and with no others.
#ifndef VB_SERVE_TOOLS_H
#define VB_SERVE_TOOLS_H

#include "base/arena.h"
#include "base/list.h"
#include "serve/jobs.h"

typedef struct vb_tool {
    const char *name, *title, *about;
    vb_request_kind kind;
} vb_tool;

// NULL where there is none.
const vb_tool *vb_tool_named(const char *name);

// Appends the list of tools, with the JSON Schemas of their arguments.
void vb_tools_list(vb_string *out);

typedef struct vb_tools {
    vb_jobs jobs;
    vb_list roots;  // absolute: what lies in one of them may be seen
    vb_string rows; // of a call
} vb_tools;

VB_CHECKED vblip_status vb_tools_open(vb_tools *out, const vb_jobs_options *options,
                                      vblip_error *err);
void vb_tools_close(vb_tools *tools);

// Appends the result of a call: {"content": [...], ...}; what fails is said there, for the
// agent to read. `arguments` NULL = none.
void vb_tool_call(vb_tools *tools, const vb_tool *tool, const cJSON *arguments,
                  vb_string *out);

#endif // VB_SERVE_TOOLS_H
