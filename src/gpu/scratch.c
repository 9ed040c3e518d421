#include "gpu/scratch.h"

#include "gpu/context.h"

// What attention takes of the heads of all released models, see ops_transformer.c.
static const uint64_t first_bytes = 4 << 20;

vblip_status vb_scratch_take(vb_span *out, vb_gpu *gpu, uint64_t bytes,
                             vblip_error *err)
{
    const uint64_t most = gpu->base.caps.max_buffer_bytes;
    VB_TRY(vb_wait_check(gpu, err)); // what hangs may use it
    if (bytes > most)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "%s: scratch: %llu bytes, a buffer has %llu at most",
                       gpu->physical.name, (unsigned long long)bytes,
                       (unsigned long long)most);
    if (!gpu->scratch || gpu->scratch->base.size < bytes) {
        if (gpu->scratch)
            VB_TRY(vb_commands_wait(gpu, gpu->scratch->used, err));
        vb_memory_destroy(gpu->scratch);
        gpu->scratch = NULL;
        VB_TRY(vb_memory_make(&gpu->scratch, gpu,
                              bytes > first_bytes ? bytes : first_bytes, "scratch",
                              err));
    }
    *out = (vb_span){gpu->scratch, 0, (bytes + 3) / 4 * 4};
    return VBLIP_OK;
}
