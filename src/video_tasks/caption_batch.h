// caption_batch.h - frames that wait to be captioned, so that several are at once: those of
// short recordings and images together. Their rows come in the order that all of it came in.
#ifndef VB_VIDEO_TASKS_CAPTION_BATCH_H
#define VB_VIDEO_TASKS_CAPTION_BATCH_H

#include "video_tasks/job.h"
#include "video_tasks/tasks.h"
#include "video_tasks/timeline.h"

// What a row is about.
typedef struct vb_captioned {
    uint32_t input; // index
    const char *path;
    bool timed;
    int64_t lead_us; // as in vblip_caption
    vb_span span;
} vb_captioned;

typedef struct vb_caption_batch vb_caption_batch;

// `meter` counts the captions. All arguments but `params` must outlive the batch.
VB_CHECKED vblip_status vb_caption_batch_open(vb_caption_batch **out,
                                              const vb_task *task,
                                              const vblip_caption_options *options,
                                              vblip_caption_fn fn, void *user,
                                              vb_meter *meter, vblip_error *err);
void vb_caption_batch_close(vb_caption_batch **batch);

// A frame, which is copied. `again`: it is the frame of the row before.
VB_CHECKED vblip_status vb_caption_batch_add(vb_caption_batch *batch,
                                             const vb_captioned *about,
                                             const vb_frame *frame, bool again,
                                             vblip_error *err);

// What follows is not the neighbour of what was before.
VB_CHECKED vblip_status vb_caption_batch_break(vb_caption_batch *batch,
                                               vblip_error *err);

// An input is over; `failed` says why, or has the status VBLIP_OK.
VB_CHECKED vblip_status vb_caption_batch_end(vb_caption_batch *batch, uint32_t input,
                                             const char *path,
                                             const vblip_error *failed,
                                             vblip_error *err);

// Captions what waits. Not OK when the caller stops, or the model fails.
VB_CHECKED vblip_status vb_caption_batch_flush(vb_caption_batch *batch,
                                               vblip_error *err);

// The last row, which waits for its neighbour: also where something failed.
VB_CHECKED vblip_status vb_caption_batch_finish(vb_caption_batch *batch,
                                                vblip_error *err);

#endif // VB_VIDEO_TASKS_CAPTION_BATCH_H
