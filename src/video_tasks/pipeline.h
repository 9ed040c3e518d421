// pipeline.h - items made ahead on threads and handed over in order.
//
// The only place above the device that owns threads, but for base/coop.h. What makes the
// items (decode) runs beside what uses them (the device), unless the device computes on the
// same cores.
#ifndef VB_VIDEO_TASKS_PIPELINE_H
#define VB_VIDEO_TASKS_PIPELINE_H

#include "base/error.h"
#include "video_tasks/halt.h"

// How the cores are shared out.
typedef struct vb_thread_plan {
    uint32_t workers; // files decoded at once, beside compute; 0 = in turn with it
    uint32_t codec_threads; // of each of them
} vb_thread_plan;

// `jobs` of so many files decoded at once; 0 chooses: as many as there are cores, for a
// codec with several threads waits for itself. On a device that shares the cores decode and
// compute alternate, unless more than one job was asked for. Workers times codec threads is
// at most `cores` (at least 1).
vb_thread_plan vb_plan_threads(uint32_t jobs, uint64_t files, uint32_t cores,
                               bool shares_cores);

// Makes item `item` in slot `slot`. Runs on a worker, or inside vb_pipeline_next when
// there are none. No two calls at a time have the same slot.
typedef void (*vb_produce_fn)(void *user, uint64_t item, uint32_t slot);

typedef struct vb_pipeline vb_pipeline;

// Slots a pipeline of `workers` uses: one for each, and one in the consumer's hands.
static inline uint32_t vb_pipeline_slots(uint32_t workers)
{
    return workers + 1;
}

// `halt` may be NULL; whoever waits for items asks it some times a second, and `produce`
// should too.
VB_CHECKED vblip_status vb_pipeline_open(vb_pipeline **out, uint32_t workers,
                                         uint64_t count, vb_produce_fn produce,
                                         void *user, vb_halt *halt, vblip_error *err);

// Waits for the next of the `count` items and says in which slot it is. The slot is the
// caller's until the next call. False when there are no more.
bool vb_pipeline_next(vb_pipeline *pipeline, uint32_t *slot);

// Waits for the items that are being made; starts no more.
void vb_pipeline_close(vb_pipeline **pipeline);

#endif // VB_VIDEO_TASKS_PIPELINE_H
