// bench.h - how fast files become frames, as tasks read them.
#ifndef VB_VIDEO_TASKS_BENCH_H
#define VB_VIDEO_TASKS_BENCH_H

#include "video_tasks/tasks.h"

// NULL-terminated: "decode-uniform", "decode-seconds".
extern const char *const vb_decode_bench_names[];

// Times the reading of all inputs of `task`: opened, the frames of that name found, decoded
// and squashed to side x side pixels, so many files at once on so many cores. An unknown
// name is VBLIP_ERR_ARGUMENT, an input that cannot be read its own failure.
VB_CHECKED vblip_status vb_decode_bench(const vb_task *task, const char *name,
                                        const vblip_decode_bench_options *options,
                                        vblip_bench_fn fn, void *user,
                                        vblip_error *err);

#endif // VB_VIDEO_TASKS_BENCH_H
