#include "gpu/blocks.h"

#include "gpu/context.h"

#include <stdlib.h>

struct vb_block {
    vb_block *next;
    vb_allocation memory;
    uint64_t size;
    uint32_t type;
    vb_memory_use use;
    vb_piece *first; // pieces by offset
};

// A block is this part of the device's memory: what is larger than half of one has its own,
// so that there are never more than some hundred.
enum { BLOCKS = 128 };
static const uint64_t least_block = 4 << 20, most_block = 256 << 20;

void vb_blocks_open(vb_gpu *gpu)
{
    const uint64_t bytes = gpu->physical.info.memory_bytes / BLOCKS;
    gpu->memory.block_bytes = bytes < least_block  ? least_block
                              : bytes > most_block ? most_block
                                                   : bytes;
}

// Cuts the piece from the first gap that is large enough; false: there is none.
static bool cut_piece(vb_piece *piece, vb_block *block,
                      const VkMemoryRequirements *need)
{
    uint64_t at = 0;
    for (vb_piece **link = &block->first;; link = &(*link)->next) {
        const uint64_t start =
            (at + need->alignment - 1) / need->alignment * need->alignment;
        const uint64_t end = *link ? (*link)->offset : block->size;
        if (start <= end && end - start >= need->size) {
            const vb_allocation *memory = &block->memory;
            *piece = (vb_piece){
                block,          *link,
                start,          need->size,
                memory->handle, memory->mapped ? memory->mapped + start : NULL};
            *link = piece;
            return true;
        }
        if (!*link)
            return false;
        at = (*link)->offset + (*link)->size;
    }
}

static bool cut_from_blocks(vb_piece *piece, const vb_gpu *gpu,
                            const VkMemoryRequirements *need, uint32_t type,
                            vb_memory_use use)
{
    for (vb_block *b = gpu->memory.blocks; b; b = b->next)
        if (b->type == type && b->use == use && cut_piece(piece, b, need))
            return true;
    return false;
}

// A new block for the piece: of its size alone where it is large, where it is one of the few
// for staging, or where there is no room for more.
static VkResult cut_from_new(vb_piece *piece, vb_gpu *gpu,
                             const VkMemoryRequirements *need, uint32_t type,
                             vb_memory_use use)
{
    const uint64_t usual = gpu->memory.block_bytes;
    gpu->memory.host_allocations++;
    vb_block *block = calloc(1, sizeof *block);
    if (!block)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    const bool own = use == VB_FOR_STAGING || need->size > usual / 2;
    *block = (vb_block){.size = own ? need->size : usual, .type = type, .use = use};
    VkResult result = vb_allocate(&block->memory, gpu, block->size, type, use);
    if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY && !own) {
        block->size = need->size;
        result = vb_allocate(&block->memory, gpu, block->size, type, use);
    }
    if (result != VK_SUCCESS) {
        free(block);
        return result;
    }
    vb_block **end = &gpu->memory.blocks; // oldest first, as pool.c fills its own
    while (*end)
        end = &(*end)->next;
    *end = block;
    (void)cut_piece(piece, block, need);
    return VK_SUCCESS;
}

// Says once that kernels will read over the bus from now on.
static void tell_full(vb_gpu *gpu, uint32_t first, uint32_t type)
{
    if (gpu->memory.told_full || !vb_memory_is_local(gpu, first) ||
        vb_memory_is_local(gpu, type))
        return;
    gpu->memory.told_full = true;
    vb_logf(&gpu->log,
            "%s: its memory is full: what else it needs lies in the host's, and is "
            "slower",
            gpu->physical.name);
}

vblip_status vb_piece_take(vb_piece *out, vb_gpu *gpu, const VkMemoryRequirements *need,
                           vb_memory_use use, vblip_error *err)
{
    uint32_t left = need->memoryTypeBits;
    const uint32_t best = vb_memory_type(gpu, left, use);
    if (best == VB_NO_TYPE)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "no memory type for a buffer");
    VkResult result = VK_ERROR_OUT_OF_DEVICE_MEMORY;
    for (uint32_t type = best;
         result == VK_ERROR_OUT_OF_DEVICE_MEMORY && type != VB_NO_TYPE;
         type = vb_memory_type(gpu, left, use)) {
        if (cut_from_blocks(out, gpu, need, type, use))
            return VBLIP_OK;
        result = cut_from_new(out, gpu, need, type, use);
        if (result == VK_SUCCESS && use == VB_FOR_KERNELS)
            tell_full(gpu, best, type);
        left &= ~(1u << type);
    }
    return result == VK_SUCCESS ? VBLIP_OK
                                : vb_fail_vk(err, result, "AllocateMemory()");
}

static void free_block(vb_block *block, vb_gpu *gpu)
{
    vb_block **link = &gpu->memory.blocks;
    while (*link != block)
        link = &(*link)->next;
    *link = block->next;
    vb_allocation_free(&block->memory, gpu);
    free(block);
}

void vb_piece_give(vb_piece *piece, vb_gpu *gpu)
{
    vb_block *block = piece->block;
    if (!block)
        return;
    vb_piece **link = &block->first;
    while (*link != piece)
        link = &(*link)->next;
    *link = piece->next;
    *piece = (vb_piece){0};
    if (!block->first && !gpu->waiting.running)
        free_block(block, gpu);
}

void vb_blocks_close(vb_gpu *gpu)
{
    while (gpu->memory.blocks)
        free_block(gpu->memory.blocks, gpu);
}
