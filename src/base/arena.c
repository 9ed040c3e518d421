#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct vb_arena_block {
    struct vb_arena_block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
} block;

enum { BLOCK_BYTES = 16 * 1024 };

static block *block_with(vb_arena *arena, size_t bytes)
{
    block *head = arena->head;
    if (head && head->size - head->used >= bytes)
        return head;
    size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    if (size > SIZE_MAX - sizeof(block))
        return NULL;
    block *fresh = calloc(1, sizeof(block) + size);
    if (!fresh)
        return NULL;
    fresh->size = size;
    fresh->next = head;
    arena->head = fresh;
    return fresh;
}

void *vb_arena_alloc(vb_arena *arena, size_t count, size_t size)
{
    const size_t unit = alignof(max_align_t);
    if (size && count > (SIZE_MAX - unit) / size)
        return NULL;
    size_t bytes = (count * size + unit - 1) / unit * unit;
    block *b = block_with(arena, bytes);
    if (!b)
        return NULL;
    void *at = b->bytes + b->used;
    b->used += bytes;
    return at;
}

char *vb_arena_string(vb_arena *arena, const char *text, size_t size)
{
    if (size == SIZE_MAX)
        return NULL;
    char *copy = vb_arena_alloc(arena, size + 1, 1);
    if (copy && size)
        memcpy(copy, text, size);
    return copy;
}

void vb_arena_free(vb_arena *arena)
{
    while (arena->head) {
        block *next = arena->head->next;
        free(arena->head);
        arena->head = next;
    }
}
