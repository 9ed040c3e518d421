// bench.h - how fast a loaded model is, stage by stage.
#ifndef VB_BLIP_BENCH_H
#define VB_BLIP_BENCH_H

#include "blip/model.h"

// NULL-terminated: "vision", "text", ...
extern const char *const vb_model_bench_names[];

// The one task whose checkpoints have the stages of that name; 0 = an unknown name.
uint32_t vb_model_bench_task(const char *name);

enum { VB_MOST_COUNTED = 64 }; // frames or texts at a time

// Times the stages of one name, or of all when it is NULL, seen from the host. Stages of
// a task that the model was not loaded for are left out. `counts`, ended by 0, is how many
// frames or texts a stage has at a time, each from 1 to VB_MOST_COUNTED; NULL = the
// stage's own. An unknown name and a larger count are VBLIP_ERR_ARGUMENT.
VB_CHECKED vblip_status vb_model_bench(vb_model *model, const char *name,
                                       const uint32_t *counts, vblip_bench_fn fn,
                                       void *user, vblip_error *err);

#endif // VB_BLIP_BENCH_H
