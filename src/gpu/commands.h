// commands.h - dispatches, and the barriers between them.
//
// Callers say what a command reads and writes; no one else types a pipeline stage. What
// is recorded runs at the next flush, which comes early when something is full.
#ifndef VB_GPU_COMMANDS_H
#define VB_GPU_COMMANDS_H

#include "gpu/compile.h"
#include "gpu/hazards.h"
#include "gpu/submission.h"

// Bytes first .. end - 1 of a buffer, as bound.
typedef struct vb_span {
    vb_gpu_buffer *buffer; // NULL: the operand is absent
    uint64_t first, end;
} vb_span;

typedef struct vb_dispatch {
    const char *op; // name in profiles and labels; a constant
    vb_pipeline_id pipeline;
    uint32_t constants[VB_MAX_CONSTANTS];
    vb_span bindings[VB_MAX_BINDINGS]; // texel bindings take the whole buffer
    const void *params;                // as many bytes as the table says
    uint32_t groups[2];
    uint32_t iterations; // most that one invocation makes in all its loops:
                         // vb_loop_iterations
    uint64_t work;       // of one workgroup, see pace.h
} vb_dispatch;

typedef struct vb_commands {
    uint32_t dispatches; // recorded since the last flush
    vb_pace pace;
    vb_hazards hazards;
    vb_gpu_buffer *nothing; // bound where an operand is absent
    vblip_error lost;       // what vb_commands_settle met, until a submit reports it
} vb_commands;

VB_CHECKED vblip_status vb_commands_open(vb_gpu *gpu, vblip_error *err);
void vb_commands_close(vb_gpu *gpu);

// Records it, in pieces where it is more than a submit should be.
VB_CHECKED vblip_status vb_commands_dispatch(vb_gpu *gpu, const vb_dispatch *dispatch,
                                             vblip_error *err);

// For transfer.c: begins to record, if nothing is recorded, and a command.
VB_CHECKED vblip_status vb_commands_begin(vb_gpu *gpu, vblip_error *err);
void vb_command_open(vb_gpu *gpu, const char *op, const vb_access *accesses,
                     uint32_t count);
void vb_command_close(vb_gpu *gpu);

// VBLIP_ERR_CANCELLED when the caller of the library wants to stop.
VB_CHECKED vblip_status vb_commands_go_on(vb_gpu *gpu, vblip_error *err);

// Submits what is recorded, if anything, and waits for nothing. After a failure nothing is
// recorded any more, and no download arrives; nothing is submitted either when the caller
// wants to stop.
VB_CHECKED vblip_status vb_commands_flush(vb_gpu *gpu, vblip_error *err);

// Waits until what was recorded has run, up to `value` of the timeline, and submits it if
// need be.
VB_CHECKED vblip_status vb_commands_wait(vb_gpu *gpu, uint64_t value, vblip_error *err);

// The same, for a caller that recorded none of the commands and so cannot report their
// failure: vb_commands_submit reports it later.
void vb_commands_settle(vb_gpu *gpu, uint64_t value);

// Submits what is recorded, waits for it if downloads are due, and reports what
// vb_commands_settle met since the last submit.
VB_CHECKED vblip_status vb_commands_submit(vb_gpu *gpu, vblip_error *err);

// Drops what is recorded, downloads of what was submitted, and a failure that
// vb_commands_settle met.
void vb_commands_discard(vb_gpu *gpu);
bool vb_commands_recording(const vb_gpu *gpu);

#endif // VB_GPU_COMMANDS_H
