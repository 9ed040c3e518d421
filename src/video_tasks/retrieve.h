// retrieve.h - a search over indexes that are brought up to date first.
#ifndef VB_VIDEO_TASKS_RETRIEVE_H
#define VB_VIDEO_TASKS_RETRIEVE_H

#include "video_tasks/indexing.h"

// Of `in` the caller sets all but job, times, cache and queries; frames 0 = as the job
// says. options->retrieve is not NULL.
VB_CHECKED vblip_status vb_task_search(vb_indexing *in, const char *const *queries,
                                       uint32_t count,
                                       const vblip_search_options *options,
                                       vblip_index_changes *changes, vblip_hit_fn fn,
                                       void *user, vblip_error *err);

#endif // VB_VIDEO_TASKS_RETRIEVE_H
