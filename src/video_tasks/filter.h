// filter.h - CapFilt: captions of the web and made-up ones, judged by ITM (blip-spec 6.8).
#ifndef VB_VIDEO_TASKS_FILTER_H
#define VB_VIDEO_TASKS_FILTER_H

#include "datasets/eval_set.h"
#include "video_tasks/tasks.h"

// The inputs of `task`, whose model judges, are those of `set`; so are `captioner`'s,
// whose model may be the same.
typedef struct vb_filter {
    const vb_task *task, *captioner;
    const vb_eval_set *set; // VB_ANNOTATED_PAIRS
    const vblip_filter_options *options;
    vblip_filtered_fn fn;
    void *user;
} vb_filter;

VB_CHECKED vblip_status vb_task_filter(const vb_filter *filter, vblip_error *err);

#endif // VB_VIDEO_TASKS_FILTER_H
