// match_candidates.h - ITC and ITM of parts of files, each with texts of its own.
#ifndef VB_VIDEO_TASKS_MATCH_CANDIDATES_H
#define VB_VIDEO_TASKS_MATCH_CANDIDATES_H

#include "vblip_library.h"
#include "video_tasks/tasks.h"

// The inputs and spans of the task are those of `candidates`.
VB_CHECKED vblip_status vb_task_match_candidates(const vb_task *task,
                                                 const vblip_candidate *candidates,
                                                 const vblip_match_options *options,
                                                 vblip_match_fn fn, void *user,
                                                 vblip_error *err);

#endif // VB_VIDEO_TASKS_MATCH_CANDIDATES_H
