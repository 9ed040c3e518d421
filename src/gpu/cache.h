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
} vb_cache;

// Reads the file of this device in `dir`, and gives its pipelines to the driver. Whatever
// is wrong with it, the device opens without.
VB_CHECKED vblip_status vb_cache_open(vb_gpu *gpu, const char *dir, vblip_error *err);

// Writes the file if there is news. A failure is logged.
void vb_cache_save(vb_gpu *gpu);
void vb_cache_close(vb_gpu *gpu);

#endif // VB_GPU_CACHE_H
