// commands.h - the one command buffer: dispatches, barriers, submit.
//
// Callers say what a command reads and writes; no one else types a pipeline stage. What
// is recorded runs at the next flush, which may come early, when a ring is full.
#ifndef VB_GPU_COMMANDS_H
#define VB_GPU_COMMANDS_H

#include "gpu/compile.h"
#include "gpu/descriptors.h"
#include "gpu/hazards.h"
#include "gpu/memory.h"
#include "gpu/pace.h"

enum { VB_STAGING_BLOCKS = 8, VB_PENDING_DOWNLOADS = 64 };

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

typedef struct vb_pending_download {
    void *dst;
    const uint8_t *src; // mapped
    size_t bytes;
} vb_pending_download;

typedef struct vb_commands {
    VkCommandPool pool;
    VkCommandBuffer buffer;
    VkSemaphore timeline;
    uint64_t submitted; // the timeline reaches it when the last submit has run
    bool recording;
    uint32_t dispatches; // recorded so far
    vb_pace pace;
    vb_hazards hazards;
    vb_descriptors descriptors;
    vb_gpu_buffer *nothing; // bound where an operand is absent
    vb_gpu_buffer *staging[VB_STAGING_BLOCKS];
    uint64_t staging_used[VB_STAGING_BLOCKS];
    uint32_t staging_count;
    vb_pending_download downloads[VB_PENDING_DOWNLOADS];
    uint32_t download_count;
    vblip_error lost; // what vb_commands_settle met, until a submit reports it
} vb_commands;

VB_CHECKED vblip_status vb_commands_open(vb_gpu *gpu, vblip_error *err);
void vb_commands_close(vb_gpu *gpu);

// Records it, in pieces where it is more than a submit should be.
VB_CHECKED vblip_status vb_commands_dispatch(vb_gpu *gpu, const vb_dispatch *dispatch,
                                             vblip_error *err);

// For transfer.c: begins the command buffer if none is open, and a command in it.
VB_CHECKED vblip_status vb_commands_begin(vb_gpu *gpu, vblip_error *err);
void vb_command_open(vb_gpu *gpu, const char *op, const vb_access *accesses,
                     uint32_t count);
void vb_command_close(vb_gpu *gpu);

// VBLIP_ERR_CANCELLED when the caller of the library wants to stop.
VB_CHECKED vblip_status vb_commands_go_on(vb_gpu *gpu, vblip_error *err);

// Runs what is recorded, if anything, waits, and fills downloads. After a failure nothing
// is recorded any more; nothing runs either when the caller wants to stop.
VB_CHECKED vblip_status vb_commands_flush(vb_gpu *gpu, vblip_error *err);

// The same, for a caller that needs the device idle but recorded none of the commands
// and so cannot report their failure: vb_commands_submit reports it later.
void vb_commands_settle(vb_gpu *gpu);

// Runs what is recorded, as flush does, and reports what vb_commands_settle met since
// the last submit.
VB_CHECKED vblip_status vb_commands_submit(vb_gpu *gpu, vblip_error *err);

// Drops what is recorded, and a failure that vb_commands_settle met.
void vb_commands_discard(vb_gpu *gpu);
bool vb_commands_recording(const vb_gpu *gpu);

#endif // VB_GPU_COMMANDS_H
