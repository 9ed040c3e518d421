// blocks.h - pieces of device memory, cut from larger blocks: drivers allow some thousands of
// allocations, and there may be more buffers.
#ifndef VB_GPU_BLOCKS_H
#define VB_GPU_BLOCKS_H

#include "gpu/allocate.h"

typedef struct vb_block vb_block;

// Must not move while it is taken. All-zero: it is not.
typedef struct vb_piece {
    vb_block *block;
    struct vb_piece *next; // behind it in the block
    uint64_t offset, size; // in the block
    VkDeviceMemory memory; // the block's
    uint8_t *mapped;       // the piece; NULL when the host cannot write it
} vb_piece;

// Of the best type of memory that has room. VBLIP_ERR_MEMORY: none has.
VB_CHECKED vblip_status vb_piece_take(vb_piece *out, vb_gpu *gpu,
                                      const VkMemoryRequirements *need,
                                      vb_memory_use use, vblip_error *err);

// The last piece of a block takes the block along; not while something runs that may use it.
void vb_piece_give(vb_piece *piece, vb_gpu *gpu);

void vb_blocks_open(vb_gpu *gpu);
void vb_blocks_close(vb_gpu *gpu);

#endif // VB_GPU_BLOCKS_H
