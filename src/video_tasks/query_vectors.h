// query_vectors.h - what segments are compared with: texts, and pictures that they are to
// be like.
#ifndef VB_VIDEO_TASKS_QUERY_VECTORS_H
#define VB_VIDEO_TASKS_QUERY_VECTORS_H

#include "vblip_library.h"
#include "video_tasks/tasks.h"

// Fills out [max(1, count), projection]: the ITC vector of each text and those of the
// examples, as weighted, in one sum of length one. Of `task` neither inputs nor part are
// looked at; job->frames of an example that is a video. An example that cannot be read,
// or examples that leave nothing of a text, are failures.
VB_CHECKED vblip_status vb_query_vectors(float *out, const vb_task *task,
                                         const vblip_job *job, const char *const *texts,
                                         uint32_t count, const vblip_example *examples,
                                         uint32_t example_count, vblip_error *err);

#endif // VB_VIDEO_TASKS_QUERY_VECTORS_H
