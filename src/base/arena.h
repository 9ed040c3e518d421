// arena.h - memory that is freed all at once.
#ifndef VB_BASE_ARENA_H
#define VB_BASE_ARENA_H

#include <stddef.h>

// All-zero is an empty arena. Not safe for two threads.
typedef struct vb_arena {
    struct vb_arena_block *head;
} vb_arena;

// `count` zeroed elements of `size` bytes, aligned for any type; NULL when memory runs
// out or the product overflows. A count of 0 gives a valid pointer.
void *vb_arena_alloc(vb_arena *arena, size_t count, size_t size);

#define VB_ARENA_NEW(arena, type, count)                                               \
    ((type *)vb_arena_alloc(arena, count, sizeof(type)))

// A NUL-terminated copy of `size` bytes.
char *vb_arena_string(vb_arena *arena, const char *text, size_t size);

// Frees everything and leaves the arena empty.
void vb_arena_free(vb_arena *arena);

#endif // VB_BASE_ARENA_H
