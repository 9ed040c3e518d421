// compile.h - pipelines as they are specialised: compiled at their first use or ahead of it,
// by threads of their own, when the last program on this device used them.
#ifndef VB_GPU_COMPILE_H
#define VB_GPU_COMPILE_H

#include "base/error.h"
#include "gpu/pipelines.h"
#include "gpu/specialised.h"

#include <pthread.h>
#include <stdatomic.h>

enum { VB_COMPILE_THREADS = 8 }; // at most, and no more than cores

enum vb_pipeline_state {
    VB_PIPELINE_LEFT,    // to whoever needs it
    VB_PIPELINE_AHEAD,   // to whoever comes first
    VB_PIPELINE_IN_HAND, // somebody compiles it
    VB_PIPELINE_MADE
};

typedef struct vb_pipeline {
    vb_specialised what;
    enum vb_pipeline_state state;
    bool used;
    VkPipeline handle; // of what is MADE
} vb_pipeline;

typedef struct vb_compiled {
    pthread_mutex_t lock; // over all but `made`
    pthread_cond_t changed;
    vb_pipeline *list; // [capacity]
    uint32_t count, capacity;
    _Atomic uint32_t made; // of the list
    bool ends;
    pthread_t threads[VB_COMPILE_THREADS];
    uint32_t started;
} vb_compiled;

void vb_compiled_open(vb_gpu *gpu);
void vb_compiled_close(vb_gpu *gpu);

// Begins to compile them. Of what cannot be compiled, or by no thread, nothing is said before
// it is needed.
void vb_compiled_ahead(vb_gpu *gpu, const vb_specialised *list, uint32_t count);

// Leaves what nobody has in hand to whoever needs it, and no thread behind.
void vb_compiled_settle(vb_gpu *gpu);

// Constants beyond those of the shader's row must be 0.
VB_CHECKED vblip_status vb_pipeline_get(VkPipeline *out, vb_gpu *gpu, vb_pipeline_id id,
                                        const uint32_t constants[VB_MAX_CONSTANTS],
                                        vblip_error *err);

// Those that were got since the last vb_compiled_forget, at most `most`: how many.
uint32_t vb_compiled_used(const vb_gpu *gpu, vb_specialised *out, uint32_t most);
void vb_compiled_forget(vb_gpu *gpu);

#endif // VB_GPU_COMPILE_H
