// resident.c - a copy of all blocks in memory, for who searches one index again and again:
// what was read and found sound is not read again until the file changes.
#define _DEFAULT_SOURCE // madvise
#include "index/store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 1 << 21 };

void vb_resident_free(vb_index *index)
{
    vb_resident *r = &index->resident;
    free(r->numbers);
    free(r->full);
    free(r->recordings);
    free(r->spans);
    free(r->vectors);
    *r = (vb_resident){0};
}

// A page fault for each 2 MiB, where the system has pages so large.
static void *take_huge_pages(size_t size)
{
    void *bytes = NULL;
    if (posix_memalign(&bytes, HUGE_PAGE, size) != 0)
        return NULL;
#if defined(MADV_HUGEPAGE)
    (void)madvise(bytes, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return bytes;
}

bool vb_resident_begin(vb_index *index, uint64_t blocks)
{
    vb_resident *r = &index->resident;
    const size_t segments = (size_t)blocks * VB_BLOCK_SEGMENTS;
    vb_resident_free(index);
    if (!blocks)
        return false;
    r->capacity = blocks;
    r->numbers = calloc((size_t)blocks, sizeof *r->numbers);
    r->full = calloc((size_t)blocks, sizeof *r->full);
    r->recordings = calloc(segments, sizeof *r->recordings);
    r->spans = calloc(segments, sizeof *r->spans);
    r->vectors = take_huge_pages(segments * index->dims * sizeof *r->vectors);
    const bool room = r->numbers && r->full && r->recordings && r->spans && r->vectors;
    if (!room)
        vb_resident_free(index);
    return room;
}

static bool is_full(const int64_t *recordings)
{
    for (uint32_t p = 0; p < VB_BLOCK_SEGMENTS; p++)
        if (recordings[p] <= 0)
            return false;
    return true;
}

void vb_resident_add(vb_index *index, uint64_t number, uint8_t *block)
{
    vb_resident *r = &index->resident;
    if (r->count == r->capacity)
        return;
    const size_t at = (size_t)r->count * VB_BLOCK_SEGMENTS;
    const size_t vectors = VB_BLOCK_SEGMENTS * (size_t)index->dims;
    r->full[r->count] = is_full(vb_block_recordings(block));
    r->numbers[r->count++] = number;
    memcpy(r->recordings + at, vb_block_recordings(block),
           VB_BLOCK_SEGMENTS * sizeof *r->recordings);
    memcpy(r->spans + at, vb_block_spans(block), VB_BLOCK_SEGMENTS * sizeof *r->spans);
    memcpy(r->vectors + at * index->dims, vb_block_vectors(block),
           vectors * sizeof *r->vectors);
}
