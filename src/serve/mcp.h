// mcp.h - tools for agents: the Model Context Protocol over a stream, a message a line
// (docs/cli.md, 17).
#ifndef VB_SERVE_MCP_H
#define VB_SERVE_MCP_H

#include "serve/jobs.h"

typedef struct vb_mcp_options {
    vb_jobs_options jobs;  // `paths`, or `index`, is what agents may see
    int fd;                // messages are read from
    bool (*stopped)(void); // as in vb_worker_options
    bool (*write)(void *user, const vb_string *line);
    void *user;
} vb_mcp_options;

// Answers messages until there are no more. VBLIP_ERR_CANCELLED: it was stopped, or nobody reads.
VB_CHECKED vblip_status vb_mcp(const vb_mcp_options *options, vblip_error *err);

#endif // VB_SERVE_MCP_H
