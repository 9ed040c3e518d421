#include "compute/pool.h"

#include <stdlib.h>

struct vb_pool_block {
    vb_pool_block *next; // the block that was made after it
    vb_buffer *buffer;
    uint64_t used;
};

enum { ALIGNMENT = 256, BLOCK_BYTES = 1 << 20 };

// Adds a block that holds at least `bytes` at `*end`, the end of the list.
static vblip_status add_block(vb_pool_block **end, vb_pool *pool, uint64_t bytes,
                              vblip_error *err)
{
    vb_pool_block *block = calloc(1, sizeof *block);
    if (!block)
        return vb_fail_memory(err, pool->name);
    uint64_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    vblip_status status =
        vb_buffer_make(&block->buffer, pool->device, size, pool->name, err);
    if (status != VBLIP_OK) {
        free(block);
        return status;
    }
    *end = block;
    pool->bytes += size;
    return VBLIP_OK;
}

vblip_status vb_pool_tensor(vb_tensor *out, vb_pool *pool, vb_dtype type,
                            uint32_t batch, uint32_t rows, uint32_t cols,
                            vblip_error *err)
{
    *out = (vb_tensor){0};
    uint64_t elements = (uint64_t)rows * cols;
    if (!batch || !rows || !cols || elements > UINT32_MAX ||
        elements * batch > UINT32_MAX)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "%s: tensor of %ux%ux%u elements",
                       pool->name, batch, rows, cols);
    uint64_t bytes = elements * batch * vb_dtype_size(type);
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    // First fit from the oldest block on: the same sequence of tensors after a reset
    // lands where it did before, and makes nothing new.
    vb_pool_block **at = &pool->head;
    while (*at && (*at)->buffer->size - (*at)->used < bytes)
        at = &(*at)->next;
    if (!*at)
        VB_TRY(add_block(at, pool, bytes, err));
    vb_pool_block *block = *at;
    *out = vb_tensor_view(block->buffer, block->used, type, batch, rows, cols);
    block->used += bytes;
    return VBLIP_OK;
}

void vb_pool_reset(vb_pool *pool)
{
    for (vb_pool_block *b = pool->head; b; b = b->next)
        b->used = 0;
}

void vb_pool_free(vb_pool *pool)
{
    while (pool->head) {
        vb_pool_block *next = pool->head->next;
        vb_buffer_free(&pool->head->buffer);
        free(pool->head);
        pool->head = next;
    }
    pool->bytes = 0;
}
