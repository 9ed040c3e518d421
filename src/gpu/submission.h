// submission.h - what is recorded, what was submitted and may still run, and what both use.
//
// A few submissions take turns: one is recorded while those before it run. What one uses -
// its command buffer, descriptor sets, staging, downloads - is used again when the timeline
// has reached its value.
#ifndef VB_GPU_SUBMISSION_H
#define VB_GPU_SUBMISSION_H

#include "gpu/descriptors.h"
#include "gpu/memory.h"
#include "gpu/pace.h"
#include "gpu/profile.h"

enum { VB_SUBMISSIONS = 3, VB_STAGING_BLOCKS = 3, VB_PENDING_DOWNLOADS = 64 };

typedef struct vb_pending_download {
    void *dst;
    const uint8_t *src; // mapped
    size_t bytes;
} vb_pending_download;

typedef struct vb_submission {
    VkCommandPool pool;
    VkCommandBuffer buffer;
    uint64_t value; // of the timeline when what was submitted last has run
    vb_pace_load load;
    vb_descriptors descriptors;
    vb_gpu_buffer *staging[VB_STAGING_BLOCKS];
    uint64_t staging_used[VB_STAGING_BLOCKS];
    uint32_t staging_count;
    vb_pending_download downloads[VB_PENDING_DOWNLOADS];
    uint32_t download_count;
    vb_profile_spans spans;
} vb_submission;

typedef struct vb_submissions {
    vb_submission ring[VB_SUBMISSIONS];
    uint32_t next;       // of the ring: recorded now, or next
    vb_submission *open; // recorded now; NULL: none is
    VkSemaphore timeline;
    uint64_t sent, ended; // values: of the last submit, of the last known to have run
    double since_s;       // when the time of what is yet to end began
    vb_pace_load ran;     // what has ended since then
} vb_submissions;

VB_CHECKED vblip_status vb_submissions_open(vb_gpu *gpu, vblip_error *err);
void vb_submissions_close(vb_gpu *gpu);

// The value that the timeline will have when what is recorded now has run.
static inline uint64_t vb_submission_value(const vb_submissions *submissions)
{
    return submissions->sent + 1;
}

// Begins to record; waits when all of the ring run.
VB_CHECKED vblip_status vb_submission_begin(vb_gpu *gpu, vblip_error *err);

// Submits what is recorded, of so much work, and waits for nothing.
VB_CHECKED vblip_status vb_submission_send(vb_gpu *gpu, vb_pace_load load,
                                           vblip_error *err);

// Waits until what was submitted has run, up to `value`, and fills its downloads.
VB_CHECKED vblip_status vb_submissions_wait(vb_gpu *gpu, uint64_t value,
                                            vblip_error *err);

// Whether downloads are recorded or submitted that have not arrived.
bool vb_submissions_downloading(const vb_submissions *submissions);

// Drops what is recorded, and downloads. What was submitted runs on.
void vb_submissions_drop(vb_submissions *submissions);

// Nothing runs any more, or nothing will be told of it.
void vb_submissions_forget(vb_submissions *submissions);

#endif // VB_GPU_SUBMISSION_H
