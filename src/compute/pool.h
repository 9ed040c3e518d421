// pool.h - tensors cut one after another from device buffers, and freed all at once.
//
// Weights, activations and cached visual tokens are each one pool with one owner.
#ifndef VB_COMPUTE_POOL_H
#define VB_COMPUTE_POOL_H

#include "compute/device.h"

typedef struct vb_pool_block vb_pool_block;

// All-zero but for `device` and `name` is an empty pool.
typedef struct vb_pool {
    vb_device *device;
    const char *name;    // "weights", in messages; kept
    vb_pool_block *head; // all blocks, oldest first
    uint64_t bytes;      // in all blocks
} vb_pool;

// A packed tensor that holds anything. New device memory is made only when the blocks are
// full: not for a sequence of tensors that was made before the last reset. At least
// 256-byte aligned.
VB_CHECKED vblip_status vb_pool_tensor(vb_tensor *out, vb_pool *pool, vb_dtype type,
                                       uint32_t batch, uint32_t rows, uint32_t cols,
                                       vblip_error *err);

// Forgets all tensors and keeps the memory.
void vb_pool_reset(vb_pool *pool);
// Forgets all tensors and frees the memory.
void vb_pool_free(vb_pool *pool);

#endif // VB_COMPUTE_POOL_H
