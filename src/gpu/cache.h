// cache.h - what is remembered of a device from one run to the next.
#ifndef VB_GPU_CACHE_H
#define VB_GPU_CACHE_H

#include "base/error.h"
#include "gpu/cache_file.h"

#include <stddef.h>

typedef struct vb_gpu vb_gpu;

// All-zero: nothing is remembered.
typedef struct vb_cache {
    char *path; // where the file is, owned; NULL = none is kept
    vb_verdicts verdicts;
    bool changed;     // there are verdicts that are not in the file
    size_t data_size; // bytes of the driver's data in the file
    vb_specialised pipelines[VB_CACHE_PIPELINES]; // of the file
    uint32_t pipeline_count;
    uint32_t made,
        kept;    // vb_cache_keep_up: pipelines at the last submit, and in the file
    int folder;  // + 1, held while kernels are tested; 0: not
    bool others; // another process tests: the file is its
    bool told;   // that the file cannot be written
} vb_cache;

// Reads the file of this device in `dir`, and gives its pipelines to the driver. Whatever
// is wrong with it, the device opens without.
VB_CHECKED vblip_status vb_cache_open(vb_gpu *gpu, const char *dir, vblip_error *err);

// Before kernels are tested: whoever holds the folder is alive, so that what the file says was
// begun then has ended with its program. Reads the verdicts again. Where another process
// holds it, or there is none, nothing is known to have been begun, and nothing is noted.
void vb_cache_hold(vb_gpu *gpu);
void vb_cache_release(vb_gpu *gpu);

// Writes the file if there is news. The first failure is logged.
void vb_cache_save(vb_gpu *gpu);

// Behind each submit: the same as soon as no more pipelines are compiled, so that a program
// that is killed leaves them.
void vb_cache_keep_up(vb_gpu *gpu);
void vb_cache_close(vb_gpu *gpu);

#endif // VB_GPU_CACHE_H
