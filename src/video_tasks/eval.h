// eval.h - the paper's protocols over a data set (blip-spec 6.1 to 6.4, 6.7).
#ifndef VB_VIDEO_TASKS_EVAL_H
#define VB_VIDEO_TASKS_EVAL_H

#include "datasets/eval_set.h"
#include "video_tasks/tasks.h"

// What a protocol works with. The inputs of `task` are those of `set`.
typedef struct vb_eval {
    const vb_task *task;
    const vb_eval_set *set;
    const char *const *answers; // to rank; NULL = generate
    uint32_t answer_count;
    const vblip_eval_options *options;
} vb_eval;

// Text and video (or image) retrieval, both directions.
VB_CHECKED vblip_status vb_eval_retrieval(const vb_eval *eval, vblip_error *err);

// Question answering with the metrics of 6.3; or, for VB_ANNOTATED_QUESTIONS, which
// expect nothing, predictions alone.
VB_CHECKED vblip_status vb_eval_answers(const vb_eval *eval, vblip_error *err);

// Captions that expect nothing: predictions alone.
VB_CHECKED vblip_status vb_eval_captions(const vb_eval *eval, vblip_error *err);

// Statements about two images: predictions and accuracy.
VB_CHECKED vblip_status vb_eval_statements(const vb_eval *eval, vblip_error *err);

// Tells the caller a metric.
VB_CHECKED vblip_status vb_eval_metric(const vb_eval *eval, const char *name,
                                       double value, vblip_error *err);

#endif // VB_VIDEO_TASKS_EVAL_H
