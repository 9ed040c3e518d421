// mcp.h - tools for agents: the Model Context Protocol over a stream, a message a line
// (docs/cli.md, 17).
#ifndef VB_SERVE_MCP_H
#define VB_SERVE_MCP_H

#include "serve/jobs.h"
#include "serve/line_reader.h"

typedef struct vb_mcp_options {
    vb_jobs_options jobs; // `paths`, or `index`, is what agents may see
    vb_line_stream lines; // of messages; as in vb_worker_options
} vb_mcp_options;

// Answers messages until there are no more. VBLIP_ERR_CANCELLED: it was stopped, or nobody reads.
VB_CHECKED vblip_status vb_mcp(const vb_mcp_options *options, vblip_error *err);

#endif // VB_SERVE_MCP_H
